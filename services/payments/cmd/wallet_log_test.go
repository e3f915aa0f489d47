package cmd

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/logging"
)

type line struct {
	Level, Msg, Method, Host, Path, Error string
	Status                                int
	DurationMS                            *int64 `json:"duration_ms"`
	RequestID                             string `json:"request_id"`
}

// logged sends one request through the log, and returns its one line.
func logged(t *testing.T, method, url, body string, inner http.RoundTripper) (line, *http.Response, error) {
	t.Helper()
	out := &lines{}
	log, err := logging.New(out, "json", "debug")
	require.NoError(t, err)
	client := withWalletLog(&http.Client{Transport: inner}, clock.System(), log)
	request, err := http.NewRequestWithContext(logging.WithRequestID(t.Context(), "01KAR"), method, url, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "GNAP "+planted)
	answer, sendErr := client.Do(request)
	require.NotContains(t, out.String(), "planted")
	require.Equal(t, 1, strings.Count(out.String(), "\n"), out.String())
	var l line
	require.NoError(t, json.Unmarshal([]byte(out.String()), &l))
	require.Equal(t, "wallet call", l.Msg)
	require.Equal(t, "01KAR", l.RequestID)
	require.NotNil(t, l.DurationMS)
	return l, answer, sendErr
}

func TestWalletLog_OneLineForEachCall(t *testing.T) {
	t.Parallel()
	var status int
	wallet := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", planted)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"access_token":"planted"}`)
	}))
	defer wallet.Close()
	host := strings.TrimPrefix(wallet.URL, "http://")
	for _, c := range []struct {
		method string
		status int
		level  string
	}{
		{http.MethodGet, 200, "DEBUG"}, {http.MethodGet, 404, "INFO"}, {http.MethodGet, 503, "WARN"}, {http.MethodGet, 429, "WARN"},
		{http.MethodPost, 201, "INFO"}, {http.MethodPost, 200, "INFO"}, {http.MethodPost, 401, "INFO"}, {http.MethodPost, 500, "WARN"},
		{http.MethodDelete, 204, "INFO"},
	} {
		status = c.status
		got, answer, err := logged(t, c.method, wallet.URL+"/incoming-payments/a%2Fb?interact_ref=planted", "planted", http.DefaultTransport)
		require.NoError(t, err)
		_ = answer.Body.Close()
		require.Equal(t, c.status, answer.StatusCode)
		got.DurationMS, got.RequestID = nil, ""
		require.Equal(t, line{Level: c.level, Msg: "wallet call", Method: c.method, Host: host, Path: "/incoming-payments/a%2Fb", Status: c.status}, got)
	}
}

type broken struct{}

func (broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("cut") }

func TestWalletLog_ACallWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	got, _, err := logged(t, http.MethodPost, "https://wallet.example/x?planted", "", broken{}) //nolint:bodyclose // there is no answer
	require.ErrorContains(t, err, "cut")
	require.Equal(t, "WARN", got.Level)
	require.Equal(t, "cut", got.Error)
	require.Zero(t, got.Status)
}

// moving is a transport during which time passes.
type moving struct{ clock *clock.Held }

func (m moving) RoundTrip(*http.Request) (*http.Response, error) {
	m.clock.Advance(1500 * time.Millisecond)
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: http.Header{}}, nil
}

func TestWalletLog_HowLongItTook(t *testing.T) {
	t.Parallel()
	clk, out := clock.NewHeld(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)), &lines{}
	log, err := logging.New(out, "text", "debug")
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://wallet.example/alice", nil)
	require.NoError(t, err)
	answer, err := withWalletLog(&http.Client{Transport: moving{clk}}, clk, log).Do(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Contains(t, out.String(), "duration_ms=1500")
}

type closing struct {
	broken
	closed *bool
}

func (c closing) CloseIdleConnections() { *c.closed = true }

func TestWalletLog_LetsConnectionsBeClosed(t *testing.T) {
	t.Parallel()
	var closed bool
	log, err := logging.New(io.Discard, "text", "debug")
	require.NoError(t, err)
	withWalletLog(&http.Client{Transport: closing{closed: &closed}}, clock.System(), log).CloseIdleConnections()
	require.True(t, closed)
}
