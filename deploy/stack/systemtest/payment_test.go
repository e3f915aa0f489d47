package systemtest

import (
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/api"
	"tianguis.example/stack/person"
)

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// TestPayment is the main job and its plain failures, one after the other on one stack for each
// database: each case pays, or does not pay, a job of its own.
func TestPayment(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, database string) {
		w := newWorld(t, database, nil)
		for _, c := range []struct {
			name string
			test func(t *testing.T, w *world)
		}{
			{"FromAnotherCurrency", paidFromAnotherCurrency},
			{"ExactCents", paidInExactCents},
			{"Declined", declined},
			{"RejectionFromAnotherBrowser", rejectionFromAnotherBrowser},
			{"WrongHash", wrongHash},
			{"FinishTwice", finishTwice},
			{"FinishTwiceAtOnce", finishTwiceAtOnce},
			{"InsufficientFunds", insufficientFunds},
			{"StartedTwice", startedTwice},
			{"AnotherUsersJob", anotherUsersJob},
		} {
			t.Run(c.name, func(t *testing.T) { c.test(t, w) }) // one after the other: they share a stack
		}
	})
}

func paidFromAnotherCurrency(t *testing.T, w *world) {
	before := balances(t, w.wallets)
	a := w.start(t, "100.00 MXN", "/buyer-usd")
	page := a.open(t, a.decide(t, person.Approve))
	require.Equal(t, "/jobs/"+decimal(a.job), page.URL.Path)
	status := a.complete(t)

	paid := w.payment(t, a.pendingID)
	require.Equal(t, api.StatusPaid, paid.Status)
	require.Equal(t, paid.OutgoingPaymentID, status.PaymentID)
	after := balances(t, w.wallets)
	left, came := before["wallet:buyer-usd"]-after["wallet:buyer-usd"], after["wallet:worker-mxn"]-before["wallet:worker-mxn"]
	require.Equal(t, paid.ReceivedAmount.Value(), came)
	require.GreaterOrEqual(t, came, int64(100_00))
	require.Positive(t, left)
	require.LessOrEqual(t, left, paid.DebitAmount.Value(), "never more than what was consented to")

	facts := w.job(t, a.job)
	require.Equal(t, "complete", facts.Status)
	require.True(t, facts.ContractCompleted)
	require.Equal(t, 1, facts.times("pay"), "news that comes three ways is applied once")
}

// 19.99 is a number that floats do not hold: the original charged 1998.
func paidInExactCents(t *testing.T, w *world) {
	before := balances(t, w.wallets)
	a := w.start(t, "19.99 MXN", "/buyer-mxn")
	a.open(t, a.decide(t, person.Approve))
	a.complete(t)

	after := balances(t, w.wallets)
	require.Equal(t, int64(19_99), before["wallet:buyer-mxn"]-after["wallet:buyer-mxn"])
	require.Equal(t, int64(19_99), after["wallet:worker-mxn"]-before["wallet:worker-mxn"])
	require.Equal(t, int64(19_99), w.payment(t, a.pendingID).ReceivedAmount.Value())
}

func declined(t *testing.T, w *world) {
	before := balances(t, w.wallets)
	a := w.start(t, "100.00 MXN", "/buyer-mxn")
	page := a.open(t, a.decide(t, person.Decline))

	failed := w.ended(t, a.pendingID)
	require.Equal(t, "failed", failed.Status)
	require.Equal(t, "rejected", failed.Reason)
	require.Equal(t, "/jobs/"+decimal(a.job), page.URL.Path)
	require.Equal(t, "declined", page.Document.Find("[data-flash]").AttrOr("data-flash", ""))
	require.Contains(t, page.Text("#payment-status"), "declined")
	require.Equal(t, before, balances(t, w.wallets))
	require.Equal(t, "reviewing", w.job(t, a.job).Status, "it can be paid again")

	again := w.start(t, "100.00 MXN", "/buyer-mxn")
	require.Equal(t, a.job, again.job)
	again.open(t, again.decide(t, person.Approve))
	again.complete(t)
}

// A wallet's "no" carries no hash: from a browser that did not start the payment anybody could have sent it.
func rejectionFromAnotherBrowser(t *testing.T, w *world) {
	a := w.start(t, "100.00 MXN", "/buyer-usd")
	forged := w.Marketplace.Address + "/payments/finish?" + url.Values{"pendingId": {a.pendingID}, "result": {"grant_rejected"}}.Encode()

	for name, browser := range map[string]*person.Browser{
		"signed out": person.NewBrowser(), "another session of the funder": w.signIn(t, funder).Browser, "the worker": w.signIn(t, worker).Browser,
	} {
		page, err := browser.Open(t.Context(), forged)
		require.NoError(t, err, name)
		require.Less(t, page.Status, http.StatusInternalServerError, name)
		require.Equal(t, "awaiting_approval", w.payment(t, a.pendingID).State, name)
	}
	// Nor does it help to have the API's address.
	page, err := person.NewBrowser().Open(t.Context(), w.Payments.Address+"/payments/finish?"+url.Values{"pendingId": {a.pendingID}, "result": {"grant_rejected"}}.Encode())
	require.NoError(t, err)
	require.Less(t, page.Status, http.StatusInternalServerError)
	require.Equal(t, "awaiting_approval", w.payment(t, a.pendingID).State)

	a.open(t, a.decide(t, person.Approve))
	a.complete(t)
}

func wrongHash(t *testing.T, w *world) {
	before := balances(t, w.wallets)
	a := w.start(t, "19.99 MXN", "/buyer-mxn")
	right := a.decide(t, person.Approve)
	for name, value := range map[string]string{"hash": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "interact_ref": "6a727616-dcbc-47b2-8cf8-716c3cdf5dc9"} {
		wrong, err := url.Parse(right)
		require.NoError(t, err)
		query := wrong.Query()
		query.Set(name, value)
		wrong.RawQuery = query.Encode()

		page := a.open(t, wrong.String())
		require.Equal(t, "unverified", page.Document.Find("[data-flash]").AttrOr("data-flash", ""), "wrong %s", name)
		require.Equal(t, "awaiting_approval", w.payment(t, a.pendingID).State, "wrong %s", name)
		require.Equal(t, before, balances(t, w.wallets), "wrong %s", name)
	}
	a.open(t, right)
	a.complete(t)
}

func finishTwice(t *testing.T, w *world) {
	a := w.start(t, "100.00 MXN", "/buyer-mxn")
	debits := len(w.debits(t, "/buyer-mxn"))
	finish := a.decide(t, person.Approve)
	a.open(t, finish)
	a.complete(t)
	for range 3 {
		page := a.open(t, finish)
		require.Equal(t, "/jobs/"+decimal(a.job), page.URL.Path)
		require.Equal(t, "paid", page.Document.Find("[data-flash]").AttrOr("data-flash", ""), "a refresh shows the success again")
		require.Equal(t, "paid", page.Document.Find("#payment").AttrOr("data-payment", ""))
	}
	require.Len(t, w.debits(t, "/buyer-mxn"), debits+1)
}

func finishTwiceAtOnce(t *testing.T, w *world) {
	a := w.start(t, "19.99 MXN", "/buyer-mxn")
	debits := len(w.debits(t, "/buyer-mxn"))
	finish := a.decide(t, person.Approve)
	var browsers sync.WaitGroup
	for range 6 {
		browsers.Go(func() {
			page, err := a.payer.Browser.Open(t.Context(), finish)
			if err != nil || page.Status != http.StatusOK {
				t.Errorf("one of several finishes at once: %v, %+v", err, page)
			}
		})
	}
	browsers.Wait()
	a.complete(t)
	require.Len(t, w.debits(t, "/buyer-mxn"), debits+1)
	require.Equal(t, 1, w.job(t, a.job).times("pay"))
}

func insufficientFunds(t *testing.T, w *world) {
	poor := w.addWallet(t, 5_00)
	before := balances(t, w.wallets)
	a := w.start(t, "19.99 MXN", poor)
	a.open(t, a.decide(t, person.Approve))

	failed := w.ended(t, a.pendingID)
	require.Equal(t, "failed", failed.Status)
	require.Equal(t, "insufficient_funds", failed.Reason)
	status, err := a.payer.WaitFor(t.Context(), a.job, patience, func(s person.JobStatus) bool { return s.Payment == "failed" })
	require.NoError(t, err)
	require.Equal(t, "reviewing", status.State)
	require.False(t, status.ContractCompleted)
	require.Equal(t, before, balances(t, w.wallets))
}

// Whoever asks twice is sent to the same consent, or to one that replaces it: at most one can be paid.
func startedTwice(t *testing.T, w *world) {
	first := w.start(t, "100.00 MXN", "/buyer-mxn")
	debits := len(w.debits(t, "/buyer-mxn"))
	consent, err := first.payer.AskToPay(t.Context(), first.job, w.Sandbox.Address+"/buyer-mxn")
	require.NoError(t, err)
	finish, err := first.payer.Decide(t.Context(), consent, person.Approve)
	require.NoError(t, err)
	first.open(t, finish.String())
	first.complete(t)
	require.Len(t, w.debits(t, "/buyer-mxn"), debits+1)

	_, err = first.payer.AskToPay(t.Context(), first.job, w.Sandbox.Address+"/buyer-mxn")
	require.Error(t, err, "a job that is paid is not paid again")
}

func anotherUsersJob(t *testing.T, w *world) {
	payer := w.signIn(t, funder)
	job := w.jobToPay(t, payer, "19.99 MXN")
	_, err := w.signIn(t, worker).AskToPay(t.Context(), job, w.Sandbox.Address+"/worker-mxn")
	require.Error(t, err, "a worker does not approve their own work")
	all, err := w.payments.OfferPayments(t.Context(), decimal(job))
	require.NoError(t, err)
	for _, p := range all.Payments {
		require.NotEqual(t, api.StatusPending, p.Status)
	}
}
