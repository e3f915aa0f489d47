package systemtest

import (
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/sandbox/control"
	"tianguis.example/stack"
	"tianguis.example/stack/person"
)

// TestExpiredConsent: nobody decides at the wallet until it is too late.
func TestExpiredConsent(t *testing.T) {
	t.Parallel()
	onOwn(t, func(t *testing.T, database string) {
		w := newWorld(t, database, env{
			stack.Payments: {"CONSENT_LIFETIME": "1s", "POLL_INTERVAL": "100ms"},
			stack.Sandbox:  {"SANDBOX_INTERACTION_TTL": "1s"},
		})
		before := balances(t, w.wallets)
		a := w.start(t, "100.00 MXN", "/buyer-mxn")
		failed := w.ended(t, a.pendingID)
		require.Equal(t, "expired", failed.Reason)
		status, err := a.payer.WaitFor(t.Context(), a.job, patience, func(s person.JobStatus) bool { return s.Payment == "failed" })
		require.NoError(t, err)
		require.Equal(t, "reviewing", status.State)

		// The buyer's late yes moves nothing.
		finish, err := a.payer.Decide(t.Context(), a.consent, person.Approve)
		if err == nil {
			a.open(t, finish.String())
		}
		require.Equal(t, "failed", w.payment(t, a.pendingID).State)
		require.Equal(t, before, balances(t, w.wallets))
	})
}

// TestKilledInMidPayment kills the payments service, as a power cut would, while three payments are at
// moments at which it does not know what the wallet has done. It must find out, and pay each once.
func TestKilledInMidPayment(t *testing.T) {
	t.Parallel()
	onOwn(t, func(t *testing.T, database string) {
		w := newWorld(t, database, nil)
		var browsers sync.WaitGroup
		strike := func(finish func(), faults ...control.Fault) {
			for _, fault := range faults {
				require.NoError(t, w.wallets.AddFault(t.Context(), fault))
			}
			browsers.Go(finish)
			eventually(t, "the faults strike", func() bool {
				left, err := w.wallets.Faults(t.Context())
				return err == nil && len(left) == 0
			})
		}
		open := func(a attempt) func() {
			finish := a.decide(t, person.Approve)
			return func() { _, _ = a.payer.Browser.Open(t.Context(), finish) } // ends as it may
		}

		// One whose outgoing payment the wallet is asked for, and never makes.
		never := w.startOffer(t, "another-marketplace-1", "/buyer-mxn")
		strike(func() { _, _ = w.payments.Finish(t.Context(), never) },
			control.Fault{Kind: control.Hang, Operation: "outgoing-payment.create", Count: 1})
		// One whose outgoing payment is made, of which neither the answer nor a look tells.
		unheard := w.start(t, "100.00 MXN", "/buyer-mxn")
		strike(open(unheard), control.Fault{Kind: control.DropAfter, Operation: "outgoing-payment.create", Count: 1},
			control.Fault{Kind: control.Hang, Operation: "outgoing-payment.get", Count: 1})
		// One whose money is on its way.
		settling := w.start(t, "19.99 MXN", "/buyer-mxn")
		strike(open(settling), control.Fault{Kind: control.Hang, Operation: "incoming-payment.get", Count: 1})

		w.Payments.Kill()
		browsers.Wait()
		require.NoError(t, w.Payments.Start(t.Context()))

		for _, a := range []attempt{unheard, settling} {
			_, err := a.payer.WaitFor(t.Context(), a.job, leaseOfTheDead+patience, person.Complete)
			require.NoError(t, err)
			require.Equal(t, 1, w.job(t, a.job).times("pay"))
		}
		require.Equal(t, "paid", w.ended(t, never.PendingID).Status)
		require.Len(t, w.debits(t, "/buyer-mxn"), 3)
	})
}

// leaseOfTheDead is how long a payment stays with the process that had it in hand, dead or not.
const leaseOfTheDead = 30 * time.Second

// TestLostAnswer: the wallet has made the payment, and its answer never arrived.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, database string) {
		w := newWorld(t, database, nil)
		a := w.start(t, "100.00 MXN", "/buyer-mxn")
		debits := len(w.debits(t, "/buyer-mxn"))
		finish := a.decide(t, person.Approve)
		require.NoError(t, w.wallets.AddFault(t.Context(), control.Fault{Kind: control.DropAfter, Operation: "outgoing-payment.create", Count: 1}))
		a.open(t, finish)
		a.complete(t)
		require.Len(t, w.debits(t, "/buyer-mxn"), debits+1)
	})
}

// TestRefusedLook: the wallet has made the payment, its answer never arrived, and whoever looks for it is refused,
// by a gateway for instance. A refusal says nothing of the money: the payment waits until it can look.
func TestRefusedLook(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, database string) {
		w := newWorld(t, database, nil)
		a := w.start(t, "100.00 MXN", "/buyer-mxn")
		debits := len(w.debits(t, "/buyer-mxn"))
		finish := a.decide(t, person.Approve)
		require.NoError(t, w.wallets.AddFault(t.Context(), control.Fault{Kind: control.DropAfter, Operation: "outgoing-payment.create", Count: 1}))
		require.NoError(t, w.wallets.AddFault(t.Context(), control.Fault{Kind: control.ErrorStatus, Operation: "outgoing-payment.get", Status: http.StatusForbidden, Count: 2}))
		a.open(t, finish)
		a.complete(t)
		require.Equal(t, "paid", w.payment(t, a.pendingID).Status)
		require.Len(t, w.debits(t, "/buyer-mxn"), debits+1)
	})
}

// TestMarketplaceDown: the marketplace dies right after the buyer has approved, so that nobody takes
// the webhook. Once it is back the job completes, without anybody doing anything.
func TestMarketplaceDown(t *testing.T) {
	t.Parallel()
	onOwn(t, func(t *testing.T, database string) {
		w := newWorld(t, database, nil)
		a := w.start(t, "100.00 MXN", "/buyer-mxn")
		finish := a.decide(t, person.Approve)
		// The money takes so long that the marketplace is gone when it arrives.
		require.NoError(t, w.wallets.SetLifetimes(t.Context(), control.Lifetimes{Settle: control.For(2 * time.Second)}))
		var browser sync.WaitGroup
		browser.Go(func() { _, _ = a.payer.Browser.Open(t.Context(), finish) })
		eventually(t, "the outgoing payment is made", func() bool { return w.payment(t, a.pendingID).OutgoingPaymentID != "" })
		w.Marketplace.Kill()
		browser.Wait()
		require.Equal(t, "paid", w.ended(t, a.pendingID).Status)

		require.NoError(t, w.Marketplace.Start(t.Context()))
		a.complete(t)
		require.Equal(t, 1, w.job(t, a.job).times("pay"))
	})
}

// TestNoWebhookEverArrives: whoever set the two services up gave them different secrets, so that each webhook is refused; and the money comes
// after the browser has landed. The marketplace asks, and the job completes all the same.
func TestNoWebhookEverArrives(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, database string) {
		w := newWorld(t, database, env{
			stack.Sandbox: {"SANDBOX_SETTLE_DELAY": "1s"}, stack.Payments: {"FINISH_WAIT": "100ms"},
			stack.Marketplace: {"WEBHOOK_SECRET_FILE": "", "WEBHOOK_SECRET": "whsec_" + strings.Repeat("QUJD", 8)},
		})
		a := w.start(t, "100.00 MXN", "/buyer-mxn")
		a.open(t, a.decide(t, person.Approve))
		a.complete(t)
		require.Equal(t, 1, w.job(t, a.job).times("pay"))
		eventually(t, "the webhook is refused", func() bool {
			log, err := os.ReadFile(w.Marketplace.Log)
			require.NoError(t, err)
			return strings.Contains(string(log), "[webhook] refused")
		})
		require.False(t, w.delivered(t, a.pendingID))
	})
}

// TestMarketplaceBusy: the original's finish waited for its own webhook, which waited for the worker
// that served the finish. Here the marketplace has one connection to its database, and many finishes at once.
func TestMarketplaceBusy(t *testing.T) {
	t.Parallel()
	onOwn(t, func(t *testing.T, database string) {
		w := newWorld(t, database, env{stack.Marketplace: {"DATABASE_MAX_CONNS": "1"}})
		var attempts []attempt
		var finishes []string
		for _, budget := range []string{"100.00 MXN", "19.99 MXN"} {
			a := w.start(t, budget, "/buyer-mxn")
			attempts, finishes = append(attempts, a), append(finishes, a.decide(t, person.Approve))
		}
		began := time.Now()
		var browsers sync.WaitGroup
		for i, a := range attempts {
			for range 10 {
				browsers.Go(func() {
					page, err := a.payer.Browser.Open(t.Context(), finishes[i])
					if err != nil || page.Status != http.StatusOK {
						t.Errorf("a finish while the marketplace is busy: %v, %+v", err, page)
					}
				})
			}
		}
		browsers.Wait()
		for _, a := range attempts {
			a.complete(t)
			require.Equal(t, 1, w.job(t, a.job).times("pay"))
		}
		require.Len(t, w.debits(t, "/buyer-mxn"), 2)
		require.Less(t, time.Since(began), patience)
		for _, a := range attempts {
			eventually(t, "the webhook is delivered", func() bool { return w.delivered(t, a.pendingID) })
		}
	})
}

// TestRestart: everything is stopped between the consent and the finish, and started again on what is kept.
func TestRestart(t *testing.T) {
	t.Parallel()
	onOwn(t, func(t *testing.T, database string) {
		w := newWorld(t, database, nil)
		a := w.start(t, "100.00 MXN", "/buyer-usd")
		finish := a.decide(t, person.Approve)
		require.NoError(t, w.Stop())
		require.NoError(t, w.Start(t.Context()))
		a.open(t, finish)
		a.complete(t)
		require.Len(t, w.debits(t, "/buyer-usd"), 1)
	})
}
