package outbox_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/webhook"
)

func TestTry_SendsAsTheDispatcherDoes(t *testing.T) {
	t.Parallel()
	secrets, err := webhook.ParseSecrets(webhook.GenerateSecret() + " " + webhook.GenerateSecret())
	require.NoError(t, err)
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	verified := make(chan error, 2)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		e, err := webhook.Parse(body)
		if err == nil && e.Type != webhook.Ping {
			err = webhook.ErrMalformed
		}
		if err == nil {
			err = secrets[1:].Verify(r.Header, body, now)
		}
		verified <- err
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	t.Cleanup(receiver.Close)
	made, err := outbox.Try(t.Context(), clock.NewHeld(now), receiver.Client(), outbox.Endpoint{ID: outbox.Configured, URL: receiver.URL}, secrets)
	require.NoError(t, err)
	require.NoError(t, <-verified)
	require.Equal(t, http.StatusFound, made.Status, "redirects are not followed")
	require.Equal(t, receiver.URL, made.URL)
	require.Empty(t, verified)

	receiver.Close()
	made, err = outbox.Try(t.Context(), clock.System(), receiver.Client(), outbox.Endpoint{ID: outbox.Configured, URL: receiver.URL}, nil)
	require.NoError(t, err)
	require.Zero(t, made.Status)
	require.NotEmpty(t, made.Error)
}
