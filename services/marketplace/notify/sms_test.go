package notify_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/notify"
	"tianguis.example/payments/webhook"
)

func gateway(t *testing.T, answer http.HandlerFunc) *notify.Gateway {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return &notify.Gateway{URL: s.URL + "/send?account=7", BaseURL: baseURL, Languages: languages(t), Clock: clock.System(), Client: notify.NewGatewayClient()}
}

func sms(t *testing.T) marketplace.Message {
	t.Helper()
	m := message(t, marketplace.NotifyPaid, "es")
	m.Channel, m.To = marketplace.SMS, "+525512345678"
	return m
}

func TestGateway_WhatIsSent(t *testing.T) {
	t.Parallel()
	secret := webhook.GenerateSecret()
	secrets, err := webhook.ParseSecrets(secret)
	require.NoError(t, err)
	for _, signed := range []bool{false, true} {
		var body []byte
		var header http.Header
		var path string
		g := gateway(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ = io.ReadAll(r.Body)
			header, path = r.Header, r.Method+" "+r.RequestURI
			w.WriteHeader(http.StatusAccepted)
		})
		g.Authorization = "Bearer t0ken"
		if signed {
			g.Secrets = secrets
		}
		require.NoError(t, g.Send(t.Context(), sms(t)))
		require.Equal(t, "POST /send?account=7", path)
		require.JSONEq(t, `{"to":"+525512345678","text":"Tianguis: Recibiste 1,500.00 MXN por «Rótulo» https://market.example/jobs/7"}`, string(body))
		require.Equal(t, "Bearer t0ken", header.Get("Authorization"))
		require.Equal(t, "application/json", header.Get("Content-Type"))
		require.Equal(t, "01JDX", header.Get("Idempotency-Key"))
		err := secrets.Verify(header, body, clock.System().Now())
		require.Equal(t, signed, err == nil, err)
	}
}

func TestGateway_LongAndHostileTitles(t *testing.T) {
	t.Parallel()
	var said struct{ Text string }
	g := gateway(t, func(_ http.ResponseWriter, r *http.Request) { _ = json.NewDecoder(r.Body).Decode(&said) })
	m := sms(t)
	m.Facts.Title = strings.Repeat("ñ\r\n", 1000)
	require.NoError(t, g.Send(t.Context(), m))
	require.LessOrEqual(t, len([]rune(said.Text)), 300)
	require.NotContains(t, said.Text, "\n")
	require.True(t, strings.HasSuffix(said.Text, "… https://market.example/jobs/7"), said.Text)
}

func TestGateway_Verdicts(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]error{
		200: nil, 201: nil, 204: nil, 400: notify.ErrRefused, 422: notify.ErrRefused,
		301: notify.ErrDown, 401: notify.ErrDown, 403: notify.ErrDown, 404: notify.ErrDown, 429: notify.ErrDown, 500: notify.ErrDown, 503: notify.ErrDown,
	} {
		var asked atomic.Int32
		g := gateway(t, func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		})
		g.Authorization = "Bearer t0ken"
		err := g.Send(t.Context(), sms(t))
		if want == nil {
			require.NoError(t, err, status)
		} else {
			require.ErrorIs(t, err, want, status)
			require.NotContains(t, err.Error(), "t0ken")
			require.NotContains(t, err.Error(), "account=7")
		}
		require.Equal(t, int32(1), asked.Load(), "%d: no redirect is followed, and nothing is repeated here", status)
	}
	g := gateway(t, func(http.ResponseWriter, *http.Request) { <-t.Context().Done() })
	g.Client.Timeout = 200 * time.Millisecond
	err := g.Send(t.Context(), sms(t))
	require.ErrorIs(t, err, notify.ErrDown)
	require.NotContains(t, err.Error(), "account=7", "the address may hold a secret")
}
