package systemtest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/api"
	"tianguis.example/stack/person"
)

// lookedAtAgain is how long a payment is believed to be in somebody's hand, and how long after its end it is looked at again.
const lookedAtAgain = time.Minute

// TestBackup: a stack is set back to a backup, which knows nothing of what happened since. What the wallets did meanwhile is
// found and told; and what can be paid is paid.
func TestBackup(t *testing.T) {
	t.Parallel()
	if there == nil {
		t.Skip("NOT TESTED on processes of the tests' own: backup.sh and restore.sh are for the compose stack (STACK=compose)")
	}
	on(t, func(t *testing.T, database string) {
		w := newWorld(t, database, nil)
		before := w.start(t, "100.00 MXN", "/buyer-mxn")
		before.open(t, before.decide(t, person.Approve))
		before.complete(t)
		across := w.start(t, "19.99 MXN", "/buyer-mxn") // asked for before the backup, paid after it

		job, file := handIn(t, w)
		folder := filepath.Join(t.TempDir(), "backup")
		require.NoError(t, there.Script(t.Context(), "backup.sh", folder))
		across.open(t, across.decide(t, person.Approve))
		across.complete(t)
		lost := w.start(t, "100.00 MXN", "/buyer-usd") // of which the backup knows nothing

		require.NoError(t, there.Script(t.Context(), "restore.sh", folder))
		_, err := w.Payments.Run(t.Context(), "audit", "verify")
		require.NoError(t, err, "the trail is whole, and the keys that signed it are there")
		// The money that came after the backup is found at the wallets, before anybody can pay again.
		within(t, lookedAtAgain+patience, "the money that came after the backup is found", func() bool {
			out, _ := w.Payments.Run(t.Context(), "reconcile", "--all", "--format", "json") // it ends with 4, since there is something to say
			var told struct {
				Findings []struct{ Kind, PendingID string }
			}
			require.NoError(t, json.Unmarshal(out, &told), string(out))
			return slices.Contains(told.Findings, struct{ Kind, PendingID string }{"paid_but_unmarked", across.pendingID})
		})

		_, err = there.Do(t.Context(), "up", "--detach", "--wait")
		require.NoError(t, err)
		require.Equal(t, "complete", w.job(t, before.job).Status)
		require.Equal(t, api.StatusPaid, w.payment(t, before.pendingID).Status)
		_, err = w.payments.Payment(t.Context(), lost.pendingID)
		require.Error(t, err)
		// Whoever wants to pay again is not let: the old consent is ended first, and the money that is there is booked.
		_, err = across.payer.AskToPay(t.Context(), across.job, w.Sandbox.Address+"/buyer-mxn")
		require.Error(t, err)
		_, err = across.payer.WaitFor(t.Context(), across.job, lookedAtAgain+patience, person.Complete)
		require.NoError(t, err)
		require.Equal(t, "paid_late", w.payment(t, across.pendingID).State)

		// The work is there with its file, and is sent back, so that the worker's job is what it was.
		signedIn, err := person.SignIn(t.Context(), w.Marketplace.Address, funder, password)
		require.NoError(t, err)
		kept, err := signedIn.Browser.Open(t.Context(), file)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, kept.Status)
		require.Equal(t, notes, kept.Text("body"))
		page, err := signedIn.Browser.Open(t.Context(), job)
		require.NoError(t, err)
		page, err = page.Click(t.Context(), "form#reject button", url.Values{"text": {"Once more, please."}})
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, page.Status)
		require.Equal(t, 1, page.Document.Find(`[data-flash="reject"]`).Length(), page.Text("main"))

		again := w.start(t, "100.00 MXN", "/buyer-mxn")
		again.open(t, again.decide(t, person.Approve))
		again.complete(t)
	})
}
