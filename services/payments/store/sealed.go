package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"tianguis.example/chassis/logging"
)

// Sealer encrypts what must not be read in a copy of the database: continue and access tokens, nonces and
// interact_refs. AES-256-GCM; the text is bound to its row and column, so that one cannot stand in for another.
type Sealer struct{ aead cipher.AEAD }

// KeySize is the size of a key, in bytes.
const KeySize = 32

// sealedPrefix names the format, so that another key or cipher can follow.
const sealedPrefix = "v1:"

// NewSealer reads a key: 32 bytes in base64.
func NewSealer(key logging.Secret) (*Sealer, error) {
	raw, err := base64.StdEncoding.DecodeString(key.Reveal())
	if err != nil || len(raw) != KeySize {
		return nil, fmt.Errorf("must be %d random bytes in base64", KeySize)
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, fmt.Errorf("use the key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("use the key: %w", err)
	}
	return &Sealer{aead}, nil
}

// GenerateKey makes the text of a new key.
func GenerateKey() string {
	key := make([]byte, KeySize)
	_, _ = rand.Read(key) // never returns an error (crypto/rand)
	return base64.StdEncoding.EncodeToString(key)
}

// close seals text for a place, such as "payments/<id>/access_token". Empty text stays empty.
func (s *Sealer) close(text logging.Secret, place string) string {
	if text == "" {
		return ""
	}
	sealed := s.aead.Seal(nil, nil, []byte(text.Reveal()), []byte(place)) //nolint:gosec // G407: this AEAD makes its own random nonce
	return sealedPrefix + base64.StdEncoding.EncodeToString(sealed)
}

var errSealed = errors.New("a sealed value cannot be opened: is TOKEN_ENCRYPTION_KEY the one that it was written with?")

func (s *Sealer) open(sealed, place string) (logging.Secret, error) {
	if sealed == "" {
		return "", nil
	}
	encoded, ok := strings.CutPrefix(sealed, sealedPrefix)
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil {
		return "", errSealed
	}
	text, err := s.aead.Open(nil, nil, raw, []byte(place))
	if err != nil {
		return "", errSealed
	}
	return logging.Secret(text), nil
}
