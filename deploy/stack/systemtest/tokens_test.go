package systemtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/stack"
	"tianguis.example/stack/person"
)

// TestShortLivedTokens: at a wallet whose tokens live less than the time in which others are rotated early, rotating
// early would never end.
func TestShortLivedTokens(t *testing.T) {
	t.Parallel()
	onOwn(t, func(t *testing.T, database string) {
		w := newWorld(t, database, env{stack.Sandbox: {"SANDBOX_TOKEN_TTL": "20s"}})
		a := w.start(t, "100.00 MXN", "/buyer-mxn")
		a.open(t, a.decide(t, person.Approve))
		a.complete(t)
		require.Len(t, w.debits(t, "/buyer-mxn"), 1)
		rotated, err := w.wallets.HistoryOf(t.Context(), "token.rotate")
		require.NoError(t, err)
		require.Empty(t, rotated, "it was paid at once")
	})
}
