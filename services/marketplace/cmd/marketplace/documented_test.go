package main

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/marketplace"
)

// documented lets the payments service behave like the one that the seed's document describes, and no better: its status has no state,
// its finish makes the payment and sends the webhook before it answers, and the webhook is sent once and unsigned.
func (m *running) documented(t *testing.T) {
	t.Helper()
	m.payments.breakRoute("GET /payments/{pendingId}/status", false, func(w http.ResponseWriter, r *http.Request) bool {
		p := m.payments.known(r.PathValue("pendingId"))
		m.payments.write(w, http.StatusOK, map[string]any{
			"pendingId": p.PendingID, "offerId": p.OfferID, "status": p.Status, "buyerWalletAddressUrl": p.Buyer,
			"incomingPaymentId": "https://w.example/i/1", "outgoingPaymentId": p.OutgoingID, "quoteId": "https://w.example/q/1",
		})
		return true
	})
	m.payments.breakRoute("GET /payments/finish", false, func(w http.ResponseWriter, r *http.Request) bool {
		pendingID := r.URL.Query().Get("pendingId")
		m.payments.pay(pendingID)
		p := m.payments.known(pendingID)
		if said := m.tell(t, p); said.status != http.StatusOK {
			t.Errorf("the webhook within the finish is answered with %v", said)
		}
		m.payments.write(w, http.StatusOK, map[string]any{"ok": true, "status": p.Status, "outgoingPayment": map[string]any{"id": p.OutgoingID}})
		return true
	})
}

// tell sends the documented webhook: its six fields, no signature, no id.
func (m *running) tell(t *testing.T, p fakePayment) answered {
	t.Helper()
	return deliver(t, m.base, fmt.Appendf(nil, `{
  "type": "payment.completed",
  "pendingId": "%s",
  "offerId": "%s",
  "status": "paid",
  "outgoingPaymentId": "%s",
  "timestamp": "2025-01-01T12:00:00Z"
}`, p.PendingID, p.OfferID, p.OutgoingID), http.Header{})
}

// TestDocumentedPayments: the marketplace with a payments service that knows the documented wire only.
func TestDocumentedPayments(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		require.Contains(t, m.logs.String(), `"level":"WARN","msg":"WEBHOOK_ALLOW_UNSIGNED is set`, "warned of at start")
		m.browser().signIn(demoOperator).get("/operator").has(t, "#unsigned")
		m.documented(t)
		b := m.browser().signIn(demoFunder)

		// The browser comes back: the webhook arrives while the marketplace waits for the finish that sends it.
		first := b.approve("1")
		b.lands(b.comeBack(first), "/jobs/1").has(t, `[data-flash="paid"]`)
		require.Equal(t, marketplace.Complete, m.job(1).State)
		require.Equal(t, m.payments.known(first).OutgoingID, m.job(1).PaymentID)
		require.Equal(t, []string{"payment_started", "pay"}, m.events(1), "the webhook and the finish say the same: it counts once")
		require.Regexp(t, `"level":"WARN","msg":"payment news applied without a signature","source":"unsigned_webhook".*"pending_id":"`+first+`"`, m.logs.String())

		// The browser does not come back. Asked, the service says pending and no more: nobody is told that the payment was approved.
		second := b.approve("2")
		m.due()
		require.Eventually(t, func() bool { return m.polled(2) }, waitFor, every)
		require.Equal(t, marketplace.AttemptAwaiting, m.job(2).Attempt.State)
		m.payments.pay(second)
		for range 2 {
			require.Equal(t, answered{200, `{"success":true,"message":"Payment confirmed","job_id":2,"job_status":"complete"}`}, m.tell(t, m.payments.known(second)))
		}
		require.Equal(t, []string{"payment_started", "pay"}, m.events(2))
		require.Equal(t, marketplace.AttemptPaid, m.job(2).Attempt.State)

		// The command of the document, which says the same of a job that is paid already.
		require.Equal(t, answered{200, `{"success":true,"message":"Payment confirmed","job_id":1,"job_status":"complete"}`}, deliver(t, m.base, []byte(seedsCurl), http.Header{}))
		require.Equal(t, []string{"payment_started", "pay", "paid_again"}, m.events(1), "another payment, as far as anybody can tell: a person must look")
	}, unsigned, polling, func(c *Config) { c.WebhookSecret = "" })
}

// TestDocumentedPayments_WebhookIsLost: it is sent once, and the marketplace does not hear it. Asking suffices.
func TestDocumentedPayments_WebhookIsLost(t *testing.T) {
	t.Parallel()
	m := start(t, unsigned, polling)
	m.documented(t)
	pendingID := m.browser().signIn(demoFunder).approve("1")
	m.payments.pay(pendingID)
	m.due()
	require.Eventually(t, func() bool { return m.job(1).State == marketplace.Complete }, waitFor, every)
	require.Equal(t, []string{"payment_started", "pay"}, m.events(1))
}
