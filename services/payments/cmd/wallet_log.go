package cmd

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/logging"
	"tianguis.example/payments/egress"
	"tianguis.example/payments/openpayments"
)

// walletLog writes one line for each request to a wallet, each try of a repeated one. It names the path and not the query, and
// nothing of headers and bodies, which hold tokens.
type walletLog struct {
	inner http.RoundTripper
	clock clock.Clock
	log   *slog.Logger
}

// withWalletLog returns a copy of client that logs.
func withWalletLog(client *http.Client, clk clock.Clock, log *slog.Logger) *http.Client {
	logged := *client
	logged.Transport = walletLog{inner: client.Transport, clock: clk, log: log}
	return &logged
}

// RoundTrip logs what is worth it: a read that was answered only at level debug, since settlement is asked for again and again.
func (w walletLog) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	attrs := append(slices.Clone(logging.Attrs(ctx)), // which payment it is for
		slog.String("method", request.Method), slog.String("host", request.URL.Host), slog.String("path", request.URL.EscapedPath()),
		slog.String("operation", openpayments.Operation(ctx)),
	)
	began := w.clock.Now()
	answer, err := w.inner.RoundTrip(request)
	level := slog.LevelInfo
	switch {
	case err != nil:
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("error", err.Error()))
		if errors.Is(err, egress.ErrForbiddenAddress) {
			attrs = append(attrs, slog.String("security", "forbidden_address"))
		}
	case answer.StatusCode >= http.StatusInternalServerError, answer.StatusCode == http.StatusTooManyRequests:
		level = slog.LevelWarn
	case request.Method == http.MethodGet && answer.StatusCode/100 == 2:
		level = slog.LevelDebug
	}
	if err == nil {
		attrs = append(attrs, slog.Int("status", answer.StatusCode))
	}
	attrs = append(attrs, slog.Int64("duration_ms", w.clock.Now().Sub(began).Milliseconds()))
	w.log.LogAttrs(ctx, level, "wallet call", attrs...)
	return answer, err
}

// CloseIdleConnections lets http.Client.CloseIdleConnections through.
func (w walletLog) CloseIdleConnections() {
	if inner, ok := w.inner.(interface{ CloseIdleConnections() }); ok {
		inner.CloseIdleConnections()
	}
}
