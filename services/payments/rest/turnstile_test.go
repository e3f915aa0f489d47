package rest_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/chassis/turnstile"
	"tianguis.example/payments"
	"tianguis.example/payments/api"
	"tianguis.example/payments/openpayments"
)

// TestTurnstile_StandsBeforeStartsAlone: while one start is in hand and another waits, a third is sent away and has done nothing; whoever asks for
// anything else is answered.
func TestTurnstile_StandsBeforeStartsAlone(t *testing.T) {
	t.Parallel()
	h := newHouseFor(t, theKey, databasetest.SQLiteAddress(t), 1)
	h.keep(t, aPayment(t))
	begun, goOn := make(chan struct{}), make(chan struct{})
	n := h.starting(t, func(n int64) error {
		if n == 1 {
			close(begun)
			<-goOn
		}
		return nil
	})
	h.rules.incoming = func(payments.IncomingRequest) (openpayments.IncomingPayment, error) {
		one := amount(t, 100, "MXN", 2)
		return openpayments.IncomingPayment{ID: "https://wallet.example/incoming-payments/1", WalletAddress: "https://wallet.example/alice", IncomingAmount: &one, ReceivedAmount: one}, nil
	}
	start := func(key string) answer {
		return h.ask(t, http.MethodPost, startPath, startBody, withKey, withIdempotencyKey(key))
	}
	incoming := func() answer {
		return h.ask(t, http.MethodPost, "/api/payments/incoming", `{"sellerId":"s","amount":"1.00"}`, withKey)
	}
	sentAway := func(a answer) {
		t.Helper()
		require.Equal(t, http.StatusServiceUnavailable, a.status, a.body)
		require.Equal(t, api.CodeBusy, a.failure(t).Code)
		require.Equal(t, "3", a.header.Get("Retry-After"))
	}
	var first, second answer
	var crowd sync.WaitGroup
	crowd.Go(func() { first = start("k1") })
	<-begun
	tired := make(chan struct{})
	crowd.Go(func() {
		defer close(tired)
		second = start("k2")
	})
	<-h.clock.TimerMade()
	sentAway(start("k3"))
	sentAway(incoming())
	require.EqualValues(t, 1, n.Load())

	for _, path := range []string{"/health", "/ready", "/sellers", "/payments/pending", "/payments/" + string(pendingID) + "/status", "/offers/7/payments"} {
		require.Equal(t, http.StatusOK, h.ask(t, http.MethodGet, path, "", withKey).status, path)
	}
	require.Equal(t, http.StatusForbidden, h.ask(t, http.MethodGet, "/payments/finish?pendingId="+string(pendingID)+"&interact_ref=x&hash=y", "", withKey).status)

	h.clock.Advance(turnstile.Longest)
	<-tired
	close(goOn)
	crowd.Wait()
	sentAway(second)
	require.Equal(t, http.StatusOK, first.status, first.body)

	for _, key := range []string{"k2", "k3"} { // sent away, and not remembered: the same key is as good as new
		again := start(key)
		require.Equal(t, http.StatusOK, again.status, again.body)
	}
	require.Equal(t, http.StatusOK, incoming().status)
	require.EqualValues(t, 3, n.Load())
}
