package cmd

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
	"tianguis.example/payments"
	"tianguis.example/payments/egress"
	"tianguis.example/payments/outbox"
)

func TestMetrics_OnAListenerOfTheirOwn(t *testing.T) {
	t.Parallel()
	r := mustServe(t, good(t, map[string]string{"METRICS_LISTEN": "127.0.0.1:0"}))
	status, _ := r.ask(t, http.MethodGet, "/health", "")
	require.Equal(t, http.StatusOK, status)
	status, _ = r.ask(t, http.MethodGet, "/no-such-"+strings.Repeat("x", 8), "")
	require.Equal(t, http.StatusNotFound, status)
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/heap"} {
		status, _ = r.ask(t, http.MethodGet, path, "")
		require.Equal(t, http.StatusNotFound, status, "not on the public port")
	}

	address := regexp.MustCompile(`metrics are ready.*address=(\S+)`)
	require.Eventually(t, func() bool { return address.MatchString(r.lines.String()) }, 10*time.Second, 10*time.Millisecond)
	scraper := running{url: "http://" + address.FindStringSubmatch(r.lines.String())[1]}
	var body string
	require.Eventually(t, func() bool { // the loops claim once they run
		status, body = scraper.ask(t, http.MethodGet, "/metrics", "")
		return status == http.StatusOK && strings.Contains(body, `tianguis_worker_claims_total{loop="payments",outcome="none"}`) &&
			strings.Contains(body, `tianguis_worker_claims_total{loop="webhooks",outcome="none"}`)
	}, 10*time.Second, 10*time.Millisecond)
	require.Contains(t, body, `tianguis_http_request_duration_seconds_count{method="GET",route="/health",status="2xx"} 1`)
	require.Contains(t, body, `go_sql_open_connections{db_name="service"}`)
	require.Contains(t, body, `tianguis_build_info{service="payments"`)
	for _, line := range []string{
		`tianguis_payments_open{state="sending"} 0`, `tianguis_payments_open_oldest_seconds{state="created"} 0`,
		`tianguis_webhook_deliveries{state="dead"} 0`, `tianguis_webhook_oldest_pending_seconds 0`,
	} {
		require.Contains(t, body, line, "asked of the database")
	}
	require.NotContains(t, body, "no-such-", "what a stranger chose is in no label")
	status, _ = scraper.ask(t, http.MethodGet, "/debug/pprof/heap", "")
	require.Equal(t, http.StatusOK, status)
	require.NoError(t, r.stop())
}

func TestMetrics_WalletCallsByClassOfHost(t *testing.T) {
	t.Parallel()
	wallet := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(wallet.Close)
	allow := wallet.Listener.Addr().String()
	m := testMeasured(t, allow)
	client := m.wallets(egress.Client(egress.Options{AllowHosts: []string{allow}}))
	for _, address := range []string{wallet.URL, "https://127.0.0.1:1"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		require.NoError(t, err)
		if answer, err := client.Do(request); err == nil {
			_ = answer.Body.Close()
		}
	}
	body := scrape(t, m)
	require.Contains(t, body, `tianguis_wallet_call_duration_seconds_count{host_class="listed",method="GET",outcome="4xx"} 1`)
	require.Contains(t, body, `tianguis_wallet_call_duration_seconds_count{host_class="public",method="GET",outcome="refused"} 1`)
	require.NotContains(t, body, "127.0.0.1", "no host is in a label")
}

func TestMetrics_OfAPaymentAndItsWebhook(t *testing.T) {
	t.Parallel()
	m := testMeasured(t)
	noon := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	m.life.Moved(payments.Payment{}, payments.Payment{State: payments.Created})
	m.life.Moved(payments.Payment{}, payments.Payment{State: payments.Failed, Reason: payments.Expired})
	m.life.Moved(payments.Payment{}, payments.Payment{State: payments.Paid, ApprovedAt: noon, PaidAt: noon.Add(2 * time.Second)})
	m.sent.Attempted(outbox.Attempt{Duration: time.Second}, outbox.Delivery{State: outbox.Pending, PendingID: "1"})
	m.sent.Attempted(outbox.Attempt{Duration: time.Second, Status: 500}, outbox.Delivery{State: outbox.Dead, PendingID: "1"})
	m.sent.Attempted(outbox.Attempt{Duration: time.Second, Status: 204}, outbox.Delivery{State: outbox.Delivered, PendingID: "1", CreatedAt: noon, EndedAt: noon.Add(3 * time.Second)})
	m.sent.Attempted(outbox.Attempt{Duration: time.Second, Status: 200}, outbox.Delivery{State: outbox.Delivered, CreatedAt: noon, EndedAt: noon.Add(time.Hour)})
	m.differences.ran(payments.Report{Findings: []payments.Finding{{Kind: payments.FoundLate, Severity: payments.SeverityNotice}}}, nil)

	body := scrape(t, m)
	for _, line := range []string{
		`tianguis_payment_transitions_total{reason="",state="created"} 1`,
		`tianguis_payment_transitions_total{reason="expired",state="failed"} 1`,
		`tianguis_payment_transitions_total{reason="rejected",state="failed"} 0`, // there from the start
		`tianguis_payment_approval_to_paid_seconds_sum 2`,
		`tianguis_webhook_attempt_duration_seconds_count{outcome="none"} 1`,
		`tianguis_webhook_attempt_duration_seconds_count{outcome="5xx"} 1`,
		`tianguis_webhook_attempt_duration_seconds_count{outcome="2xx"} 2`,
		`tianguis_webhook_dead_total 1`,
		`tianguis_webhook_delivery_delay_seconds_sum 3`, // the ping is no news of a payment
		`tianguis_reconcile_findings_total{kind="late",severity="notice"} 1`,
		`tianguis_reconcile_runs_total{outcome="done"} 1`,
	} {
		require.Contains(t, body, line+"\n")
	}
}

func TestDoor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		route  string
		status int
		want   string
	}{
		{"/sellers", 401, "api"}, {"/sellers", 200, ""}, {"/operator/webhooks", 401, "operator"}, {"/operator/webhooks", 403, "operator"},
		{"/payments/finish", 403, "finish"}, {"/payments/finish", 404, "finish"}, {"/payments/finish", 401, "api"}, {"/payments/finish", 303, ""},
		{"/payments/:pendingId/status", 404, ""},
	} {
		require.Equal(t, c.want, door(c.route, http.MethodGet, c.status), "%v", c)
	}
}

func testMeasured(t *testing.T, allow ...string) measured {
	t.Helper()
	db, err := database.Open(t.Context(), good(t, nil)["DATABASE_URL"], database.Options{Clock: clock.System()})
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	m, err := newMeasured(config{WalletAllowHosts: allow}, db, clock.System())
	require.NoError(t, err)
	require.Nil(t, m.listener, "off unless somebody asks for it")
	return m
}

func scrape(t *testing.T, m measured) string {
	t.Helper()
	answer := httptest.NewRecorder()
	m.registry.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	return answer.Body.String()
}
