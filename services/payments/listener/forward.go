package listener

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"tianguis.example/payments/webhook"
)

// forwardBound is how long the developer's program may take: a little less than the service waits for an answer (15 s).
const forwardBound = 14 * time.Second

// Forwarded is one event and what came of it, as --json prints it.
type Forwarded struct {
	At         time.Time    `json:"at"`
	ID         string       `json:"id"` // the webhook-id
	Type       webhook.Type `json:"type"`
	PendingID  string       `json:"pendingId,omitempty"`
	OfferID    string       `json:"offerId,omitempty"`
	Test       bool         `json:"test,omitempty"`
	URL        string       `json:"url"`
	Status     int          `json:"status,omitempty"` // HTTP; none when there was no answer
	DurationMS int64        `json:"durationMs"`
	Error      string       `json:"error,omitempty"` // why there was no answer

	retryAfter string
	away       bool // nothing listens there
}

// Taken reports whether the event was answered with 2xx.
func (f Forwarded) Taken() bool { return f.Status/100 == 2 }

// Line is the event for people.
func (f Forwarded) Line() string {
	what := string(f.Type)
	if f.OfferID != "" {
		what += " of offer " + f.OfferID
	}
	if f.Test {
		what += " (test)"
	}
	came := fmt.Sprintf("%d", f.Status)
	if f.Status == 0 {
		came = f.Error
	}
	return fmt.Sprintf("%s  %s  %s  → %s  in %d ms", f.At.Format(time.TimeOnly), what, f.ID, came, f.DurationMS)
}

// sender sends events to one address.
type sender struct {
	to   *url.URL
	http *http.Client
	now  func() time.Time
}

func newSender(to *url.URL, now func() time.Time) sender {
	return sender{to: to, now: now, http: &http.Client{
		Timeout:       forwardBound,
		Transport:     &http.Transport{Proxy: nil, DisableCompression: true, IdleConnTimeout: time.Minute}, // the headers as they came
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },       // as the service does
	}}
}

// passed are the headers of a delivery that reach the developer's program.
var passed = []string{"Content-Type", "User-Agent", webhook.HeaderID, webhook.HeaderTimestamp, webhook.HeaderSignature}

// send POSTs a body that is signed, to the byte.
func (s sender) send(ctx context.Context, h http.Header, body []byte) Forwarded {
	f := Forwarded{At: s.now(), ID: h.Get(webhook.HeaderID), URL: s.to.Redacted()}
	f.Test = strings.HasPrefix(f.ID, TestIDPrefix)
	if e, err := webhook.Parse(body); err == nil {
		f.Type, f.PendingID, f.OfferID = e.Type, e.PendingID, e.OfferID
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.to.String(), bytes.NewReader(body))
	if err != nil {
		f.Error = err.Error()
		return f
	}
	for _, name := range passed {
		if value := h.Get(name); value != "" {
			request.Header.Set(name, value)
		}
	}
	answer, err := s.http.Do(request)
	f.DurationMS = s.now().Sub(f.At).Milliseconds()
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		f.Error, f.away = err.Error(), errors.Is(err, syscall.ECONNREFUSED)
		return f
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10))
	_ = answer.Body.Close()
	f.Status, f.retryAfter = answer.StatusCode, answer.Header.Get("Retry-After")
	return f
}

// sign makes a test event ready to be sent.
func sign(secrets webhook.Secrets, t webhook.Type, offer string, now time.Time) (http.Header, []byte, error) {
	id, e := TestEvent(t, offer, now)
	body, err := webhook.Body(e)
	if err != nil {
		return nil, nil, err
	}
	h := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"tianguis-payments-trigger"}}
	secrets.Sign(h, id, now, body)
	return h, body, nil
}

// SendTest signs a test event with the secrets, and sends it to an address.
func SendTest(ctx context.Context, to *url.URL, secrets webhook.Secrets, t webhook.Type, offer string, now func() time.Time) (Forwarded, error) {
	h, body, err := sign(secrets, t, offer, now())
	if err != nil {
		return Forwarded{}, err
	}
	return newSender(to, now).send(ctx, h, body), nil
}
