package store

import (
	"encoding/base64"
	"errors"
	"strings"

	"tianguis.example/chassis/logging"
)

// What must not be read in a copy of the database is sealed: continue and access tokens, nonces, interact_refs, webhook secrets and answers that hold one. AES-256-GCM; the
// text is bound to its row and column, so that one cannot stand in for another. "v2:<key id>:<base64>"; before keys had an
// id, "v1:<base64>".
const (
	sealedFormat      = "v2:"
	sealedFormatOlder = "v1:"
)

// sealedBy is how text begins that a key has sealed.
func sealedBy(k key) string { return sealedFormat + k.id + ":" }

// isSealed tells what close has made from JSON.
func isSealed(text string) bool { return strings.HasPrefix(text, sealedFormat) }

// close seals text for a place, such as "payments/<id>/access_token". Empty text stays empty.
func (ks Keys) close(text logging.Secret, place string) string {
	if text == "" {
		return ""
	}
	k := ks.current()
	sealed := k.aead.Seal(nil, nil, []byte(text.Reveal()), []byte(place)) //nolint:gosec // G407: this AEAD makes its own random nonce
	return sealedBy(k) + base64.StdEncoding.EncodeToString(sealed)
}

var errSealed = errors.New("a sealed value cannot be opened: is the key that it was written with still in TOKEN_ENCRYPTION_KEY?")

func (ks Keys) open(sealed, place string) (logging.Secret, error) {
	if sealed == "" {
		return "", nil
	}
	candidates, encoded := ks, ""
	if rest, ok := strings.CutPrefix(sealed, sealedFormat); ok {
		id, text, _ := strings.Cut(rest, ":")
		k, known := ks.byID(id)
		if !known {
			return "", errSealed
		}
		candidates, encoded = Keys{k}, text
	} else if encoded, ok = strings.CutPrefix(sealed, sealedFormatOlder); !ok {
		return "", errSealed
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", errSealed
	}
	for _, k := range candidates {
		if text, err := k.aead.Open(nil, nil, raw, []byte(place)); err == nil {
			return logging.Secret(text), nil
		}
	}
	return "", errSealed
}
