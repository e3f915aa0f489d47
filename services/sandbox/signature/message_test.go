package signature_test

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/sandbox"
	"tianguis.example/sandbox/signature"
)

type vector struct {
	Name        string            `json:"name"`
	Valid       bool              `json:"valid"`
	DigestValid *bool             `json:"digestValid"`
	Method      string            `json:"method"`
	URL         string            `json:"url"`
	Headers     map[string]string `json:"headers"`
	Body        string            `json:"body"`
	Base        string            `json:"base"`
}

func vectors(t *testing.T) (sandbox.JWK, []vector) {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	require.NoError(t, err)
	var file struct {
		Key     sandbox.JWK `json:"key"`
		Vectors []vector    `json:"vectors"`
	}
	require.NoError(t, json.Unmarshal(data, &file))
	require.NotEmpty(t, file.Vectors)
	return file.Key, file.Vectors
}

func (v vector) message() signature.Message {
	m := signature.Message{Method: v.Method, TargetURI: v.URL, Header: http.Header{}, Body: []byte(v.Body)}
	for name, value := range v.Headers {
		m.Header.Set(name, value)
	}
	return m
}

// What a recorded request lacks, beyond a signature or a digest that is wrong.
var headersInvalid = map[string]bool{
	"g AS: label other than sig1":                  true,
	"g RS: signature does not cover authorization": true,
}

func TestMessage_RecordedRequests(t *testing.T) {
	t.Parallel()
	key, all := vectors(t)
	for _, v := range all {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			m := v.message()
			if v.Name != "g AS: label other than sig1" {
				require.Equal(t, v.Base, m.Base())
			}
			digest := v.DigestValid == nil || *v.DigestValid
			require.Equal(t, digest && !headersInvalid[v.Name], m.HeadersValid())
			require.Equal(t, v.Valid && digest && !headersInvalid[v.Name], m.Verify(key))
		})
	}
}

// Whatever is changed under a good signature, it is no longer one.
func TestMessage_AnyChangeIsNoticed(t *testing.T) {
	t.Parallel()
	key, all := vectors(t)
	for name, change := range map[string]func(*signature.Message){
		"method":            func(m *signature.Message) { m.Method = "PUT" },
		"scheme":            func(m *signature.Message) { m.TargetURI = "http" + m.TargetURI[len("https"):] },
		"query":             func(m *signature.Message) { m.TargetURI += "?" },
		"body":              func(m *signature.Message) { m.Body = append(m.Body[:len(m.Body)-1:len(m.Body)-1], `,"x":1}`...) },
		"body that is none": func(m *signature.Message) { m.Body = []byte("{") },
		"token":             func(m *signature.Message) { m.Header.Set("Authorization", "GNAP OTHER") },
		"content-type":      func(m *signature.Message) { m.Header.Set("Content-Type", "application/json; charset=utf-8") },
		"content-length":    func(m *signature.Message) { m.Header.Set("Content-Length", "1") },
		"created":           func(m *signature.Message) { m.Header.Set("Signature-Input", m.Header.Get("Signature-Input")+"0") },
		"no signature":      func(m *signature.Message) { m.Header.Del("Signature") },
		"no input":          func(m *signature.Message) { m.Header.Del("Signature-Input") },
		"nothing covered":   func(m *signature.Message) { m.Header.Set("Signature-Input", `sig1=();keyid="k"`) },
		"unknown digest":    func(m *signature.Message) { m.Header.Set("Content-Digest", "md5=:AAAA:") },
		"signature no text": func(m *signature.Message) { m.Header.Set("Signature", "sig1=:%%%:") },
		"upper-case in list": func(m *signature.Message) {
			m.Header.Set("Signature-Input", `sig1=("@method" "@target-uri" "Authorization");keyid="k"`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, v := range all {
				if v.Name == "04 create incoming payment" {
					m := v.message()
					require.True(t, m.Verify(key))
					change(&m)
					require.False(t, m.Verify(key))
				}
			}
		})
	}
}

func TestMessage_KeyThatIsNone(t *testing.T) {
	t.Parallel()
	_, all := vectors(t)
	require.False(t, all[0].message().Verify(sandbox.JWK{Kid: "k", X: "AAAA"}))
	require.Equal(t, "rafiki-run-test-client-key-1", all[0].message().KeyID())
	require.Empty(t, signature.Message{Header: http.Header{}}.KeyID())
}
