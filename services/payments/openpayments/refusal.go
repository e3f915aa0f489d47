package openpayments

import (
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxQuoted is how many runes of a wallet's words an error keeps.
const maxQuoted = 200

// refused turns an answer that is no success into an Error.
func refused(call call, status int, header http.Header, body []byte, now time.Time) *Error {
	said := readRefusal(header.Get("Content-Type"), body)
	return &Error{
		Op:          call.op,
		Kind:        kindOf(call, status, said),
		Status:      status,
		Code:        quotable(call.hush(said.code)),
		Description: quotable(call.hush(said.description)),
		RetryAfter:  retryAfter(header.Get("Retry-After"), now),
	}
}

// hush takes our secrets out of a wallet's words: some servers say what they were sent, and errors are logged and kept.
func (c call) hush(words string) string {
	for _, secret := range []string{c.token, c.secret} {
		if secret != "" {
			words = strings.ReplaceAll(words, secret, "[redacted]")
		}
	}
	return words
}

// refusal is what a wallet says of its own failure. structured is whether it said it as
// Open Payments servers do; a plain "Not Found" may come from anything on the way.
type refusal struct {
	structured  bool
	code        string // too_fast at an auth server; the status at a resource server
	description string
	details     string
}

func readRefusal(contentType string, body []byte) refusal {
	mediaType, _, err := mime.ParseMediaType(contentType)
	switch {
	case err == nil && isJSON(mediaType):
		return readStructured(body)
	case err == nil && mediaType == "text/plain":
		return refusal{description: string(body)}
	default:
		return refusal{}
	}
}

func readStructured(body []byte) refusal {
	var answer struct {
		Error struct {
			Code        string          `json:"code"`
			Description string          `json:"description"`
			Details     json.RawMessage `json:"details"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &answer) == nil {
		var details struct {
			Description string `json:"description"`
		}
		// Details are free-form; without a description there is nothing in them for us.
		_ = json.Unmarshal(answer.Error.Details, &details)
		said := refusal{code: answer.Error.Code, description: answer.Error.Description, details: details.Description}
		said.structured = said.code != "" || said.description != ""
		return said
	}
	// RFC 9635 section 3.6 lets the error be the bare code.
	var bare struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &bare) == nil {
		return refusal{structured: bare.Error != "", code: bare.Error}
	}
	return refusal{}
}

// kindOfCode: what an auth server's code means (RFC 9635 section 3.6 and PROTOCOL.md).
var kindOfCode = map[string]error{
	"too_fast":             ErrTooFast,
	"request_denied":       ErrRequestDenied,
	"user_denied":          ErrRequestDenied,
	"invalid_continuation": ErrInvalidContinuation,
	"invalid_rotation":     ErrInvalidRotation,
	"invalid_client":       ErrInvalidClient,
	"invalid_request":      ErrInvalidRequest,
}

// kindOfDescription: a resource server's code is only its status again, so what it
// means is in its words (lower case here; the case differs between servers).
var kindOfDescription = map[string]error{
	"invalid quote":                ErrInvalidQuote,
	"unknown quote":                ErrInvalidQuote,
	"invalid amount":               ErrInvalidAmount,
	"invalid receiver":             ErrInvalidReceiver,
	"could not get wallet address": ErrNotFound,
	"inactive token":               ErrInactiveToken,
	"insufficient grant":           ErrInsufficientGrant,
	"wrong state":                  ErrWrongState,
}

func kindOf(call call, status int, said refusal) error {
	description := strings.ToLower(said.description)
	switch {
	case status >= 500:
		return ErrServer
	case status < 400:
		return ErrUnexpectedAnswer
	case status == http.StatusTooManyRequests:
		return ErrTooManyRequests
	case call.managesToken && said.code == "invalid_client" && description == "invalid access token":
		return ErrInactiveToken
	case call.readsPayment && said.structured && isUnknownPayment(status, description, said.details):
		return ErrUnknownPayment
	case said.code == "invalid_request" && status == http.StatusNotFound:
		return ErrNotFound // an unknown tenant: traces/02-h-unknown-wallet-address.json
	}
	if kind, ok := kindOfCode[said.code]; ok {
		return kind
	}
	if kind, ok := kindOfDescription[description]; ok {
		return kind
	}
	switch status {
	case http.StatusBadRequest:
		if strings.Contains(description, "'signature-input'") || strings.Contains(description, "'signature'") {
			return ErrInvalidClient
		}
		return ErrInvalidRequest
	case http.StatusUnauthorized:
		return ErrInvalidClient
	case http.StatusForbidden:
		if description == "unauthorized" {
			return ErrUnauthorized
		}
	case http.StatusNotFound:
		return ErrNotFound
	case http.StatusConflict:
		return ErrWrongState
	}
	return ErrRefused
}

// isUnknownPayment: a wallet that has no such payment cannot say whose it is, and so
// answers 401 (traces/02-e-outgoing-same-quote-twice.json, traces/02-h-unknown-wallet-address.json).
// A signature that it does not accept is a 401 as well, and says so.
func isUnknownPayment(status int, description, details string) bool {
	switch status {
	case http.StatusNotFound:
		return true
	case http.StatusUnauthorized:
		return strings.HasPrefix(details, "Failed to get wallet address from") || description == "unauthorized"
	}
	return false
}

// retryAfter reads a Retry-After header in seconds or as a date (RFC 9110 section 10.2.3).
// What cannot be read, or lies in the past, is 0.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		return toDuration(seconds)
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return min(at.Sub(now), maxDuration)
	}
	return 0
}

// quotable makes a stranger's words fit for a log line: printable, one line, bounded.
func quotable(text string) string {
	var kept strings.Builder
	n := 0
	for _, r := range text {
		if n == maxQuoted {
			kept.WriteString("…")
			break
		}
		if !unicode.IsPrint(r) {
			r = ' '
		}
		kept.WriteRune(r)
		n++
	}
	return strings.TrimSpace(kept.String())
}

func isJSON(mediaType string) bool {
	return mediaType == "application/json" || strings.HasSuffix(mediaType, "+json")
}
