package systemtest

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/tracing/tracingtest"
	"tianguis.example/payments/api"
	"tianguis.example/payments/webhook"
	"tianguis.example/stack"
	"tianguis.example/stack/person"
)

// tracedBy are the variables of services that send their traces to a collector, soon.
func tracedBy(c *tracingtest.Collector) env {
	sends := func() map[string]string {
		return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_BSP_SCHEDULE_DELAY": "50", "LOG_FORMAT": "json", "SANDBOX_LOG_FORMAT": "json"}
	}
	return env{stack.Sandbox: sends(), stack.Payments: sends(), stack.Marketplace: sends()}
}

// spans are those that a collector has got.
type spans []tracingtest.Span

// the is the one span that a service has under that name. There must be one, and only one.
func (all spans) the(t *testing.T, service, name string) tracingtest.Span {
	t.Helper()
	var found spans
	for _, s := range all {
		if s.Service == service && s.Name == name {
			found = append(found, s)
		}
	}
	require.Len(t, found, 1, "spans of %s named %s", service, name)
	return found[0]
}

// of are the spans of a trace, by their ids.
func (all spans) of(trace string) map[string]tracingtest.Span {
	byID := map[string]tracingtest.Span{}
	for _, s := range all {
		if s.Trace == trace {
			byID[s.ID] = s
		}
	}
	return byID
}

func (all spans) count(service, name string) (n int) {
	for _, s := range all {
		if s.Service == service && s.Name == name {
			n++
		}
	}
	return n
}

// receiver is somebody else's, of webhooks.
type receiver struct {
	host string
	mu   sync.Mutex
	got  []http.Header
}

func listen(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, request.Header)
	}))
	t.Cleanup(server.Close)
	r.host = server.Listener.Addr().String()
	return r
}

func (r *receiver) headers() []http.Header {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// secretPath stands in the address of a receiver whose owner lets in whoever knows it.
const secretPath = "planted-in-the-path"

// One payment is one trace: the click in the marketplace, the start in the payments service, the calls of the wallets and what these did, what workers did
// later, and the webhook back into the marketplace.
func TestTraces_FollowOnePayment(t *testing.T) {
	t.Parallel()
	onOwn(t, func(t *testing.T, database string) {
		collector := tracingtest.Start(t)
		elsewhere := listen(t)
		services := tracedBy(collector)
		services[stack.Payments]["WEBHOOK_ALLOW_HOSTS"] = elsewhere.host
		services[stack.Payments]["FINISH_WAIT"], services[stack.Sandbox]["SANDBOX_SETTLE_DELAY"] = "100ms", "500ms" // a worker sees the money come
		w := newWorld(t, database, services)
		_, err := w.payments.AddWebhookEndpoint(t.Context(), api.AddWebhookEndpoint{URL: "http://" + elsewhere.host + "/" + secretPath})
		require.NoError(t, err)
		strangersTrace := strangersCome(t, w)
		a := w.start(t, "19.99 MXN", "/buyer-mxn")
		require.NoError(t, w.Payments.Stop()) // what is known of the trace from here on is in the database
		require.NoError(t, w.Payments.Start(t.Context()))
		finish := a.decide(t, person.Approve)
		a.open(t, finish)
		a.complete(t)
		var all spans
		eventually(t, "the spans have come", func() bool {
			all = collector.Spans()
			return all.count(stack.Marketplace, "POST "+webhook.Path) == 1 && all.count(stack.Payments, "deliver webhook") == 2 &&
				all.count(stack.Marketplace, "GET /payments/finish") == 1 && all.count(stack.Payments, "payment paid") == 1
		})

		click := all.the(t, stack.Marketplace, "POST /jobs/:job_id/pay")
		require.Empty(t, click.Parent)
		trace := all.of(click.Trace)
		require.Equal(t, click.Trace, line(t, w.Payments, "payment moved", "pending_id", a.pendingID, "to", "awaiting_approval")["trace_id"], "from the log to the trace")
		has := map[string]int{}
		for _, s := range trace {
			has[s.Service]++
			if s.ID == click.ID {
				continue
			}
			parent, found := trace[s.Parent]
			require.True(t, found, "%s of %s has a parent", s.Name, s.Service)
			if parent.Service != s.Service {
				require.Equal(t, "SPAN_KIND_CLIENT", parent.Kind.String())
				require.Equal(t, "SPAN_KIND_SERVER", s.Kind.String())
			}
		}
		require.Greater(t, has[stack.Sandbox], 5, "incoming payment, quote, grants, outgoing payment, …")

		start := all.the(t, stack.Payments, "POST /offers/:offerId/quotes/start")
		require.Equal(t, click.ID, trace[start.Parent].Parent, "the marketplace's call is between them")
		require.Equal(t, decimal(a.job), start.Attrs["tianguis.offer_id"])
		for _, state := range []string{"created", "awaiting_approval", "approved", "authorized", "sending", "paid"} {
			moved := all.the(t, stack.Payments, "payment "+state)
			require.Equal(t, click.Trace, moved.Trace, state)
			require.Equal(t, a.pendingID, moved.Attrs["tianguis.pending_id"], state)
		}

		for _, name := range []string{"get wallet address", "request grant", "create incoming payment", "create quote", "continue grant", "create outgoing payment"} {
			require.Positive(t, spans(slices.Collect(maps.Values(trace))).count(stack.Payments, name), name)
		}
		worker := trace[all.the(t, stack.Payments, "payment paid").Parent]
		require.Equal(t, "advance payment", worker.Name)
		require.Equal(t, start.ID, worker.Parent)

		// A browser brings no trace: its return is one of its own, and what it does for the payment is in the payment's.
		back := all.the(t, stack.Marketplace, "GET /payments/finish")
		require.Empty(t, back.Parent)
		require.NotEqual(t, click.Trace, back.Trace)
		finished := all.the(t, stack.Payments, "finish payment")
		require.Equal(t, start.ID, finished.Parent)
		asked := all.the(t, stack.Payments, "GET /payments/finish")
		require.Equal(t, back.Trace, asked.Trace)
		require.Equal(t, []string{asked.ID}, finished.Links)

		received := all.the(t, stack.Marketplace, "POST "+webhook.Path)
		sent := trace[received.Parent]
		require.Equal(t, stack.Payments, sent.Service)
		delivered := trace[sent.Parent]
		require.Equal(t, "deliver webhook", delivered.Name)
		require.Equal(t, "delivered", delivered.Attrs["tianguis.state"])
		require.Equal(t, start.ID, delivered.Parent)

		got := elsewhere.headers()
		require.Len(t, got, 1)
		require.NotEmpty(t, got[0].Get(webhook.HeaderID))
		for _, ours := range []string{"Traceparent", "Tracestate", "Baggage", "X-Request-Id"} {
			require.Empty(t, got[0].Values(ours), "a receiver elsewhere is a stranger")
		}
		require.Empty(t, all.of(strangersTrace), "nobody joins a trace from outside")
		for name, secret := range secretsOf(t, w, a, finish) {
			for _, s := range all {
				require.NotContains(t, s.Text, secret, "%s in %s of %s", name, s.Name, s.Service)
			}
		}
	})
}

// strangersCome to every public door, and say that they are part of a trace that is kept. It returns that trace.
func strangersCome(t *testing.T, w *world) string {
	t.Helper()
	const trace = "0af7651916cd43dd8448eb211c80319c"
	for address, want := range map[string]int{
		w.Marketplace.Address + "/login":             http.StatusOK,
		w.Marketplace.Address + webhook.Path:         http.StatusUnauthorized,
		w.Payments.Address + "/payments/pending":     http.StatusUnauthorized,
		w.Payments.Address + "/operator":             http.StatusUnauthorized,
		w.Payments.Address + "/there-is-no-such-way": http.StatusNotFound,
	} {
		method := http.MethodGet
		if strings.HasSuffix(address, webhook.Path) {
			method = http.MethodPost
		}
		request, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
		require.NoError(t, err)
		request.Header.Set("traceparent", "00-"+trace+"-b7ad6b7169203331-01")
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, want, answer.StatusCode, address)
	}
	return trace
}

// secretsOf is what must be in no span.
func secretsOf(t *testing.T, w *world, a attempt, finish string) map[string]string {
	t.Helper()
	returned, err := url.Parse(finish)
	require.NoError(t, err)
	secrets := map[string]string{
		"the e-mail": funder, "the password": password, "the hash": returned.Query().Get("hash"), "the escaped hash": url.QueryEscape(returned.Query().Get("hash")),
		"the interact_ref": returned.Query().Get("interact_ref"), "the path of a receiver": secretPath, "a query": "?", "a token": "GNAP ", "a key": "Bearer ",
	}
	for name, file := range map[string]string{"the API key": w.Secrets.APIKey, "the webhook secret": w.Secrets.WebhookSecret, "the encryption key": w.Secrets.TokenEncryptionKey} {
		secrets[name], err = stack.ReadSecret(file)
		require.NoError(t, err)
	}
	for name, secret := range secrets {
		require.NotEmpty(t, secret, name)
	}
	require.Contains(t, finish, a.pendingID)
	return secrets
}

// A collector that takes connections and never answers: payments are paid, and the services stop well (newWorld sees to that).
func TestTraces_ACollectorThatHangsHoldsNothingUp(t *testing.T) {
	t.Parallel()
	onOwn(t, func(t *testing.T, database string) {
		collector := tracingtest.StartHung(t)
		w := newWorld(t, database, tracedBy(collector))
		for range 2 {
			a := w.start(t, "19.99 MXN", "/buyer-mxn")
			a.open(t, a.decide(t, person.Approve))
			a.complete(t)
		}
		eventually(t, "all of them have tried", func() bool { return collector.Asked() >= 3 })
	})
}

// Without the setting nothing is sent, although an exporter would find this collector by itself.
func TestTraces_AreOffUnlessACollectorIsNamed(t *testing.T) {
	t.Parallel()
	onOwn(t, func(t *testing.T, database string) {
		collector := tracingtest.Start(t)
		sends := map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": collector.URL + "/v1/traces", "OTEL_BSP_SCHEDULE_DELAY": "50"}
		w := newWorld(t, database, env{stack.Sandbox: sends, stack.Payments: sends, stack.Marketplace: sends})
		a := w.start(t, "19.99 MXN", "/buyer-mxn")
		a.open(t, a.decide(t, person.Approve))
		a.complete(t)
		require.NoError(t, w.Stop()) // whatever there was would be sent now
		require.Zero(t, collector.Asked())
	})
}
