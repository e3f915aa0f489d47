package openpayments

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// call is one request to a wallet.
type call struct {
	op     string // what is being done, for errors and Operation
	method string
	url    string
	token  string // a GNAP token, for authorized calls
	body   any    // nil for none
	secret string // what in the body nobody else must know, or ""

	public       bool // shown to anybody: not signed
	authorized   bool // carries token
	readsPayment bool // asks for one payment, so that 401 can mean there is none
	managesToken bool // is about the token that it carries
}

// caller makes calls. Every service of a client shares one.
type caller struct {
	once           *http.Client
	repeating      *retryablehttp.Client // for GETs only
	signer         Signer
	timeout        time.Duration
	maxAnswerBytes int64
	now            func() time.Time
}

// ask makes a call, reads the answer into a W and returns what believe makes of it.
// What believe refuses is ErrUnexpectedAnswer.
func ask[W, V any](ctx context.Context, c *caller, call call, believe func(W) (V, error)) (V, error) {
	return question(call, nil, believe).ask(ctx, c)
}

type operationKey struct{}

// Operation is what a request of a client's is for, "create quote", in words that are few in all: for a transport that sees it go by. It is "" in any
// other context.
func Operation(ctx context.Context) string {
	op, _ := ctx.Value(operationKey{}).(string)
	return op
}

// begin bounds a call, and tells the transport what it is for.
func (c *caller) begin(ctx context.Context, call call) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithValue(ctx, operationKey{}, call.op), c.timeout)
}

// answer is a successful one of a wallet.
type answer struct {
	status int
	header http.Header
	body   []byte // JSON, or nothing for a DELETE
}

// do makes a call and returns a successful answer.
func (c *caller) do(ctx context.Context, call call) (answer, error) {
	ctx, cancel := c.begin(ctx, call)
	defer cancel()
	request, body, err := c.newRequest(ctx, call)
	if err == nil && !call.public {
		err = signRequest(ctx, request, body, c.signer, c.now())
	}
	if err != nil {
		return answer{}, &Error{Op: call.op, Kind: ErrInvalidRequest, Err: err}
	}
	return c.carry(call, request)
}

// carry sends a call's request and returns a successful answer.
func (c *caller) carry(call call, request *http.Request) (answer, error) {
	ctx := request.Context()
	if err := ctx.Err(); err != nil { // signing may have taken long, and nothing was sent yet
		return answer{}, &Error{Op: call.op, Kind: ErrUnreachable, Err: err}
	}
	response, err := c.send(request)
	if err != nil {
		return answer{}, broken(call.op, 0, err)
	}
	defer func() { _ = response.Body.Close() }() // read to its end, or given up
	body, err := io.ReadAll(io.LimitReader(response.Body, c.maxAnswerBytes+1))
	if err == nil && ctx.Err() != nil && !json.Valid(body) {
		// A server that sees us hang up may end its answer in good form, half said,
		// before our side of the connection is closed.
		err = ctx.Err()
	}
	if err != nil {
		return answer{}, broken(call.op, response.StatusCode, err)
	}
	if !succeeded(call.method, response.StatusCode) {
		return answer{}, refused(call, response.StatusCode, response.Header, body, c.now())
	}
	if int64(len(body)) > c.maxAnswerBytes {
		return answer{}, unexpected(call.op, response.StatusCode, fmt.Errorf("it is longer than %d bytes", c.maxAnswerBytes))
	}
	if call.method != http.MethodDelete {
		mediaType, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
		if err != nil || !isJSON(mediaType) {
			return answer{}, unexpected(call.op, response.StatusCode, errors.New("it is not JSON"))
		}
	}
	return answer{response.StatusCode, response.Header, body}, nil
}

// succeeded: a create answers 201, everything else with content 200, and a DELETE 204
// (PROTOCOL.md). 200 and 201 are not told apart.
func succeeded(method string, status int) bool {
	if method == http.MethodDelete {
		return status == http.StatusNoContent || status == http.StatusOK
	}
	return status == http.StatusOK || status == http.StatusCreated
}

// newRequest returns a call's request, not signed yet, and its body.
func (c *caller) newRequest(ctx context.Context, call call) (*http.Request, []byte, error) {
	if err := checkURL(call.url); err != nil {
		return nil, nil, err
	}
	var body []byte
	var reader io.Reader
	if call.body != nil {
		var err error
		if body, err = encodeBody(call.body); err != nil {
			return nil, nil, err
		}
		reader = bytes.NewReader(body)
	}
	request, err := http.NewRequestWithContext(ctx, call.method, call.url, reader)
	if err != nil {
		return nil, nil, errors.New("the URL cannot be requested")
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "tianguis-openpayments")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if call.authorized {
		if !isVisible(call.token) {
			return nil, nil, errors.New("the access token is empty or cannot stand in a header")
		}
		request.Header.Set("Authorization", "GNAP "+call.token)
	}
	return request, body, nil
}

// send sends a request: a GET up to three times, anything else once. PROTOCOL.md: there
// is no replay protection, and a repeated POST makes a second payment.
func (c *caller) send(request *http.Request) (*http.Response, error) {
	if request.Method != http.MethodGet {
		return c.once.Do(request) //nolint:gosec // where it may go is for Config.HTTPClient to know
	}
	repeatable, err := retryablehttp.FromRequest(request)
	if err != nil {
		return nil, err
	}
	return c.repeating.Do(repeatable)
}

// resign signs a GET again before it is repeated, since a signature's created ages. It
// is not called for the first try, which do has signed.
func (c *caller) resign(request *http.Request) error {
	if request.Header.Get("Signature") == "" {
		return nil // public
	}
	return signRequest(request.Context(), request, nil, c.signer, c.now())
}

// worthRepeating: a GET is repeated when the connection broke or the server stumbled,
// unless it said when to come back: that is for the caller to plan.
func worthRepeating(ctx context.Context, response *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		return !hopeless(err), nil
	}
	return response.StatusCode >= 500 && response.StatusCode != http.StatusNotImplemented &&
		response.Header.Get("Retry-After") == "", nil
}

// hopeless reports errors that asking again will not mend: no such host, an address
// that the dialer refused, a certificate.
func hopeless(err error) bool {
	if neverConnected(err) {
		var errno syscall.Errno
		return !errors.As(err, &errno)
	}
	return false
}

// neverConnected reports whether err proves that no request can have left: dialing or
// the TLS handshake failed. Anything less certain is not it.
func neverConnected(err error) bool {
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return true
	}
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &certificate) || errors.Is(err, http.ErrSchemeMismatch)
}

// broken is the error of a call that got no whole answer.
func broken(op string, status int, err error) *Error {
	var named *url.Error
	if errors.As(err, &named) {
		err = named.Err // without the URL
	}
	kind := ErrConnection
	var timeout net.Error
	switch {
	case neverConnected(err):
		kind = ErrUnreachable
		var name *net.DNSError
		if hopeless(err) && (!errors.As(err, &name) || name.IsNotFound) {
			err = errors.Join(ErrNoSuchHost, err)
		}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		kind = ErrTimeout
	}
	return &Error{Op: op, Kind: kind, Status: status, Err: err}
}

func unexpected(op string, status int, err error) *Error {
	return &Error{Op: op, Kind: ErrUnexpectedAnswer, Status: status, Err: err}
}
