package sdk

import (
	"bytes"
	"io"
	"net/http"
)

// unescapeBody writes a request's body as JavaScript would. The SDK leaves encoding/json's escapes for HTML in it, \u0026 for &, and a wallet
// checks the digest over JSON.stringify(JSON.parse(body)): a finish URI with a query, or a description with an ampersand, would not be accepted.
func unescapeBody(request *http.Request) error {
	if request.Body == nil {
		return nil
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return err
	}
	body = unescape(body)
	request.Body = io.NopCloser(bytes.NewReader(body))
	request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	request.ContentLength = int64(len(body))
	return nil
}

var forHTML = map[string]byte{`\u0026`: '&', `\u003c`: '<', `\u003e`: '>'}

// unescape undoes the escapes of encoding/json.HTMLEscape in a JSON text, and no others.
func unescape(text []byte) []byte {
	plain := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			plain = append(plain, text[i])
			continue
		}
		if i+6 <= len(text) {
			if char, ok := forHTML[string(text[i:i+6])]; ok {
				plain = append(plain, char)
				i += 5
				continue
			}
		}
		plain = append(plain, text[i], text[i+1]) // the escaped character may be a backslash itself
		i++
	}
	return plain
}
