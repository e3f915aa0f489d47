package signature

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"tianguis.example/sandbox"
)

// Message is a request as its signature sees it.
type Message struct {
	Method    string
	TargetURI string // scheme, host and request target, as they were sent
	Header    http.Header
	Body      []byte // raw; it is re-serialised before its digest is compared
}

// MessageOf describes a request that arrived over scheme, whose body was read.
func MessageOf(r *http.Request, scheme string, body []byte) Message {
	header := r.Header
	if header.Get("Content-Length") == "" && r.ContentLength >= 0 && len(body) > 0 {
		header = header.Clone()
		header.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
	}
	return Message{Method: r.Method, TargetURI: scheme + "://" + r.Host + r.RequestURI, Header: header, Body: body}
}

// KeyID is the keyid parameter of the signature, or "".
func (m Message) KeyID() string {
	_, rest, ok := strings.Cut(m.input(), `keyid="`)
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

// input is the value of the signature's input, without its label: the components and parameters.
func (m Message) input() string {
	_, input, _ := strings.Cut(m.Header.Get("Signature-Input"), "sig1=")
	return input
}

// components are the covered ones, nil when there is no signature labelled sig1.
func (m Message) components() []string {
	list, _, _ := strings.Cut(m.input(), ";")
	list = strings.Trim(list, "() ")
	if list == "" {
		return nil
	}
	names := strings.Fields(list)
	for n, name := range names {
		names[n] = strings.Trim(name, `"`)
	}
	return names
}

// HeadersValid checks everything but the signature itself: that it is there, that it
// covers method, target and (when there is one) authorization, and that a covered
// digest is the body's.
func (m Message) HeadersValid() bool {
	covered := m.components()
	if m.Header.Get("Signature") == "" || covered == nil {
		return false
	}
	for _, name := range covered {
		if name != strings.ToLower(name) {
			return false
		}
	}
	if !slices.Contains(covered, "@method") || !slices.Contains(covered, "@target-uri") {
		return false
	}
	if m.Header.Get("Authorization") != "" && !slices.Contains(covered, "authorization") {
		return false
	}
	return !slices.Contains(covered, "content-digest") || m.digestValid()
}

func (m Message) digestValid() bool {
	if m.Header.Get("Content-Length") == "" || m.Header.Get("Content-Type") == "" {
		return false
	}
	body, err := Reserialise(m.Body)
	if err != nil {
		return false
	}
	digest := strings.TrimSpace(m.Header.Get("Content-Digest"))
	if encoded, ok := strings.CutPrefix(digest, "sha-512=:"); ok {
		sum := sha512.Sum512(body)
		return sameDigest(encoded, sum[:])
	}
	if encoded, ok := strings.CutPrefix(digest, "sha-256=:"); ok {
		sum := sha256.Sum256(body)
		return sameDigest(encoded, sum[:])
	}
	return false
}

func sameDigest(encoded string, sum []byte) bool {
	given, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(encoded, ":"))
	return err == nil && subtle.ConstantTimeCompare(given, sum) == 1
}

// Verify tells whether the headers are valid and the signature is the key's.
func (m Message) Verify(key sandbox.JWK) bool {
	if !m.HeadersValid() {
		return false
	}
	public, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(key.X, "="))
	if err != nil || len(public) != ed25519.PublicKeySize {
		return false
	}
	encoded := strings.Trim(strings.TrimPrefix(m.Header.Get("Signature"), "sig1="), ":")
	signature, err := base64.StdEncoding.DecodeString(encoded)
	return err == nil && ed25519.Verify(public, []byte(m.Base()), signature)
}

// Base is the signature base (RFC 9421 §2.5): a line for each covered component, and
// the parameters as they were sent.
func (m Message) Base() string {
	var base strings.Builder
	for _, name := range m.components() {
		value := m.Header.Get(name)
		switch name {
		case "@method":
			value = m.Method
		case "@target-uri":
			value = m.TargetURI
		}
		base.WriteString(`"` + name + `": ` + value + "\n")
	}
	base.WriteString(`"@signature-params": ` + m.input())
	return base.String()
}
