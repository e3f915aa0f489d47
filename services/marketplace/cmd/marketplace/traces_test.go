package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/tracing/tracingtest"
	"tianguis.example/marketplace"
	"tianguis.example/payments/webhook"
)

// byName are the spans that a collector has got, by their names.
func byName(c *tracingtest.Collector) map[string]tracingtest.Span {
	all := map[string]tracingtest.Span{}
	for _, s := range c.Spans() {
		all[s.Name] = s
	}
	return all
}

// A webhook that is believed without a signature is anybody's: it joins no trace.
func TestTraces_AnUnsignedWebhookJoinsNone(t *testing.T) {
	t.Parallel()
	collector := tracingtest.Start(t)
	m := start(t, unsigned, func(c *Config) { c.OTLPEndpoint = collector.URL })
	const trace = "0af7651916cd43dd8448eb211c80319c"
	require.Equal(t, http.StatusOK, deliver(t, m.base, []byte(seedsCurl), http.Header{"Traceparent": {"00-" + trace + "-b7ad6b7169203331-01"}}).status)
	m.stop()
	received := byName(collector)["POST "+webhook.Path]
	require.NotEmpty(t, received.Trace)
	require.NotEqual(t, trace, received.Trace)
	require.Empty(t, received.Parent)
}

// A question about a payment is a trace of its own, with the calls that it takes.
func TestTraces_OfAQuestion(t *testing.T) {
	t.Parallel()
	collector := tracingtest.Start(t)
	m := start(t, polling, func(c *Config) { c.OTLPEndpoint = collector.URL })
	pendingID := m.browser().signIn(demoFunder).approve("1")
	m.payments.pay(pendingID)
	m.due()
	require.Eventually(t, func() bool { return m.job(1).State == marketplace.Complete }, waitFor, every)
	m.stop()
	asked := byName(collector)["ask about payment"]
	require.Equal(t, pendingID, asked.Attrs["tianguis.pending_id"])
	require.Empty(t, asked.Parent)
	var calls int
	for _, s := range collector.Spans() {
		if s.Parent == asked.ID {
			calls++
			require.Equal(t, m.payments.URL+"/payments/"+pendingID+"/status", s.Attrs["url.full"])
		}
	}
	require.Positive(t, calls)
}
