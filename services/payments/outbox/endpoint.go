package outbox

import (
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tianguis.example/payments/webhook"
)

// Configured is the id of the endpoint that the service's configuration names: the marketplace. It is always there.
const Configured = "marketplace"

// MaxEndpoints is how many there can be: each has workers of its own, and each event is written once for each of them.
const MaxEndpoints = 50

// Endpoint receives webhooks.
type Endpoint struct {
	ID          string // Configured, or a ULID
	URL         string // where they are POSTed; "" for the configured one of a service that never ran
	Description string // for people
	// Types are the events that it gets; none for all there are and will be. A ping is sent to whoever it is meant for.
	Types []webhook.Type
	// DisabledAt is when it was disabled, by an operator or by its own 410; zero while it is enabled. Events are still written for it, and
	// are sent once it is enabled again: to be disabled loses nothing.
	DisabledAt     time.Time
	DisabledReason string // a sentence
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// Enabled reports whether it is sent to.
func (e Endpoint) Enabled() bool { return e.DisabledAt.IsZero() }

// Wants reports whether events of this type are written for it.
func (e Endpoint) Wants(t webhook.Type) bool { return len(e.Types) == 0 || slices.Contains(e.Types, t) }

// LogValue names the endpoint. Its URL may hold a secret in its path or query, so only its host is shown.
func (e Endpoint) LogValue() slog.Value {
	return slog.GroupValue(slog.String("endpoint_id", e.ID), slog.String("host", host(e.URL)))
}

func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// Secret is one of an endpoint's signing secrets.
type Secret struct {
	EndpointID string
	Secret     webhook.Secret
	Configured bool // it comes from the configuration
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero for one that was not replaced
}

// Active reports whether it still signs.
func (s Secret) Active(now time.Time) bool { return s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt) }

const (
	maxURL         = 2000 // characters
	maxDescription = 200
)

// checkURL returns CodeInvalidEndpoint unless webhooks can be sent to the address. Whether they may, the egress filter decides as it connects.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil, len(text) > maxURL, u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "", u.Fragment != "", !isPort(u.Port()), strings.ContainsFunc(text, unfit):
		return Errorf(CodeInvalidEndpoint, "url must be an address such as https://shop.example/webhooks, of at most %d characters", maxURL)
	case u.User != nil:
		return Errorf(CodeInvalidEndpoint, "url must not hold a user or a password: webhooks are signed instead")
	}
	return nil
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return text == "" || err == nil && n > 0
}

func unfit(r rune) bool { return r == utf8.RuneError || unicode.IsControl(r) || unicode.IsSpace(r) }

func checkTypes(types []webhook.Type) error {
	for _, t := range types {
		if t == webhook.Ping || !slices.Contains(webhook.Types, t) {
			return Errorf(CodeInvalidEndpoint, "eventTypes can be %s and %s: there is no %.40q", webhook.Completed, webhook.Failed, string(t))
		}
	}
	return nil
}

func checkDescription(text string) error {
	if utf8.RuneCountInString(text) > maxDescription || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return Errorf(CodeInvalidEndpoint, "description must be one line of at most %d characters", maxDescription)
	}
	return nil
}

// Code says in a stable word what is wrong.
type Code string

// The codes.
const (
	CodeUnknownEndpoint    Code = "unknown_endpoint"
	CodeUnknownDelivery    Code = "unknown_delivery"
	CodeInvalidEndpoint    Code = "invalid_endpoint"
	CodeConfiguredEndpoint Code = "configured_endpoint" // it is changed in the configuration
	CodeTooManyEndpoints   Code = "too_many_endpoints"
	CodeEndpointDisabled   Code = "endpoint_disabled"
	CodeInvalidRequest     Code = "invalid_request"
)

// Codes are all of them.
var Codes = []Code{
	CodeUnknownEndpoint, CodeUnknownDelivery, CodeInvalidEndpoint, CodeConfiguredEndpoint, CodeTooManyEndpoints, CodeEndpointDisabled, CodeInvalidRequest,
}

// Error is what went wrong, for programs and for people.
type Error struct {
	Code    Code
	Message string // says what to do
}

func (e *Error) Error() string { return e.Message }

// Errorf makes an Error.
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
