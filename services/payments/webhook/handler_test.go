package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"tianguis.example/payments/webhook"
)

const completed = `{"type":"payment.completed","pendingId":"01KAZ7PZ0000000000000000AA","offerId":"1","status":"paid","outgoingPaymentId":"","timestamp":"2026-11-25T12:00:00Z"}`

// TestHandler: what each sender is answered, and what of it comes through. The signatures are the official library's.
func TestHandler(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	text, secrets := secret(t)
	official, err := standardwebhooks.NewWebhook(text)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		method, body string
		alter        func(*http.Request)
		fails        error
		status       int
		answer       string
		applied      bool
	}{
		"an event":                     {body: completed, status: 200, answer: `{"success":true}`, applied: true},
		"a ping":                       {body: `{"type":"ping","timestamp":"2026-11-25T12:00:00Z"}`, status: 200, answer: `{"success":true}`},
		"a kind that is newer":         {body: strings.Replace(completed, "completed", "refunded", 1), status: 200, answer: `{"success":true}`},
		"no event":                     {body: `{"type":"payment.completed"}`, status: 400, answer: `{"success":false,"error":"the body is not a payment event: pendingId is missing"}`},
		"another method":               {method: http.MethodPut, body: completed, status: 405, answer: `{"success":false,"error":"webhooks are sent by POST"}`},
		"no signature":                 {body: completed, alter: func(r *http.Request) { r.Header.Del(webhook.HeaderSignature) }, status: 401, answer: `{"success":false,"error":"the signature is missing or does not fit"}`},
		"another body than was signed": {body: completed, alter: func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(completed + " ")) }, status: 401, answer: `{"success":false,"error":"the signature is missing or does not fit"}`},
		"another id than was signed":   {body: completed, alter: func(r *http.Request) { r.Header.Set(webhook.HeaderID, "msg_2") }, status: 401, answer: `{"success":false,"error":"the signature is missing or does not fit"}`},
		"too long":                     {body: completed + strings.Repeat(" ", webhook.MaxBody), status: 413, answer: `{"success":false,"error":"the body is larger than an event can be"}`},
		"a payment of somebody else's": {body: completed, fails: webhook.ErrUnknown, status: 404, answer: `{"success":false,"error":"this payment was not started here"}`, applied: true},
		"a database that is not there": {body: completed, fails: errors.New("dial 10.0.0.7:5432: refused"), status: 500, answer: `{"success":false,"error":"it could not be recorded: send it again"}`, applied: true},
		"a body that was cut off":      {body: completed, alter: func(r *http.Request) { r.Body = io.NopCloser(broken{}) }, status: 400, answer: `{"success":false,"error":"the body could not be read"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			var came []string
			h := &webhook.Handler{
				Secrets: secrets, Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(&log, nil)),
				Apply: func(_ context.Context, id string, e webhook.Event) error {
					came = append(came, id+" "+e.OfferID+" "+e.Status)
					return c.fails
				},
			}
			method := c.method
			if method == "" {
				method = http.MethodPost
			}
			r := httptest.NewRequestWithContext(t.Context(), method, webhook.Path, strings.NewReader(c.body))
			signature, err := official.Sign("msg_1", now, []byte(c.body))
			require.NoError(t, err)
			r.Header.Set(webhook.HeaderID, "msg_1")
			r.Header.Set(webhook.HeaderTimestamp, strconv.FormatInt(now.Unix(), 10))
			r.Header.Set(webhook.HeaderSignature, signature)
			if c.alter != nil {
				c.alter(r)
			}
			got := httptest.NewRecorder()
			h.ServeHTTP(got, r)
			require.Equal(t, c.status, got.Code, got.Body)
			require.JSONEq(t, c.answer, got.Body.String())
			if c.applied {
				require.Equal(t, []string{"msg_1 1 paid"}, came)
			} else {
				require.Empty(t, came)
			}
			require.Equal(t, c.status == 401 || c.status == 404 || c.status == 500, log.Len() > 0, log.String())
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("cut off") }

func TestHandler_ItsOwnClock(t *testing.T) {
	t.Parallel()
	_, secrets := secret(t)
	server := httptest.NewServer(&webhook.Handler{Secrets: secrets, Apply: func(context.Context, string, webhook.Event) error { return nil }})
	defer server.Close()
	for age, status := range map[time.Duration]int{0: 200, time.Hour: 401} {
		at := time.Now().Add(-age) // which is what is tested
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(completed))
		require.NoError(t, err)
		secrets.Sign(r.Header, "msg_1", at, []byte(completed))
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, status, answer.StatusCode)
	}
}
