package systemtest

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/sandbox/control"
	"tianguis.example/stack/person"
)

// TestRefusedLook: the wallet has made the payment, its answer never arrived, and whoever looks for it is refused,
// by a gateway for instance. A refusal says nothing of the money: the payment waits until it can look.
func TestRefusedLook(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, database string) {
		w := newWorld(t, database, nil)
		a := w.start(t, "100.00 MXN", "/buyer-mxn")
		finish := a.decide(t, person.Approve)
		require.NoError(t, w.wallets.AddFault(t.Context(), control.Fault{Kind: control.DropAfter, Operation: "outgoing-payment.create", Count: 1}))
		require.NoError(t, w.wallets.AddFault(t.Context(), control.Fault{Kind: control.ErrorStatus, Operation: "outgoing-payment.get", Status: http.StatusForbidden, Count: 2}))
		a.open(t, finish)
		a.complete(t)
		require.Equal(t, "paid", w.payment(t, a.pendingID).Status)
		require.Len(t, w.debits(t, "/buyer-mxn"), 1)
	})
}
