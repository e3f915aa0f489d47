package crashtest

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/api"
	"tianguis.example/stack/person"
)

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// debits counts the payments that have left wallets.
func (w *world) debits(t *testing.T) (n int) {
	t.Helper()
	ledger, err := w.wallets.Ledger(t.Context())
	require.NoError(t, err)
	require.True(t, ledger.Conserved)
	for _, e := range ledger.Entries {
		if e.Payment != "" && strings.HasPrefix(e.From, "wallet:") {
			n++
		}
	}
	return n
}

// story is what the operator's command tells of a payment.
type story struct {
	Payment struct{ State string }
	Events  []struct{ From, To string }
	// Webhooks are those that are owed to the marketplace.
	Webhooks []struct{ State string }
}

func (w *world) story(t *testing.T, pendingID string) story {
	t.Helper()
	out, err := w.operator.Run(t.Context(), "payment", "show", pendingID, "--json")
	require.NoError(t, err)
	var told story
	require.NoError(t, json.Unmarshal(out, &told))
	return told
}

// account waits until all that belongs to a job has ended, and holds the wallet's ledger, the payments and the job against each other.
// before is how many debits there were before the job. It returns how the job's first payment ended.
func (w *world) account(t *testing.T, job int64, before int) string {
	t.Helper()
	w.ended(t, job)
	var all []api.Payment
	w.until(t, "every payment of the job has ended", func() bool {
		answer, err := w.payments.OfferPayments(t.Context(), decimal(job))
		if err != nil {
			return false
		}
		all = answer.Payments
		for _, p := range all {
			if p.Status == api.StatusPending {
				return false
			}
		}
		return true
	})
	paid, how := 0, "nothing was started"
	for i, p := range all {
		ended := p.State
		if p.Reason != "" {
			ended += " (" + p.Reason + ")"
		}
		if i == 0 {
			how = ended
		} else {
			how += ", then " + ended
		}
		if p.Status == api.StatusPaid {
			paid++
		}
		w.agree(t, p)
	}
	var status person.JobStatus
	w.until(t, "the marketplace answers", func() bool { // it may just have been started again
		var err error
		status, err = w.payer.Status(t.Context(), job)
		return err == nil
	})
	require.Equal(t, paid, w.debits(t)-before, "the wallet's ledger and the payments (%s)", how)
	require.LessOrEqual(t, paid, 1, "paid twice: %s", how)
	require.Equal(t, paid == 1, person.Complete(status), "the job (%+v) and the payments (%s)", status, how)
	if paid == 0 {
		require.Equal(t, "reviewing", status.State)
		return how
	}
	page, err := w.payer.Job(t.Context(), job)
	require.NoError(t, err)
	require.Equal(t, 1, page.Document.Find(`[data-event="pay"]`).Length(), "the job is paid once")
	for _, p := range all {
		if p.Status == api.StatusPaid {
			require.Equal(t, p.OutgoingPaymentID, status.PaymentID)
		}
	}
	return how
}

// agree looks for gaps in a payment's trail, and waits until the marketplace has been told.
func (w *world) agree(t *testing.T, p api.Payment) {
	t.Helper()
	var told story
	w.until(t, "the webhooks are delivered", func() bool {
		told = w.story(t, p.PendingID)
		for _, hook := range told.Webhooks {
			if hook.State != "delivered" {
				return false
			}
		}
		return true
	})
	at := ""
	for _, e := range told.Events {
		require.Equal(t, at, e.From, "the trail has a gap: %+v", told.Events)
		at = e.To
	}
	require.Equal(t, told.Payment.State, at, "the trail does not lead to where the payment is: %+v", told.Events)
}
