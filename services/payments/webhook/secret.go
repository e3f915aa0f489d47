package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Secret signs and verifies: symmetric ("v1", HMAC-SHA256), or asymmetric ("v1a", Ed25519), of which a receiver may have the public half alone,
// and then only verifies.
type Secret struct {
	key     []byte             // symmetric; nil for an asymmetric one
	private ed25519.PrivateKey // nil for a public half
	public  ed25519.PublicKey
}

// The prefixes of Standard Webhooks.
const (
	symmetricPrefix = "whsec_"
	privatePrefix   = "whsk_"
	publicPrefix    = "whpk_"
)

// GenerateSecret makes the text of a new symmetric secret: "whsec_" and 256 random bits in base64.
func GenerateSecret() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never returns an error (crypto/rand)
	return symmetricPrefix + base64.StdEncoding.EncodeToString(key)
}

// GenerateKeyPair makes the texts of a new asymmetric secret: "whsk_…", which signs, and "whpk_…", which its receivers verify with.
func GenerateKeyPair() (private, public string) {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed) // never returns an error (crypto/rand)
	key := ed25519.NewKeyFromSeed(seed)
	own, _ := key.Public().(ed25519.PublicKey) // as its documentation says
	return privatePrefix + base64.StdEncoding.EncodeToString(key), publicPrefix + base64.StdEncoding.EncodeToString(own)
}

var errSecret = errors.New("a webhook secret is whsec_ and 24 to 64 bytes in base64, or whsk_ or whpk_ and an Ed25519 key in base64")

// ParseSecret reads "whsec_<base64 of 24 to 64 bytes>", which are the sizes that Standard Webhooks asks for; "whsk_<base64 of an Ed25519 key>", its
// 32 bytes of seed or all 64; or "whpk_<base64 of 32 bytes>", which only verifies.
func ParseSecret(text string) (Secret, error) {
	prefix, encoded, _ := strings.Cut(text, "_")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return Secret{}, errSecret
	}
	switch size := len(raw); prefix + "_" {
	case symmetricPrefix:
		if size >= 24 && size <= 64 {
			return Secret{key: raw}, nil
		}
	case privatePrefix:
		if size == ed25519.PrivateKeySize || size == ed25519.SeedSize {
			private := ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize])
			public, _ := private.Public().(ed25519.PublicKey) // as its documentation says
			if size == ed25519.SeedSize || hmac.Equal(raw, private) {
				return Secret{private: private, public: public}, nil
			}
		}
	case publicPrefix:
		if size == ed25519.PublicKeySize {
			return Secret{public: raw}, nil
		}
	}
	return Secret{}, errSecret
}

// Text is what ParseSecret reads.
func (s Secret) Text() string {
	switch {
	case s.key != nil:
		return symmetricPrefix + base64.StdEncoding.EncodeToString(s.key)
	case s.private != nil:
		return privatePrefix + base64.StdEncoding.EncodeToString(s.private)
	}
	return publicPrefix + base64.StdEncoding.EncodeToString(s.public)
}

// ForReceiver is the text that its receiver verifies with: a symmetric one itself, or the public half of an asymmetric one.
func (s Secret) ForReceiver() string {
	if s.key != nil {
		return s.Text()
	}
	return publicPrefix + base64.StdEncoding.EncodeToString(s.public)
}

// Signs reports whether it can sign, which the public half of an asymmetric one cannot.
func (s Secret) Signs() bool { return s.key != nil || s.private != nil }

// Fingerprint tells one secret from another, and gives nothing of it away. That of both halves of an asymmetric one is the same.
func (s Secret) Fingerprint() string {
	of := s.key
	if of == nil {
		of = s.public
	}
	sum := sha256.Sum256(append([]byte("tianguis webhook secret "), of...))
	return hex.EncodeToString(sum[:8])
}

// Version is "v1" or "v1a": how its signatures begin.
func (s Secret) Version() string {
	if s.key != nil {
		return "v1"
	}
	return "v1a"
}

// Format hides the secret, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

// sign signs "id.timestamp.body" (Standard Webhooks, "Signature scheme").
func (s Secret) sign(id, timestamp string, body []byte) []byte {
	if s.key == nil {
		return ed25519.Sign(s.private, content(id, timestamp, body))
	}
	return s.mac(id, timestamp, body)
}

// fits reports whether it, or the half of it that signs, has made the signature.
func (s Secret) fits(signature []byte, id, timestamp string, body []byte) bool {
	if s.key == nil {
		return len(s.public) == ed25519.PublicKeySize && ed25519.Verify(s.public, content(id, timestamp, body), signature)
	}
	return hmac.Equal(signature, s.mac(id, timestamp, body))
}

func (s Secret) mac(id, timestamp string, body []byte) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(id + "." + timestamp + "."))
	h.Write(body)
	return h.Sum(nil)
}

func content(id, timestamp string, body []byte) []byte {
	return append([]byte(id+"."+timestamp+"."), body...)
}
