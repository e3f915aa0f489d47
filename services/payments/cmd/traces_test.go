package cmd

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/logging"
	"tianguis.example/chassis/tracing"
	"tianguis.example/chassis/tracing/tracingtest"
)

// A wallet is told the trace only when the operator has listed it; a call of any other has a span all the same.
func TestTraces_AStrangersWalletIsToldNothing(t *testing.T) {
	t.Parallel()
	collector := tracingtest.Start(t)
	told := map[string]http.Header{}
	wallets := map[string]*httptest.Server{}
	for _, name := range []string{"listed", "stranger"} {
		wallets[name] = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told[name] = r.Header }))
		t.Cleanup(wallets[name].Close)
	}
	c, err := loadConfig(file(t, good(t, map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL, "WALLET_ALLOW_HOSTS": wallets["listed"].Listener.Addr().String(),
	})))
	require.NoError(t, err)
	log, err := logging.New(io.Discard, "text", "error")
	require.NoError(t, err)
	tracer, err := tracing.New(t.Context(), "payments", "", c.Settings, log)
	require.NoError(t, err)
	client := walletsTraced(tracer, c, &http.Client{Transport: http.DefaultTransport})
	for _, wallet := range wallets {
		request, err := http.NewRequestWithContext(logging.WithRequestID(t.Context(), "01KAR"), http.MethodGet, wallet.URL+"/alice", http.NoBody)
		require.NoError(t, err)
		answer, err := client.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
	}
	tracer.Close()
	require.Len(t, collector.Spans(), 2)
	require.NotEmpty(t, told["listed"].Get("Traceparent"))
	for _, ours := range []string{"Traceparent", "Tracestate", "Baggage", "X-Request-Id"} {
		require.Empty(t, told["stranger"].Values(ours))
	}
}
