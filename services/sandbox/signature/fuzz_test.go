package signature_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/sandbox"
	"tianguis.example/sandbox/signature"
)

// FuzzVerify: whatever stands in the headers of a signed request, one is believed only when its signature base is that of a request which the key has signed.
func FuzzVerify(f *testing.F) {
	data, err := os.ReadFile("testdata/vectors.json")
	require.NoError(f, err)
	var file struct {
		Key     sandbox.JWK `json:"key"`
		Vectors []vector    `json:"vectors"`
	}
	require.NoError(f, json.Unmarshal(data, &file))
	signed := map[string]bool{}
	for _, v := range file.Vectors {
		h := v.message().Header
		f.Add(v.Method, v.URL, h.Get("Signature-Input"), h.Get("Signature"), h.Get("Content-Digest"), h.Get("Authorization"), []byte(v.Body))
		signed[v.Base] = true
	}
	f.Add("GET", "https://a/", `sig1=("@method" "@method";keyid="a`, "sig1=::", "sha-256=::", "GNAP x", []byte("{"))
	f.Fuzz(func(t *testing.T, method, target, input, sig, digest, authorization string, body []byte) {
		m := signature.Message{Method: method, TargetURI: target, Header: http.Header{}, Body: body}
		for name, value := range map[string]string{
			"Signature-Input": input, "Signature": sig, "Content-Digest": digest, "Authorization": authorization, "Content-Type": "application/json",
		} {
			if value != "" {
				m.Header.Set(name, value)
			}
		}
		if len(body) > 0 {
			m.Header.Set("Content-Length", "178") // of the first recorded request
		}
		if m.KeyID() != "" {
			require.Contains(t, input, m.KeyID())
		}
		if !m.Verify(file.Key) {
			return
		}
		require.True(t, m.HeadersValid())
		require.True(t, signed[m.Base()], "the key has never signed %q", m.Base())
		require.True(t, authorization == "" || strings.Contains(m.Base(), authorization), "a token that nobody signed")
	})
}
