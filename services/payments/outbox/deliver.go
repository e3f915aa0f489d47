package outbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
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

type store interface {
	// ClaimDeliveries leases up to n due deliveries until until, the oldest, in any order.
	ClaimDeliveries(ctx context.Context, n int, now, until time.Time) ([]Delivery, error)
	// RecordAttempt keeps the attempt and what became of the delivery, in one transaction.
	RecordAttempt(ctx context.Context, d Delivery, a Attempt) error
}

const (
	attemptBound = 15 * time.Second // for one attempt, its repeats included
	lease        = 2 * attemptBound
	maxAnswer    = 16 << 10 // bytes read of an answer, so that the connection can be used again
	maxExcerpt   = 512      // bytes kept of it
)

// Dispatcher sends deliveries to one receiver.
type Dispatcher struct {
	store   store
	to      string
	secrets webhook.Secrets
	clock   clock.Clock
	log     *slog.Logger
	http    *retryablehttp.Client
	bound   time.Duration // for one attempt
}

// NewDispatcher makes a dispatcher that POSTs to the URL to. Without secrets it sends unsigned, which the operator must have
// allowed by name. inner may be nil.
func NewDispatcher(s store, to string, secrets webhook.Secrets, c clock.Clock, log *slog.Logger, inner *http.Client) *Dispatcher {
	if inner == nil {
		inner = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute}}
	}
	own := *inner
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client := retryablehttp.NewClient()
	client.HTTPClient, client.Logger = &own, nil
	client.RetryMax, client.RetryWaitMin, client.RetryWaitMax = 2, 200*time.Millisecond, time.Second
	// Inside one attempt only a connection that broke is tried again; an answer is the receiver's word.
	client.CheckRetry = func(ctx context.Context, _ *http.Response, err error) (bool, error) {
		return err != nil && ctx.Err() == nil, ctx.Err()
	}
	client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	return &Dispatcher{store: s, to: to, secrets: secrets, clock: c, log: log, http: client, bound: attemptBound}
}

// Claim leases up to n due deliveries, for Deliver.
func (d *Dispatcher) Claim(ctx context.Context, n int) ([]Delivery, error) {
	now := d.clock.Now()
	return d.store.ClaimDeliveries(ctx, n, now, now.Add(lease))
}

// Deliver makes one attempt, and records it. The same delivery may arrive twice, when this
// process dies between the two; receivers know it by its webhook-id.
func (d *Dispatcher) Deliver(ctx context.Context, due Delivery) error {
	due.Attempts++
	attempt := Attempt{DeliveryID: due.ID, Number: due.Attempts, At: d.clock.Now()}
	got, err := d.post(ctx, due)
	now := d.clock.Now()
	attempt.Duration = now.Sub(attempt.At)
	attempt.Status, attempt.Excerpt = got.status, got.excerpt
	if err != nil {
		attempt.Error = withoutURL(err).Error()
	}
	after := next(due, got.answer, now, rand.IntN(1000)) //nolint:gosec // G404: jitter, not a secret
	d.say(ctx, after, attempt)
	if err := d.store.RecordAttempt(ctx, after, attempt); err != nil {
		return fmt.Errorf("record the attempt of webhook %s: %w", due.ID, err)
	}
	return nil
}

type received struct {
	answer
	excerpt string
}

func (d *Dispatcher) post(ctx context.Context, due Delivery) (received, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, d.bound, fmt.Errorf("the receiver did not answer within %s", d.bound))
	defer cancel()
	request, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, d.to, bytes.NewReader(due.Body))
	if err != nil {
		return received{}, fmt.Errorf("make the request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "tianguis-payments")
	if len(d.secrets) > 0 {
		d.secrets.Sign(request.Header, due.ID, d.clock.Now(), due.Body)
	} else {
		request.Header.Set(webhook.HeaderID, due.ID)
	}
	reply, err := d.http.Do(request)
	if err != nil {
		return received{}, cause(ctx, err)
	}
	defer func() { _ = reply.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(reply.Body, maxAnswer))
	got := received{answer: answer{status: reply.StatusCode}, excerpt: excerpt(content)}
	got.retryAfter = retryAfter(reply.Header.Get("Retry-After"), d.clock.Now())
	if err != nil && reply.StatusCode/100 == 2 {
		// The receiver took it; that its answer broke off changes nothing.
		err = nil
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
	if seconds, err := strconv.ParseUint(header, 10, 64); err == nil {
		return time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}

// excerpt is the beginning of an answer as text that a database and a terminal can hold.
func excerpt(content []byte) string {
	text := strings.ToValidUTF8(string(content[:min(len(content), maxExcerpt)]), "")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text)
}

func (d *Dispatcher) say(ctx context.Context, after Delivery, a Attempt) {
	attrs := []any{slog.Any("", after), "status", a.Status, "duration_ms", a.Duration.Milliseconds()}
	if a.Error != "" {
		attrs = append(attrs, "error", a.Error)
	}
	switch after.State {
	case Delivered:
		d.log.InfoContext(ctx, "[webhook] delivered", attrs...)
	case Dead:
		d.log.ErrorContext(ctx, "[webhook] given up", attrs...)
	case Pending:
		d.log.WarnContext(ctx, "[webhook] not delivered, will be tried again", append(attrs, "next_at", after.NextAt)...)
	}
}

func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
