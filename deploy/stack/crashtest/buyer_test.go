package crashtest

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/stack"
	"tianguis.example/stack/person"
)

// The buyer does what people do when a page does not load: load it again.

// ask asks to pay until the wallet asks for consent; nil when the job is paid by then.
func (w *world) ask(t *testing.T, job int64, wallet string) *person.Page {
	t.Helper()
	var consent *person.Page
	w.until(t, "the wallet asks for consent", func() bool {
		page, err := w.payer.AskToPay(t.Context(), job, w.Sandbox.Address+wallet)
		if err == nil {
			consent = page
			return true
		}
		status, err := w.payer.Status(t.Context(), job)
		return err == nil && person.Complete(status)
	})
	return consent
}

// decide decides at the wallet and comes back to the marketplace, until that shows a page.
func (w *world) decide(t *testing.T, consent *person.Page, decision string) {
	t.Helper()
	if consent == nil {
		return
	}
	finish, err := w.payer.Decide(t.Context(), consent, decision)
	require.NoError(t, err)
	w.until(t, "the return from the wallet shows a page", func() bool {
		page, err := w.payer.Browser.Open(t.Context(), finish.String())
		return err == nil && page.Status < 500
	})
}

// pay is the whole of it.
func (w *world) pay(t *testing.T, job int64, wallet string) {
	t.Helper()
	w.decide(t, w.ask(t, job, wallet), person.Approve)
}

// does sends a form of the job's page until the job is in a state.
func (w *world) does(t *testing.T, who *person.Payer, job int64, form, text, state string) {
	t.Helper()
	w.until(t, "by "+form+" the job comes to be "+state, func() bool {
		status, err := who.Status(t.Context(), job)
		if err != nil || status.State == state {
			return err == nil
		}
		if page, err := who.Job(t.Context(), job); err == nil {
			_, _ = page.Click(t.Context(), "form#"+form+" button", url.Values{"text": {text}}) // whether it took effect the job says
		}
		return false
	})
}

// offers writes a job for which workers may apply for a day, and publishes it.
func (w *world) offers(t *testing.T, title string) (job int64) {
	t.Helper()
	w.until(t, "a job is written", func() bool {
		all, err := w.payer.Jobs(t.Context())
		if err != nil {
			return false
		}
		for _, j := range all {
			if j.Title == title {
				job = j.ID
				return true
			}
		}
		if page, err := w.payer.Browser.Open(t.Context(), w.Marketplace.Address+"/jobs/new"); err == nil {
			_, _ = page.Click(t.Context(), "form#job-form button", url.Values{"title": {title}, "description": {"Nobody will."}, "amount": {"1.00"}, "asset": {"MXN"}, "recruit_days": {"1"}})
		}
		return false
	})
	w.does(t, w.payer, job, "publish", "", "recruiting")
	return job
}

// ended waits until the job's page shows the end of its payment, and reports whether it is paid.
func (w *world) ended(t *testing.T, job int64) (paid bool) {
	t.Helper()
	w.until(t, "the job's page shows how the payment ended", func() bool {
		status, err := w.payer.Status(t.Context(), job)
		paid = err == nil && person.Complete(status)
		return paid || err == nil && (status.Payment == "failed" || status.Payment == "due")
	})
	return paid
}

// paid pays until it is paid: whatever fails can be paid again.
func (w *world) paid(t *testing.T, job int64) {
	t.Helper()
	for !w.ended(t, job) {
		w.pay(t, job, stack.FunderWallet)
	}
}
