package systemtest

import (
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments/api"
	"tianguis.example/sandbox/control"
	"tianguis.example/stack"
	"tianguis.example/stack/dashboard"
	"tianguis.example/stack/person"
	"tianguis.example/stack/prometheus"
)

const scrapeEvery = 500 * time.Millisecond

// TestEveryMetricMoves lets a Prometheus watch a stack on which everything happens that somebody may want to see: money, what gets stuck,
// and strangers at each door. Each metric of ours has to move, each panel of the dashboard to show something, and each alert to ask for
// what there is.
func TestEveryMetricMoves(t *testing.T) {
	t.Parallel()
	need(t, "prometheus")
	onOwn(t, func(t *testing.T, database string) {
		began := time.Now()
		listen := map[string]string{}
		for _, name := range []string{stack.Payments, stack.Marketplace} {
			port, err := stack.FreePort(t.Context())
			require.NoError(t, err)
			listen[name] = "127.0.0.1:" + strconv.Itoa(port)
		}
		server, err := prometheus.Start(t.Context(), prometheus.Config{
			Root: root, State: t.TempDir(), Every: scrapeEvery,
			Targets: map[string][]string{stack.Payments: {listen[stack.Payments]}, stack.Marketplace: {listen[stack.Marketplace]}},
		})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, server.Stop()) })
		broken := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
			_ = clock.Sleep(t.Context(), clock.System(), time.Second)
			answer.WriteHeader(http.StatusInternalServerError)
		}))
		t.Cleanup(broken.Close)
		w := newWorld(t, database, env{
			stack.Sandbox: {"SANDBOX_SETTLE_DELAY": "7s"}, // beyond what the gauges of the database are kept for
			stack.Payments: {
				"METRICS_LISTEN": listen[stack.Payments], "FINISH_WAIT": "100ms", "RECONCILE_INTERVAL": "1m", "WEBHOOK_RETRY_SCHEDULE": "8s",
				"WEBHOOK_ALLOW_HOSTS": strings.TrimPrefix(broken.URL, "http://"), "STARTS_AT_ONCE": "1",
			},
			stack.Marketplace: {
				"METRICS_LISTEN": listen[stack.Marketplace], "DATABASE_MAX_CONNS": "1",
				"MAIL_DELIVERY": "smtp", "MAIL_FROM": "no-reply@market.example", "SMTP_ADDRESS": "127.0.0.1:1", "SMTP_TLS": "none", // a mail server that is not there
			},
		})
		moves := func(query string) {
			t.Helper()
			within(t, 2*time.Minute, query+" moves", func() bool { return valueOf(t, server, query) > 0 })
		}

		moves("count(up == 1) == 2") // each counter is known from zero on, so that the first of a kind is an increase
		knockAtEachDoor(t, w)
		// A payment that goes well, one that the wallet cannot send, one that is declined, one that nobody decides, and a receiver to whom nothing can be delivered.
		_, err = w.payments.AddWebhookEndpoint(t.Context(), api.AddWebhookEndpoint{URL: broken.URL})
		require.NoError(t, err)
		good := w.start(t, "100.00 MXN", "/buyer-mxn")
		finish := good.decide(t, person.Approve)
		plant := func(operation string, fault control.Fault) {
			t.Helper()
			fault.Operation = operation
			require.NoError(t, w.wallets.AddFault(t.Context(), fault))
		}
		plant("incoming-payment.get", control.Fault{Kind: control.Latency, Latency: control.Duration(time.Second), Count: 2})
		good.open(t, finish)
		good.complete(t)
		plant("", control.Fault{Kind: control.FailPayment, Count: 1})
		failed := w.start(t, "19.99 MXN", "/buyer-mxn")
		failed.open(t, failed.decide(t, person.Approve))
		require.Equal(t, "payment_failed", w.ended(t, failed.pendingID).Reason)
		declined := w.start(t, "19.99 MXN", "/buyer-mxn")
		declined.open(t, declined.decide(t, person.Decline))
		w.start(t, "19.99 MXN", "/buyer-mxn")
		plant("wallet-address.get", control.Fault{Kind: control.ErrorStatus, Status: http.StatusServiceUnavailable, Count: 20})
		handIn(t, w)
		_, err = w.payments.Profile(t.Context(), w.Sandbox.Address+"/buyer-usd")
		require.Error(t, err)
		require.NoError(t, w.wallets.ClearFaults(t.Context()))
		// More people want to pay than the service takes at a time, and the wallet is slow.
		plant("quote.create", control.Fault{Kind: control.Latency, Latency: control.Duration(2 * time.Second)})
		_, err = w.payments.RegisterSeller(t.Context(), api.RegisterSeller{ID: "else", WalletAddressURL: w.Sandbox.Address + stack.WorkerWallet})
		require.NoError(t, err)
		var paying sync.WaitGroup
		for i := range 4 {
			paying.Go(func() {
				_, _ = w.payments.Start(t.Context(), "crowd-"+strconv.Itoa(i), api.Start{SellerID: "else", BuyerWalletAddressURL: w.Sandbox.Address + "/buyer-mxn", Amount: "7.77"})
			})
		}
		paying.Wait()
		require.NoError(t, w.wallets.ClearFaults(t.Context()))
		moves("sum(tianguis_starts_refused_total)")
		knockAtEachDoor(t, w) // a counter that comes into being with the first answer of its kind grows with the second
		moves("tianguis_webhook_dead_total")
		// The next comparison does not find any more what it knows to be paid.
		plant("incoming-payment.get", control.Fault{Kind: control.ErrorStatus, Status: http.StatusNotFound, Count: 100})
		moves("sum(tianguis_reconcile_findings_total)")
		moves(`count(ALERTS{alertname="WebhookDeadLetters", alertstate="firing"})`)

		// A scrape sees a connection that is in use when it comes, which is a matter of luck unless many are.
		within(t, 2*time.Minute, "a connection is seen in use", func() bool {
			var crowd sync.WaitGroup
			for range 8 {
				crowd.Go(func() {
					for range 50 {
						_, _ = w.payments.Payment(t.Context(), good.pendingID)
					}
				})
			}
			crowd.Wait()
			return valueOf(t, server, "max(max_over_time(go_sql_in_use_connections[10m]))") > 0
		})

		told := everyMetricHasMoved(t, server, began)
		everyPanelShows(t, server, began)
		ours := regexp.MustCompile(`\b(tianguis|go|process)_\w+`)
		for _, r := range alertRules(t) {
			for _, name := range ours.FindAllString(r.Expr, -1) {
				require.True(t, told[name], "%s asks for %s, which nobody tells", r.Alert, name)
			}
		}
	})
}

// knockAtEachDoor tries to get in without a key, a password, a signature or a proof.
func knockAtEachDoor(t *testing.T, w *world) {
	t.Helper()
	header := map[string]string{"Authorization": "Bearer not-the-key"}
	for _, knock := range []struct{ method, address, body string }{
		{http.MethodGet, w.Payments.Address + "/payments/pending", ""},
		{http.MethodGet, w.Payments.Address + "/operator/webhooks", ""},
		{http.MethodPost, w.Marketplace.Address + "/api/webhooks/payments", documentedWebhook},
		{http.MethodPost, w.Marketplace.Address + "/logout", ""},
		{http.MethodGet, w.Marketplace.Address + "/payments/finish?pendingId=x&interact_ref=y&hash=z", ""},
	} {
		require.GreaterOrEqual(t, ask(t, knock.method, knock.address, knock.body, header).status, http.StatusBadRequest, "%s let in", knock.address)
	}
	_, err := person.SignIn(t.Context(), w.Marketplace.Address, funder, "not the password")
	require.Error(t, err)
}

// everyMetricHasMoved looks at the metrics of ours, each of which has to be in the documentation too. It returns the names of all.
func everyMetricHasMoved(t *testing.T, server *prometheus.Server, began time.Time) map[string]bool {
	t.Helper()
	documented, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	require.NoError(t, err)
	names, _, _, err := server.LabelValues(t.Context(), "__name__", nil, began, time.Now())
	require.NoError(t, err)
	part := regexp.MustCompile(`_(bucket|sum|count)$`)
	told := map[string]bool{}
	for _, n := range names {
		name := string(n)
		told[name] = true
		if strings.HasPrefix(name, "tianguis_") {
			assert.Positive(t, valueOf(t, server, "max(max_over_time("+name+"[10m]))"), "%s has never moved", name)
			require.Contains(t, string(documented), "`"+part.ReplaceAllString(name, "")+"`", "docs/operations.md does not say what it tells")
		}
	}
	for _, door := range []string{"api", "operator", "webhook", "form", "sign_in", "finish"} {
		require.Positive(t, valueOf(t, server, `sum(tianguis_refused_total{door="`+door+`"})`), "the door %s", door)
	}
	return told
}

// everyPanelShows asks what each panel of the dashboard asks.
func everyPanelShows(t *testing.T, server *prometheus.Server, began time.Time) {
	t.Helper()
	board, err := dashboard.Read(filepath.Join(root, "deploy", "grafana", "dashboards", "tianguis.json"))
	require.NoError(t, err)
	over := v1.Range{Start: began, End: time.Now().Add(2 * time.Second), Step: time.Second} // so that no step misses what was scraped last
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			answer, warnings, _, err := server.QueryRange(t.Context(), target.Query(10*scrapeEvery), over)
			require.NoError(t, err, p.Title)
			require.Empty(t, warnings, p.Title)
			assert.True(t, shows(answer), "the panel %q shows nothing: %s", p.Title, target.Expr)
		}
	}
}

// valueOf is the one value of a query, or 0 when there is none.
func valueOf(t *testing.T, server *prometheus.Server, query string) float64 {
	t.Helper()
	answer, _, _, err := server.Query(t.Context(), query, time.Now())
	require.NoError(t, err, query)
	vector, ok := answer.(model.Vector)
	require.True(t, ok, query)
	if len(vector) == 0 {
		return 0
	}
	require.Len(t, vector, 1, query)
	return float64(vector[0].Value)
}

// shows reports whether there is anything to see in an answer: one point that is not zero.
func shows(answer model.Value) bool {
	matrix, _ := answer.(model.Matrix)
	for _, series := range matrix {
		for _, point := range series.Values {
			if point.Value != 0 && !math.IsNaN(float64(point.Value)) {
				return true
			}
		}
	}
	return false
}
