package payments_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments"
	"tianguis.example/payments/walletcache"
)

// TestRoundTrips counts the wallet calls that wait for each other, by the time that passes in a bubble in which nothing but they takes any: PROTOCOL.md,
// "The flow of one payment".
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := tell(t)
		const latency = 50 * time.Millisecond
		s.wallets.set(func() { s.wallets.pause, s.wallets.tokenLife = latency, 10*time.Minute })
		plain, err := s.wallets.of(payments.Client{})
		require.NoError(t, err)
		cached := walletcache.Over(plain, time.Minute, s.clock)
		s.Service = s.served(func(payments.Client) (payments.Wallets, error) { return cached, nil })

		trips := func(do func()) int {
			began := time.Now()
			do()
			return int(time.Since(began) / latency)
		}
		start := func(offer, buyer string) (p payments.Payment) {
			r := request()
			r.OfferID, r.BuyerWalletAddressURL = offer, buyer
			p, err := s.Start(t.Context(), r)
			require.NoError(t, err)
			return p
		}
		require.Equal(t, 5, trips(func() { start("cold", buyerWallet) }), "addresses, grants, incoming payment, quote, consent")
		require.Equal(t, 3, trips(func() { start("warm", buyerWallet) }), "incoming payment, quote, consent")
		var p payments.Payment
		require.Equal(t, 4, trips(func() { p = start("another-buyer", buyerWallet+"-2") }), "the buyer's address, incoming payment, quote, consent")
		require.Equal(t, 3, trips(func() { p = s.finish(p, s.proof(p)) }), "continuation, outgoing payment, and a look whether the money is there")
		s.requirePaid(p)

		s.clock.Advance(time.Hour)
		require.Equal(t, 5, trips(func() { start("later", buyerWallet) }))
	})
}
