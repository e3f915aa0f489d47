package openpayments

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
)

const pemType = "PRIVATE KEY" // PKCS #8 (RFC 7468 section 10)

// GenerateKey makes a new client key.
func GenerateKey() (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	return key, nil
}

// MarshalPrivateKeyPEM writes key as PKCS #8 PEM, the form that wallets hand out.
func MarshalPrivateKeyPEM(key ed25519.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("write private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}), nil
}

// ParsePrivateKeyPEM reads what MarshalPrivateKeyPEM writes: exactly one PEM block. Its
// errors never repeat any of the text.
func ParsePrivateKeyPEM(text []byte) (ed25519.PrivateKey, error) {
	block, rest := pem.Decode(text)
	if block == nil {
		return nil, errors.New("read private key: it is not PEM")
	}
	if block.Type != pemType {
		return nil, errors.New("read private key: its PEM block is not a PKCS #8 PRIVATE KEY")
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("read private key: there is more than one PEM block")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("read private key: it is not PKCS #8")
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("read private key: it is not an Ed25519 key")
	}
	return key, nil
}

// JWK is a public key as a wallet publishes it (RFC 8037).
type JWK struct {
	KeyID     string `json:"kid"`
	Algorithm string `json:"alg"`
	KeyType   string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
}

// JWKS is the document at <wallet address>/jwks.json.
type JWKS struct {
	Keys []JWK `json:"keys"`
}

// PublicJWK is key as the client publishes it.
func PublicJWK(keyID string, key ed25519.PublicKey) JWK {
	return JWK{
		KeyID: keyID, Algorithm: "EdDSA", KeyType: "OKP", Curve: "Ed25519",
		X: base64.RawURLEncoding.EncodeToString(key),
	}
}

// PublicKey is the Ed25519 key in k. A key of another kind is an error.
func (k JWK) PublicKey() (ed25519.PublicKey, error) {
	if k.KeyType != "OKP" || k.Curve != "Ed25519" {
		return nil, errors.New("read public key: it is not an Ed25519 key")
	}
	x, err := base64.RawURLEncoding.DecodeString(k.X)
	if err != nil || len(x) != ed25519.PublicKeySize {
		return nil, errors.New("read public key: x is not 32 bytes of base64url")
	}
	return x, nil
}

// Find returns the key with that id.
func (s JWKS) Find(keyID string) (JWK, bool) {
	for _, k := range s.Keys {
		if k.KeyID == keyID {
			return k, true
		}
	}
	return JWK{}, false
}
