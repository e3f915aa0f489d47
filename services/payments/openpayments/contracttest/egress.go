package contracttest

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/egress"
	op "tianguis.example/payments/openpayments"
)

// The two packages know nothing of each other; together, a forbidden address is a call
// that certainly did not happen.
func forbiddenAddress(t *testing.T, makeWallets New) {
	var asked atomic.Int64
	wallet := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(wallet.Close)
	c := makeWallets.wallets(t, op.Config{HTTPClient: egress.Client(egress.Options{})})
	for _, address := range []string{wallet.URL, "https://" + wallet.Listener.Addr().String(), "https://localhost", "https://169.254.169.254"} {
		_, err := c.WalletAddress.Get(t.Context(), op.WalletAddressGetParams{URL: address})
		require.ErrorIs(t, err, egress.ErrForbiddenAddress, address)
		require.ErrorIs(t, err, op.ErrUnreachable, address)
		_, err = c.Token.Rotate(t.Context(), op.TokenRotateParams{URL: address + "/token/1", AccessToken: token})
		require.ErrorIs(t, err, egress.ErrForbiddenAddress, address)
		require.NotContains(t, err.Error(), "/token/1")
		require.False(t, op.OutcomeUnknown(err), address)
	}
	require.Zero(t, asked.Load())
}
