package outbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/hashicorp/go-retryablehttp"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments/webhook"
)

const (
	attemptBound = 15 * time.Second // for one attempt, its repeats included
	maxAnswer    = 16 << 10         // bytes read of an answer, so that the connection can be used again
	maxExcerpt   = 512              // bytes kept of it
)

// courier makes attempts.
type courier struct {
	clock    clock.Clock
	schedule Schedule
	bound    time.Duration // for one attempt
}

// patient returns a client that tries again, inside one attempt, when a connection broke. An answer is the receiver's word.
func patient(inner *http.Client) *retryablehttp.Client {
	own := *inner
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client := retryablehttp.NewClient()
	client.HTTPClient, client.Logger = &own, nil
	client.RetryMax, client.RetryWaitMin, client.RetryWaitMax = 2, 200*time.Millisecond, time.Second
	client.CheckRetry = func(ctx context.Context, _ *http.Response, err error) (bool, error) {
		return err != nil && ctx.Err() == nil, ctx.Err()
	}
	client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	return client
}

// attempt makes one attempt. The same delivery may arrive twice, when this process dies before it is recorded; receivers know it by its
// webhook-id.
func (c courier) attempt(ctx context.Context, client *retryablehttp.Client, to Endpoint, secrets webhook.Secrets, due Delivery) (Outcome, answer) {
	made := Attempt{DeliveryID: due.ID, Number: due.Attempts + 1, At: c.clock.Now(), URL: to.URL}
	got, err := c.post(ctx, client, to, secrets, due)
	now := c.clock.Now()
	made.Duration, made.Status, made.Excerpt = now.Sub(made.At), got.status, got.excerpt
	if err != nil {
		made.Error = excerpt([]byte(withoutURL(err).Error())) // a certificate's names may be in it
	}
	o := Outcome{Lease: due.NextAt, Delivery: next(due, c.schedule, got.answer, now, rand.IntN(jitters+1))} //nolint:gosec // G404: jitter, not a secret
	made.NextAt = o.Delivery.NextAt
	o.Attempt = made
	if got.gone() {
		o.Gone = "it answered 410 Gone: it wants no more webhooks"
	}
	return o, got.answer
}

type received struct {
	answer
	excerpt string
}

func (c courier) post(ctx context.Context, client *retryablehttp.Client, to Endpoint, secrets webhook.Secrets, due Delivery) (received, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.bound, fmt.Errorf("the receiver did not answer within %s", c.bound))
	defer cancel()
	request, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(due.Body))
	if err != nil {
		return received{}, fmt.Errorf("make the request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "tianguis-payments")
	if len(secrets) > 0 {
		secrets.Sign(request.Header, due.ID, c.clock.Now(), due.Body)
	} else {
		request.Header.Set(webhook.HeaderID, due.ID)
	}
	reply, err := client.Do(request)
	if err != nil {
		return received{}, cause(ctx, err)
	}
	defer func() { _ = reply.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(reply.Body, maxAnswer))
	got := received{answer: answer{status: reply.StatusCode}, excerpt: excerpt(content)}
	got.retryAfter = retryAfter(reply.Header.Get("Retry-After"), c.clock.Now())
	if got.taken() {
		return got, nil // that its answer broke off changes nothing
	}
	return got, cause(ctx, err)
}

// cause says that the attempt's time was over, where that is why err came.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// retryAfter reads both forms of the header: a number of seconds and a date (RFC 9110 section 10.2.3). It is zero for
// anything else, and never more than maxRetryAfter.
func retryAfter(header string, now time.Time) time.Duration {
	seconds, err := strconv.ParseUint(header, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) { // too much to be counted is the most there is
		return time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}

// excerpt is the beginning of what others wrote as text that a database and a terminal can hold.
func excerpt(content []byte) string {
	text := strings.ToValidUTF8(string(content[:min(len(content), maxExcerpt)]), "")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text)
}

func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
