package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tianguis.example/sandbox"
)

const clientKeyID = "rafiki-run-test-client-key-1"

type testKey ed25519.PrivateKey

var (
	clientKey = testKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)))
	otherKey  = testKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize)))

	noRedirects = &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       30 * time.Second,
	}
)

func (k testKey) jwk(id string) sandbox.JWK {
	public := k[ed25519.SeedSize:] // crypto/ed25519: a private key is its seed and the public key
	return sandbox.JWK{Kid: id, X: base64.RawURLEncoding.EncodeToString(public), Alg: "EdDSA", Kty: "OKP", Crv: "Ed25519"}
}

// signing is how a request is to be signed: well, unless a case wants it otherwise.
type signing struct {
	key        testKey
	keyID      string
	created    time.Time
	label      string              // sig1 if empty
	uncovered  string              // a component to leave out
	digestOver func([]byte) []byte // what the digest is taken of, the compact JSON if nil
	garbage    bool
}

// signings are the recorded cases of signatures that are not as they should be.
var signings = map[string]func(*signing){
	"g AS: wrong private key, registered keyid":    func(s *signing) { s.key = otherKey },
	"g AS: keyid not in client jwks.json":          func(s *signing) { s.keyID = "no-such-key" },
	"g AS: signature garbage":                      func(s *signing) { s.garbage = true },
	"g AS: content-digest of another body":         func(s *signing) { s.digestOver = another },
	"g AS: label other than sig1":                  func(s *signing) { s.label = "sig2" },
	"g RS: wrong private key":                      func(s *signing) { s.key = otherKey },
	"g RS: keyid not in client jwks.json":          func(s *signing) { s.keyID = "no-such-key" },
	"g RS: signature does not cover authorization": func(s *signing) { s.uncovered = "authorization" },
	"g RS: content-digest of another body":         func(s *signing) { s.digestOver = another },
	"g RS: body with spaces, digest over the raw bytes (RFC 9530)": func(s *signing) {
		s.digestOver = func(body []byte) []byte { return body }
	},
}

func another([]byte) []byte { return []byte(`{"another":"body"}`) }

func compact(body []byte) []byte {
	var out bytes.Buffer
	if json.Compact(&out, body) != nil {
		return body
	}
	return out.Bytes()
}

func (s signing) sign(r *http.Request, body []byte) {
	components := []string{"@method", "@target-uri"}
	if r.Header.Get("Authorization") != "" && s.uncovered != "authorization" {
		components = append(components, "authorization")
	}
	if len(body) > 0 {
		over := compact
		if s.digestOver != nil {
			over = s.digestOver
		}
		sum := sha512.Sum512(over(body))
		r.Header.Set("Content-Digest", "sha-512=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
		components = append(components, "content-digest", "content-length", "content-type")
	}
	var base strings.Builder
	for _, c := range components {
		value := r.Header.Get(c)
		switch c {
		case "@method":
			value = r.Method
		case "@target-uri":
			value = r.URL.String()
		case "content-length":
			value = strconv.Itoa(len(body))
		}
		fmt.Fprintf(&base, "\"%s\": %s\n", c, value)
	}
	params := fmt.Sprintf(`("%s");keyid="%s";created=%d`, strings.Join(components, `" "`), s.keyID, s.created.Unix())
	fmt.Fprintf(&base, "\"@signature-params\": %s", params)
	signature := base64.StdEncoding.EncodeToString(ed25519.Sign(ed25519.PrivateKey(s.key), []byte(base.String())))
	if s.garbage {
		signature = "AAAA"
	}
	label := "sig1"
	if s.label != "" {
		label = s.label
	}
	r.Header.Set("Signature-Input", label+"="+params)
	r.Header.Set("Signature", label+"=:"+signature+":")
}
