package openpayments_test

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
func TestForbiddenAddress(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	wallet := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(wallet.Close)
	_, signer := newSigner(t)
	c, err := op.New(op.Config{WalletAddress: seller, Signer: signer, HTTPClient: egress.Client(egress.Options{})})
	require.NoError(t, err)
	for _, address := range []string{wallet.URL, "https://" + wallet.Listener.Addr().String(), "https://localhost/", "https://169.254.169.254/"} {
		_, err := c.WalletAddress.Get(t.Context(), op.WalletAddressGetParams{URL: address})
		require.ErrorIs(t, err, egress.ErrForbiddenAddress, address)
		require.ErrorIs(t, err, op.ErrUnreachable, address)
		_, err = c.Token.Rotate(t.Context(), op.TokenRotateParams{URL: address, AccessToken: token})
		require.ErrorIs(t, err, egress.ErrForbiddenAddress, address)
		require.False(t, op.OutcomeUnknown(err), address)
	}
	require.Zero(t, asked.Load())
}
