package openpayments

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
)

// Signer holds the private key of a client, or knows who does: a KMS can sit behind it.
type Signer interface {
	// KeyID is the key's kid in the client's published jwks.json.
	KeyID() string
	// Sign returns the Ed25519 signature of message (RFC 8032, not pre-hashed).
	Sign(ctx context.Context, message []byte) ([]byte, error)
}

type ed25519Signer struct {
	keyID string
	key   ed25519.PrivateKey
}

// NewEd25519Signer signs with a key held in memory. It refuses a key of the wrong
// length and a key id that cannot be written in a signature's parameters.
func NewEd25519Signer(keyID string, key ed25519.PrivateKey) (Signer, error) {
	if err := checkKeyID(keyID); err != nil {
		return nil, err
	}
	if len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("an Ed25519 private key has %d bytes, not %d", ed25519.PrivateKeySize, len(key))
	}
	return ed25519Signer{keyID, key}, nil
}

func (s ed25519Signer) KeyID() string { return s.keyID }

func (s ed25519Signer) Sign(_ context.Context, message []byte) ([]byte, error) {
	return ed25519.Sign(s.key, message), nil
}

// checkKeyID wants visible ASCII without the two characters that a structured field's
// string would have to escape (RFC 8941 section 3.3.3): no wallet needs them, and not
// every verifier unescapes.
func checkKeyID(id string) error {
	if id == "" {
		return errors.New("the key id is empty")
	}
	if !isVisible(id) {
		return errors.New("the key id holds characters that are not visible ASCII")
	}
	for i := range len(id) {
		if id[i] == '"' || id[i] == '\\' {
			return errors.New("the key id holds a quote or a backslash")
		}
	}
	return nil
}

// isVisible reports whether s is one or more visible ASCII characters, no space: what
// may stand in a header as a token.
func isVisible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != ""
}

// PrivateKey is the key of a Signer that NewEd25519Signer made, for a library that signs by itself. It is false for any other: a KMS hands out none.
func PrivateKey(signer Signer) (ed25519.PrivateKey, bool) {
	held, ok := signer.(ed25519Signer)
	return held.key, ok
}
