package chaos

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/sandbox"
	"tianguis.example/sandbox/control"
)

// books are two jobs, one paid and one whose payment failed, on which everybody agrees.
func books() Books {
	return Books{
		Jobs: []Job{
			{ID: 11, Budget: 100, State: "complete", Completed: true, PaymentID: "http://w/outgoing-payments/out-1", TimesPaid: 1},
			{ID: 12, Budget: 120, State: "reviewing"},
		},
		Payments: []Payment{
			{PendingID: "P1", OfferID: "11", State: "paid", Received: "1.00 MXN", OutgoingPayment: "http://w/outgoing-payments/out-1"},
			{PendingID: "P2", OfferID: "12", State: "failed", Reason: "rejected"},
		},
		Ledger: control.Ledger{Conserved: true, Entries: []control.Entry{
			{From: "issued:MXN", To: "wallet:worker-mxn", Amount: mxnAmount(100_000), Reason: "seed"},
			{From: "wallet:buyer-1", To: "wallet:worker-mxn", Amount: mxnAmount(100), Payment: "out-1"},
		}},
	}
}

func mxnAmount(value int64) sandbox.Amount {
	return sandbox.Amount{Value: value, Asset: sandbox.Asset{Code: "MXN", Scale: 2}}
}

func arrives(b *Books, id string, value int64) {
	b.Ledger.Entries = append(b.Ledger.Entries, control.Entry{From: "wallet:buyer-2", To: "wallet:worker-mxn", Amount: mxnAmount(value), Payment: id})
}

func TestAccount_AllAgree(t *testing.T) {
	t.Parallel()
	a := account(books(), "worker-mxn")
	require.True(t, a.clean(), a.offences())
	require.Equal(t, 1, a.Paid)
	require.Equal(t, 1, a.Failed)
	require.Equal(t, int64(100), a.Moved)
}

// TestAccount_Finds: an account that overlooks something would call every run a good one.
func TestAccount_Finds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change               func(*Books)
		lost, double, stucks int
	}{
		"money of a payment that failed":   {func(b *Books) { b.Payments[1].OutgoingPayment = "x/out-2"; arrives(b, "out-2", 120) }, 2, 0, 0},
		"money that no payment knows":      {func(b *Books) { arrives(b, "out-2", 120) }, 2, 0, 0},
		"money that is no budget":          {func(b *Books) { arrives(b, "out-2", 150) }, 1, 0, 0},
		"money for another job":            {func(b *Books) { b.Payments[0].OfferID = "12" }, 1, 0, 0},
		"a payment that did not arrive":    {func(b *Books) { b.Ledger.Entries = b.Ledger.Entries[:1] }, 2, 0, 0},
		"a payment that arrived otherwise": {func(b *Books) { b.Payments[0].Received = "1.01 MXN" }, 1, 0, 0},
		"a job that does not know":         {func(b *Books) { b.Jobs[0] = Job{ID: 11, Budget: 100, State: "reviewing"} }, 1, 0, 0},
		"a job that knows another payment": {func(b *Books) { b.Jobs[0].PaymentID = "http://w/outgoing-payments/other" }, 1, 0, 0},
		"a job that is complete for free":  {func(b *Books) { b.Jobs[1].State, b.Jobs[1].Completed = "complete", true }, 1, 0, 0},
		"a job that was paid twice": {func(b *Books) {
			b.Payments[1] = Payment{PendingID: "P2", OfferID: "11", State: "paid_late", Received: "1.00 MXN", OutgoingPayment: "x/out-2"}
			arrives(b, "out-2", 100)
		}, 0, 1, 0},
		"a job that was told twice":         {func(b *Books) { b.Jobs[0].TimesPaid = 2 }, 0, 1, 0},
		"a payment that was debited twice":  {func(b *Books) { arrives(b, "out-1", 100) }, 0, 2, 0},
		"a payment without an end":          {func(b *Books) { b.Payments[1].State = "sending" }, 0, 0, 1},
		"an attempt whose end is not known": {func(b *Books) { b.Jobs[1].OpenAttempts = 1 }, 0, 0, 1},
	} {
		b := books()
		c.change(&b)
		a := account(b, "worker-mxn")
		require.Len(t, a.Lost, c.lost, "%s: %v", name, a.Lost)
		require.Len(t, a.Double, c.double, "%s: %v", name, a.Double)
		require.Len(t, a.Stuck, c.stucks, "%s: %v", name, a.Stuck)
		require.False(t, a.clean(), name)
	}
	b := books()
	b.Ledger.Conserved = false
	require.False(t, account(b, "worker-mxn").clean())
}

func TestResult_Line(t *testing.T) {
	t.Parallel()
	r := Result{Payments: 10_000, Account: Account{Lost: make([]Offence, 1), Double: make([]Offence, 2), Stuck: make([]Offence, 3)}}
	require.Equal(t, "chaos: 10000 payments, 1 lost, 2 double, 3 stuck", r.Line())
	require.False(t, r.Clean())
}
