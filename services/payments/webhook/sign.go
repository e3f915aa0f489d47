package webhook

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of Standard Webhooks.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp" // seconds since 1970
	HeaderSignature = "webhook-signature" // "v1,<base64>" or "v1a,<base64>", several separated by spaces
)

// Tolerance is how far a timestamp may be from the receiver's clock, either way.
const Tolerance = 5 * time.Minute

// What is wrong with a webhook that Verify refuses.
var (
	ErrUnsigned     = errors.New("the webhook is not signed")
	ErrTimestamp    = errors.New("the webhook's timestamp is more than five minutes away, or is not a number of seconds")
	ErrBadSignature = errors.New("no signature of the webhook fits")
)

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

// Fingerprints are those of all, in their order.
func (all Secrets) Fingerprints() []string {
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.Fingerprint()
	}
	return names
}

// Sign sets the three headers, with one signature for each secret that can sign. Every attempt to
// deliver signs afresh, under the same id.
func (all Secrets) Sign(h http.Header, id string, at time.Time, body []byte) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	var signatures []string
	for _, s := range all {
		if s.Signs() {
			signatures = append(signatures, s.Version()+","+base64.StdEncoding.EncodeToString(s.sign(id, timestamp, body)))
		}
	}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, timestamp)
	h.Set(HeaderSignature, strings.Join(signatures, " "))
}

// mostSignatures is how many signatures of one webhook are looked at: more than a sender has secrets, and few enough that
// a stranger's header costs nothing.
const mostSignatures = 16

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
	seen := 0
	for versioned := range strings.FieldsSeq(signatures) {
		if seen++; seen > mostSignatures {
			break
		}
		version, encoded, _ := strings.Cut(versioned, ",")
		given, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			continue
		}
		for _, s := range all {
			if s.Version() == version && s.fits(given, id, timestamp, body) {
				return nil
			}
		}
	}
	return ErrBadSignature
}
