package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/payments/egress"
)

func TestMetrics_OnAListenerOfTheirOwn(t *testing.T) {
	t.Parallel()
	r := mustServe(t, good(t, map[string]string{"METRICS_LISTEN": "127.0.0.1:0"}))
	status, _ := r.ask(t, http.MethodGet, "/health", "")
	require.Equal(t, http.StatusOK, status)
	status, _ = r.ask(t, http.MethodGet, "/no-such-"+strings.Repeat("x", 8), "")
	require.Equal(t, http.StatusNotFound, status)
	status, _ = r.ask(t, http.MethodGet, "/metrics", "")
	require.Equal(t, http.StatusNotFound, status, "not on the public port")

	address := regexp.MustCompile(`metrics are ready.*address=(\S+)`)
	require.Eventually(t, func() bool { return address.MatchString(r.lines.String()) }, 10*time.Second, 10*time.Millisecond)
	scraper := running{url: "http://" + address.FindStringSubmatch(r.lines.String())[1]}
	var body string
	require.Eventually(t, func() bool { // the payments loop claims once it runs
		status, body = scraper.ask(t, http.MethodGet, "/metrics", "")
		return status == http.StatusOK && strings.Contains(body, `tianguis_worker_claims_total{loop="payments",outcome="none"}`)
	}, 10*time.Second, 10*time.Millisecond)
	require.Contains(t, body, `tianguis_http_request_duration_seconds_count{method="GET",route="/health",status="2xx"} 1`)
	require.Contains(t, body, `go_sql_open_connections{db_name="service"}`)
	require.Contains(t, body, `tianguis_build_info{service="payments"`)
	require.NotContains(t, body, "no-such-", "what a stranger chose is in no label")
	require.NoError(t, r.stop())
}

func TestMetrics_WalletCallsByClassOfHost(t *testing.T) {
	t.Parallel()
	wallet := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(wallet.Close)
	c := config{WalletAllowHosts: []string{wallet.Listener.Addr().String()}}
	db, err := database.Open(t.Context(), good(t, nil)["DATABASE_URL"], database.Options{Clock: clock.System()})
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	m, err := newMeasured(c, db, clock.System())
	require.NoError(t, err)
	require.Nil(t, m.listener, "off unless somebody asks for it")
	client := m.wallets(egress.Client(egress.Options{AllowHosts: c.WalletAllowHosts}))
	for _, address := range []string{wallet.URL, "https://127.0.0.1:1"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		require.NoError(t, err)
		if answer, err := client.Do(request); err == nil {
			_ = answer.Body.Close()
		}
	}
	scrape := httptest.NewRecorder()
	m.registry.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(scrape, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	body := scrape.Body.String()
	require.Contains(t, body, `tianguis_wallet_call_duration_seconds_count{host_class="listed",method="GET",outcome="4xx"} 1`)
	require.Contains(t, body, `tianguis_wallet_call_duration_seconds_count{host_class="public",method="GET",outcome="refused"} 1`)
	require.NotContains(t, body, "127.0.0.1", "no host is in a label")
}
