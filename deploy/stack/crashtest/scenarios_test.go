package crashtest

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/sandbox/control"
	"tianguis.example/stack"
	"tianguis.example/stack/person"
)

// scenario is a piece of a buyer's life. It is played to its end whatever is killed in the meantime, so it looks at no
// answer that a kill may change. What the wallet was told to do for it is undone afterwards.
type scenario struct {
	name string
	play func(t *testing.T, w *world, job int64)
}

const otherWallet = "/buyer-mxn"

var scenarios = []scenario{
	{"paid", func(t *testing.T, w *world, job int64) { w.pay(t, job, stack.FunderWallet) }},
	{"declined", func(t *testing.T, w *world, job int64) {
		w.decide(t, w.ask(t, job, stack.FunderWallet), person.Decline)
	}},
	{"expired", func(t *testing.T, w *world, job int64) {
		w.ask(t, job, stack.FunderWallet)
		w.pass(t, 11*time.Minute) // the consent lives ten
	}},
	{"canceled", func(t *testing.T, w *world, job int64) {
		w.ask(t, job, stack.FunderWallet)
		w.until(t, "the payment is canceled", func() bool {
			all, err := w.payments.OfferPayments(t.Context(), decimal(job))
			if err != nil {
				return false
			}
			p, err := w.payments.Cancel(t.Context(), all.Payments[len(all.Payments)-1].PendingID)
			return err == nil && p.State == "failed"
		})
	}},
	{"replaced by a payment from another wallet", func(t *testing.T, w *world, job int64) {
		w.ask(t, job, otherWallet)
		w.pay(t, job, stack.FunderWallet)
	}},
	{"started twice", func(t *testing.T, w *world, job int64) {
		w.ask(t, job, stack.FunderWallet)
		w.pay(t, job, stack.FunderWallet)
	}},
	{"not prepared by the wallet", func(t *testing.T, w *world, job int64) {
		w.fault(t, control.Fault{Kind: control.ErrorStatus, Status: 500, Operation: "quote.create", Count: 1})
		w.pay(t, job, stack.FunderWallet)
	}},
	{"the payments service is away at the start", func(t *testing.T, w *world, job int64) {
		w.supervisors[stack.Payments].down(func() {
			_, err := w.payer.AskToPay(t.Context(), job, w.Sandbox.Address+stack.FunderWallet)
			require.Error(t, err)
		})
		w.ended(t, job)
		w.pay(t, job, stack.FunderWallet)
	}},
	{"the quote died and is renewed", func(t *testing.T, w *world, job int64) {
		w.payDeadQuote(t, job, func() {})
	}},
	{"the quote died and became too dear", func(t *testing.T, w *world, job int64) {
		w.payDeadQuote(t, job, func() { require.NoError(t, w.wallets.SetSlippage(t.Context(), 500_000)) })
	}},
	{"the approval is lost", func(t *testing.T, w *world, job int64) {
		w.fault(t, control.Fault{Kind: control.DropAfter, Operation: "grant.continue", Count: 1})
		w.pay(t, job, stack.FunderWallet)
	}},
	{"a slow wallet", func(t *testing.T, w *world, job int64) {
		w.fault(t, control.Fault{Kind: control.Latency, Operation: "grant.continue", Count: 1, Latency: control.Duration(finishWait + 200*time.Millisecond)})
		w.pay(t, job, stack.FunderWallet)
	}},
	{"the token grows old before it is used", func(t *testing.T, w *world, job int64) {
		w.fault(t, control.Fault{Kind: control.ErrorStatus, Status: 503, Operation: "outgoing-payment.create", Count: 2})
		w.pay(t, job, stack.FunderWallet)
		w.pass(t, tokenGrowsOld)
	}},
	{"the token is lost while the money is on its way", func(t *testing.T, w *world, job int64) {
		w.holdMoney(t)
		w.fault(t, control.Fault{Kind: control.DropAfter, Operation: "token.rotate", Count: 1})
		w.pay(t, job, stack.FunderWallet)
		w.soon(t, "the money is sent", func() bool { return w.reached(t, "after Record authorized→sending") || w.over(t, job) })
		w.pass(t, tokenGrowsOld)
		// Not so long that the wallet is taken for one that sends nothing.
		w.soon(t, "the token is lost", func() bool { return w.reached(t, "after Record LoseToken") || w.over(t, job) })
		w.release(t)
	}},
	{"not enough money", func(t *testing.T, w *world, job int64) {
		poor := "poor-" + decimal(job)
		require.NoError(t, w.wallets.AddWallet(t.Context(), control.Wallet{Name: poor, AssetCode: "MXN", AssetScale: 2, Balance: 1_00}))
		w.pay(t, job, "/"+poor)
	}},
	{"paid late, while it is being paid again", func(t *testing.T, w *world, job int64) {
		w.holdMoney(t)
		w.pay(t, job, stack.FunderWallet)
		w.pass(t, 16*time.Minute) // a wallet that sends nothing is waited for fifteen
		var again *person.Page
		if !w.ended(t, job) {
			again = w.ask(t, job, otherWallet)
		}
		before := w.debits(t)
		w.release(t)
		if w.debits(t) == before {
			w.decide(t, again, person.Approve) // nothing was on its way
		}
		w.until(t, "the job is paid", func() bool {
			status, err := w.payer.Status(t.Context(), job)
			return err == nil && person.Complete(status)
		})
	}},
	{"looked at after the end", func(t *testing.T, w *world, job int64) {
		w.pay(t, job, stack.FunderWallet)
		w.paid(t, job)
		w.until(t, "it is looked at for the last time", func() bool { return w.reached(t, "after Record Forget") })
	}},
	{"the money takes its time", func(t *testing.T, w *world, job int64) {
		w.holdMoney(t)
		w.pay(t, job, stack.FunderWallet)
		w.soon(t, "the money is asked for", func() bool { return w.reached(t, "after OutgoingPayment.Get") || w.over(t, job) })
		w.release(t)
	}},
	{"the work is sent back while its payment waits at the wallet", func(t *testing.T, w *world, job int64) {
		w.ask(t, job, stack.FunderWallet)
		w.does(t, w.payer, job, "reject", "The other side too.", "submitting")
		w.does(t, w.worker, job, "submit", "Both sides.", "reviewing")
	}},
	{"all is started again", func(t *testing.T, w *world, job int64) {
		w.pay(t, job, stack.FunderWallet)
		w.pass(t, time.Hour)
		w.supervisors[stack.Payments].restart()
		w.supervisors[stack.Marketplace].restart()
	}},
	{"somebody who was signed in before comes back", func(t *testing.T, w *world, job int64) {
		w.pass(t, 6*time.Minute) // every five it is written down that a session is in use
		w.pay(t, job, stack.FunderWallet)
	}},
	{"another job's time runs out", func(t *testing.T, w *world, job int64) {
		other := w.offers(t, "Short "+decimal(job))
		w.pass(t, 25*time.Hour)
		w.until(t, "the job expires", func() bool {
			status, err := w.payer.Status(t.Context(), other)
			return err == nil && status.State == "expired"
		})
	}},
	{"what is believed is compared with the wallets", func(t *testing.T, w *world, job int64) {
		w.pay(t, job, stack.FunderWallet)
		w.paid(t, job)
		w.until(t, "it is compared", func() bool { return w.reached(t, "after EndTask") })
	}},
}

// tokenGrowsOld is when a token that lives ten minutes is to be rotated.
const tokenGrowsOld = 9*time.Minute + 30*time.Second

// payDeadQuote pays from a quote that has died when the buyer decides.
func (w *world) payDeadQuote(t *testing.T, job int64, meanwhile func()) {
	t.Helper()
	require.NoError(t, w.wallets.SetLifetimes(t.Context(), control.Lifetimes{Quote: control.For(time.Millisecond)}))
	consent := w.ask(t, job, stack.FunderWallet)
	require.NoError(t, w.wallets.SetLifetimes(t.Context(), w.lifetimes))
	meanwhile()
	w.decide(t, consent, person.Approve)
}

// holdMoney keeps money on its way until it is told to settle.
func (w *world) holdMoney(t *testing.T) {
	t.Helper()
	require.NoError(t, w.wallets.SetLifetimes(t.Context(), control.Lifetimes{Settle: control.For(24 * time.Hour)}))
}

// release lets the held money go, and what is sent from now on.
func (w *world) release(t *testing.T) {
	t.Helper()
	require.NoError(t, w.wallets.SetLifetimes(t.Context(), w.lifetimes))
	require.NoError(t, w.wallets.Settle(t.Context()))
}

// reached reports whether the payments service has been at a point since the scenario began.
func (w *world) reached(t *testing.T, point string) bool {
	t.Helper()
	trace, err := w.folders[stack.Payments].Trace()
	require.NoError(t, err)
	return slices.Contains(trace, point)
}

// over reports whether the job's payment has ended by now.
func (w *world) over(t *testing.T, job int64) bool {
	t.Helper()
	status, err := w.payer.Status(t.Context(), job)
	return err == nil && (person.Complete(status) || status.Payment == "failed")
}

func (w *world) fault(t *testing.T, f control.Fault) {
	t.Helper()
	require.NoError(t, w.wallets.AddFault(t.Context(), f))
}

// calmDown undoes what a scenario told the wallet.
func (w *world) calmDown(t *testing.T) {
	t.Helper()
	w.release(t)
	require.NoError(t, w.wallets.ClearFaults(t.Context()))
	require.NoError(t, w.wallets.SetSlippage(t.Context(), usualSlippage))
}

// usualSlippage is the sandbox's own, in parts per million.
const usualSlippage = 10_000
