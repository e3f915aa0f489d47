package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"tianguis.example/chassis/logging"
)

// KeySize is the size of a key, in bytes.
const KeySize = 32

// Keys are what tokens are sealed with and the audit trail is signed with: the first of them for what is written, all of them for what
// is read, so that a key can be replaced while the service runs.
type Keys []key

// key is one key of the configuration, with what is derived from it.
type key struct {
	id    string // short, and no secret: written beside what the key has made
	aead  cipher.AEAD
	audit []byte // of the audit trail's HMACs, by HKDF (RFC 5869)
}

// ReadKeys reads one or several keys, separated by spaces, each 32 bytes in base64.
func ReadKeys(text logging.Secret) (Keys, error) {
	var all Keys
	for _, encoded := range strings.Fields(text.Reveal()) {
		raw, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || len(raw) != KeySize {
			return nil, errKeys
		}
		k, err := newKey(raw)
		if err != nil {
			return nil, err
		}
		if _, twice := all.byID(k.id); twice {
			return nil, errors.New("has a key twice")
		}
		all = append(all, k)
	}
	if len(all) == 0 {
		return nil, errKeys
	}
	return all, nil
}

var errKeys = fmt.Errorf("must be %d random bytes in base64, or several such keys separated by spaces", KeySize)

func newKey(raw []byte) (key, error) {
	block, err := aes.NewCipher(raw)
	if err != nil {
		return key{}, fmt.Errorf("use the key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return key{}, fmt.Errorf("use the key: %w", err)
	}
	id, err := hkdf.Key(sha256.New, raw, nil, "tianguis payments key id", 4)
	if err != nil {
		return key{}, fmt.Errorf("name the key: %w", err)
	}
	audit, err := hkdf.Key(sha256.New, raw, nil, "tianguis payments audit trail", sha256.Size)
	if err != nil {
		return key{}, fmt.Errorf("derive the audit key: %w", err)
	}
	return key{id: hex.EncodeToString(id), aead: aead, audit: audit}, nil
}

// GenerateKey makes the text of a new key.
func GenerateKey() string {
	raw := make([]byte, KeySize)
	_, _ = rand.Read(raw) // never returns an error (crypto/rand)
	return base64.StdEncoding.EncodeToString(raw)
}

// current is the key that writes.
func (ks Keys) current() key { return ks[0] }

func (ks Keys) byID(id string) (key, bool) {
	for _, k := range ks {
		if k.id == id {
			return k, true
		}
	}
	return key{}, false
}
