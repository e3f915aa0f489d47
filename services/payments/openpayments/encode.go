package openpayments

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// encodeBody writes v as a wallet would write it again: its digest is checked over
// JSON.stringify(JSON.parse(body)), so Go's JSON must be JavaScript's, to the byte
// (PROTOCOL.md, Signatures). Compact, no HTML escaping, no trailing newline; text that
// the two write differently is an error.
func encodeBody(v any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("write body: %w", err)
	}
	body := bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))
	if writtenOtherwise(body) {
		return nil, errors.New("write body: its text holds U+2028, U+2029 or what is no UTF-8")
	}
	return body, nil
}

// writtenOtherwise finds the escapes that encoding/json writes and JSON.stringify does
// not: \u2028, \u2029, and \ufffd for invalid UTF-8.
func writtenOtherwise(body []byte) bool {
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		rest := body[i+1:]
		if bytes.HasPrefix(rest, []byte("u2028")) || bytes.HasPrefix(rest, []byte("u2029")) || bytes.HasPrefix(rest, []byte("ufffd")) {
			return true
		}
		i++ // the escaped character, which may be a backslash itself
	}
	return false
}

// checkMetadata refuses keys that JavaScript reorders (integers come first, ascending)
// and text that is no UTF-8, naming the key.
func checkMetadata(metadata map[string]string) error {
	for key, value := range metadata {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return fmt.Errorf("metadata %q is not valid UTF-8", key)
		}
		if n, err := strconv.ParseUint(key, 10, 32); err == nil && strconv.FormatUint(n, 10) == key {
			return fmt.Errorf("metadata key %q is an integer", key)
		}
		if key == "__proto__" { // not a property like others in JavaScript
			return fmt.Errorf("metadata key %q is reserved", key)
		}
	}
	return nil
}

// formatTime writes a time as JavaScript does: UTC, three digits of a second.
func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
