package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of Standard Webhooks.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp" // seconds since 1970
	HeaderSignature = "webhook-signature" // "v1,<base64>", several separated by spaces
)

// Tolerance is how far a timestamp may be from the receiver's clock, either way.
const Tolerance = 5 * time.Minute

// What is wrong with a webhook that Verify refuses.
var (
	ErrUnsigned     = errors.New("the webhook is not signed")
	ErrTimestamp    = errors.New("the webhook's timestamp is more than five minutes away, or is not a number of seconds")
	ErrBadSignature = errors.New("no signature of the webhook fits")
)

// Secret signs and verifies.
type Secret struct{ key []byte }

const secretPrefix = "whsec_"

// GenerateSecret makes the text of a new secret: "whsec_" and 256 random bits in base64.
func GenerateSecret() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never returns an error (crypto/rand)
	return secretPrefix + base64.StdEncoding.EncodeToString(key)
}

// ParseSecret reads "whsec_<base64 of 24 to 64 bytes>", which are the sizes that Standard Webhooks asks for.
func ParseSecret(text string) (Secret, error) {
	encoded, ok := strings.CutPrefix(text, secretPrefix)
	if !ok {
		return Secret{}, errors.New("a webhook secret starts with whsec_")
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) < 24 || len(key) > 64 {
		return Secret{}, errors.New("a webhook secret is whsec_ and 24 to 64 bytes in base64")
	}
	return Secret{key}, nil
}

// Format hides the secret, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

// Secrets are all that are valid now: several while one is being replaced.
type Secrets []Secret

// ParseSecrets reads secrets that are separated by spaces. None is an error.
func ParseSecrets(text string) (Secrets, error) {
	var all Secrets
	for field := range strings.FieldsSeq(text) {
		s, err := ParseSecret(field)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	if len(all) == 0 {
		return nil, errors.New("there is no webhook secret")
	}
	return all, nil
}

// Sign sets the three headers, with one signature for each secret. Every attempt to
// deliver signs afresh, under the same id.
func (all Secrets) Sign(h http.Header, id string, at time.Time, body []byte) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, len(all))
	for i, s := range all {
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(s.mac(id, timestamp, body))
	}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, timestamp)
	h.Set(HeaderSignature, strings.Join(signatures, " "))
}

// Verify returns nil when one of the signatures was made with one of the secrets over these raw
// bytes, and now is within Tolerance of the timestamp. Otherwise ErrUnsigned, ErrTimestamp or ErrBadSignature.
func (all Secrets) Verify(h http.Header, body []byte, now time.Time) error {
	id, timestamp, signatures := h.Get(HeaderID), h.Get(HeaderTimestamp), h.Get(HeaderSignature)
	if id == "" || timestamp == "" || signatures == "" {
		return ErrUnsigned
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return ErrTimestamp
	}
	if away := now.Sub(time.Unix(seconds, 0)); away > Tolerance || away < -Tolerance {
		return fmt.Errorf("%w: it is %s from now", ErrTimestamp, away.Round(time.Second))
	}
	for versioned := range strings.FieldsSeq(signatures) {
		version, encoded, _ := strings.Cut(versioned, ",")
		if version != "v1" {
			continue // "v1a" and what may come are for others
		}
		given, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			continue
		}
		for _, s := range all {
			if hmac.Equal(given, s.mac(id, timestamp, body)) {
				return nil
			}
		}
	}
	return ErrBadSignature
}

// mac is HMAC-SHA256 over "id.timestamp.body" (Standard Webhooks, "Signature scheme").
func (s Secret) mac(id, timestamp string, body []byte) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(id + "." + timestamp + "."))
	h.Write(body)
	return h.Sum(nil)
}
