package outbox_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/worker"
	"tianguis.example/payments"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/store"
	"tianguis.example/payments/webhook"
)

// one is the one delivery of a payment.
func (x *exchange) one(paymentID string) outbox.Delivery {
	x.t.Helper()
	all, err := x.store.Deliveries(x.t.Context(), payments.PaymentID(paymentID))
	require.NoError(x.t, err)
	require.Len(x.t, all, 1)
	return all[0]
}

// lane is the configured endpoint's, of which the test makes each step itself.
func (x *exchange) lane(to string) outbox.Lane {
	x.t.Helper()
	_, err := x.desk.Configure(x.t.Context(), to, nil)
	require.NoError(x.t, err)
	return outbox.NewDispatcher(x.store, x.clock, x.log, options(), worker.NewBell()).NewLane(x.t, outbox.Endpoint{ID: outbox.Configured, URL: to}, nil)
}

// claim claims one that is due.
func (x *exchange) claim(l outbox.Lane) outbox.Delivery {
	x.t.Helper()
	due, err := l.Claim(x.t.Context(), 1)
	require.NoError(x.t, err)
	require.Len(x.t, due, 1)
	return due[0]
}

type refusing struct{ err error }

func (r refusing) RoundTrip(*http.Request) (*http.Response, error) { return nil, r.err }

// The words of an error may be a stranger's, such as the names in a certificate; Postgres holds no NUL.
func TestRare_AnErrorThatNoDatabaseHolds(t *testing.T) {
	t.Parallel()
	eachExchange(t, func(t *testing.T, x *exchange) {
		_, err := x.desk.Configure(t.Context(), "https://market.example/", nil)
		require.NoError(t, err)
		o := options()
		o.ToMarketplace = &http.Client{Transport: refusing{errors.New("valid for evil\x00name\xff" + strings.Repeat("x", 9000))}}
		id := x.event(webhook.Completed)
		x.run(o)
		x.until(func() bool { return x.one(id).Attempts > 0 })
		attempts, err := x.store.Attempts(t.Context(), x.one(id).ID)
		require.NoError(t, err)
		require.Contains(t, attempts[0].Error, "valid for evilname")
		require.LessOrEqual(t, len(attempts[0].Error), 512)
	})
}

// fussy is a store that cannot record two outcomes at once.
type fussy struct {
	*store.Store
	refused *atomic.Int32
}

func (f fussy) RecordAttempts(ctx context.Context, all []outbox.Outcome) error {
	if len(all) > 1 {
		f.refused.Add(1)
		return errors.New("one of these cannot be recorded")
	}
	return f.Store.RecordAttempts(ctx, all)
}

func TestRare_OneThatCannotBeRecordedKeepsNoOtherFromIt(t *testing.T) {
	t.Parallel()
	eachExchange(t, func(t *testing.T, x *exchange) {
		market := newReceiver(t, status(200))
		_, err := x.desk.Configure(t.Context(), market.URL, nil)
		require.NoError(t, err)
		for range 60 {
			x.event(webhook.Completed)
		}
		var refused atomic.Int32
		d := outbox.NewDispatcher(fussy{x.store, &refused}, x.clock, x.log, options(), x.bell)
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { defer close(ended); d.Run(ctx) }()
		x.until(func() bool { return x.count(outbox.Filter{State: outbox.Delivered}) == 60 })
		stop()
		<-ended
		require.NotZero(t, refused.Load(), "there were batches")
	})
}

// A 410 to an attempt that somebody else has overtaken disables nothing, and the lane goes on.
func TestRare_A410ThatComesTooLate(t *testing.T) {
	t.Parallel()
	eachExchange(t, func(t *testing.T, x *exchange) {
		hold, came := make(chan struct{}), make(chan struct{}, 1)
		var tries atomic.Int32
		market := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
			if tries.Add(1) == 1 {
				came <- struct{}{}
				<-hold
				w.WriteHeader(http.StatusGone)
			}
		})
		_, err := x.desk.Configure(t.Context(), market.URL, nil)
		require.NoError(t, err)
		id := x.event(webhook.Completed)
		x.run(options())
		<-came
		_, err = x.desk.ReplayOne(t.Context(), tester, x.one(id).ID)
		require.NoError(t, err)
		x.until(func() bool { return x.one(id).State == outbox.Delivered })
		close(hold)
		for range 5 {
			next := x.event(webhook.Completed)
			x.until(func() bool { return x.one(next).State == outbox.Delivered })
		}
		e, err := x.store.Endpoint(t.Context(), outbox.Configured)
		require.NoError(t, err)
		require.True(t, e.Enabled())
	})
}

// The old address of an endpoint says that it is gone: that is why it was changed.
func TestRare_A410OfTheOldAddress(t *testing.T) {
	t.Parallel()
	eachExchange(t, func(t *testing.T, x *exchange) {
		old := newReceiver(t, status(http.StatusGone))
		l := x.lane(old.URL)
		x.event(webhook.Completed)
		due := x.claim(l)
		_, err := x.desk.Configure(t.Context(), "https://moved.example/", nil)
		require.NoError(t, err)
		require.NoError(t, l.Deliver(t.Context(), due))
		e, err := x.store.Endpoint(t.Context(), outbox.Configured)
		require.NoError(t, err)
		require.True(t, e.Enabled())
		require.Equal(t, outbox.Pending, x.one(due.PendingID).State)
	})
}

// It is replayed while an attempt is under way.
func TestRare_AReplayOfOneThatIsUnderWay(t *testing.T) {
	t.Parallel()
	eachExchange(t, func(t *testing.T, x *exchange) {
		var answer atomic.Int32
		answer.Store(500)
		market := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(answer.Load())) })
		l := x.lane(market.URL)
		id := x.event(webhook.Completed)
		first := x.claim(l)
		replayed, err := x.desk.ReplayOne(t.Context(), tester, first.ID)
		require.NoError(t, err)
		require.NoError(t, l.Deliver(t.Context(), first), "refused")
		require.Equal(t, replayed.NextAt, x.one(id).NextAt, "it is due all the same")
		require.Equal(t, outbox.Pending, x.one(id).State)

		second := x.claim(l)
		_, err = x.desk.ReplayOne(t.Context(), tester, first.ID)
		require.NoError(t, err)
		third := x.claim(l)
		require.NoError(t, l.Deliver(t.Context(), second), "refused, too late")
		require.NoError(t, l.Deliver(t.Context(), third), "refused")
		require.Equal(t, 1, x.one(id).Attempts)

		x.clock.Set(x.one(id).NextAt)
		late := x.claim(l)
		_, err = x.desk.ReplayOne(t.Context(), tester, first.ID)
		require.NoError(t, err)
		again := x.claim(l)
		require.NoError(t, l.Deliver(t.Context(), again), "refused")
		answer.Store(200)
		require.NoError(t, l.Deliver(t.Context(), late), "taken, though it was overtaken")
		require.Equal(t, outbox.Delivered, x.one(id).State)
		attempts, err := x.store.Attempts(t.Context(), first.ID)
		require.NoError(t, err)
		require.Len(t, attempts, 3)
	})
}

// Replicas restart with different configurations: the secret that leaked stays dead, and the one that replaced it signs.
func TestRare_ReplicasWithDifferentConfigurations(t *testing.T) {
	t.Parallel()
	eachExchange(t, func(t *testing.T, x *exchange) {
		market := newReceiver(t, status(200))
		leaked := secretsOf(t, webhook.GenerateSecret())
		configure := func(s webhook.Secrets) []outbox.Secret {
			expired, err := x.desk.Configure(t.Context(), market.URL, s)
			require.NoError(t, err)
			return expired
		}
		configure(leaked)
		made, _, err := x.desk.Rotate(t.Context(), tester, outbox.Configured, false, 0)
		require.NoError(t, err)
		fresh := webhook.Secrets{made.Secret}
		require.Empty(t, configure(fresh))
		require.Len(t, configure(leaked), 1, "a replica that has the old one is warned")
		active, err := x.store.ActiveSecrets(t.Context(), x.clock.Now())
		require.NoError(t, err)
		require.Len(t, active, 1)
		require.Equal(t, made.Secret.Fingerprint(), active[0].Secret.Fingerprint())
		require.Len(t, configure(append(fresh[:1:1], leaked[0])), 1, "one that names both, too")
		require.Len(t, configure(leaked), 1, "and back again")
		active, err = x.store.ActiveSecrets(t.Context(), x.clock.Now())
		require.NoError(t, err)
		require.Len(t, active, 1)

		// A secret that nobody rotated is the configuration's to replace.
		plain := secretsOf(t, webhook.GenerateSecret())
		configure(plain)
		configure(fresh)
		active, err = x.store.ActiveSecrets(t.Context(), x.clock.Now())
		require.NoError(t, err)
		require.Len(t, active, 1)
	})
}

// Without a secret that signs nothing is sent, unless that was allowed by name; and one endpoint's trouble is its own.
func TestRare_NothingIsSentUnsignedBySlip(t *testing.T) {
	t.Parallel()
	eachExchange(t, func(t *testing.T, x *exchange) {
		market, other := newReceiver(t, status(200)), newReceiver(t, status(200))
		_, err := x.desk.Configure(t.Context(), market.URL, nil)
		require.NoError(t, err)
		x.add(other.URL)
		o := options()
		o.Unsigned = false
		id := x.event(webhook.Completed)
		x.run(o)
		x.until(func() bool { return x.count(outbox.Filter{State: outbox.Delivered}) == 1 })
		require.Empty(t, market.received())
		require.Len(t, other.distinct(), 1)
		require.Equal(t, 1, strings.Count(x.lines.String(), "has no secret that signs"), "said once")
		_, _, err = x.desk.Rotate(t.Context(), tester, outbox.Configured, false, 0)
		require.NoError(t, err)
		x.until(func() bool { return x.count(outbox.Filter{PendingID: id, State: outbox.Delivered}) == 2 })
	})
}

// The breaker is the lane's: a receiver that does not answer gets few attempts, and what waits uses up none.
func TestRare_TheBreakerKeepsAttempts(t *testing.T) {
	t.Parallel()
	eachExchange(t, func(t *testing.T, x *exchange) {
		var back atomic.Bool
		market := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
			if !back.Load() {
				w.WriteHeader(http.StatusBadGateway)
			}
		})
		_, err := x.desk.Configure(t.Context(), market.URL, nil)
		require.NoError(t, err)
		for range 200 {
			x.event(webhook.Completed)
		}
		x.run(options())
		began := x.clock.Now()
		x.until(func() bool { return x.clock.Now().Sub(began) > 5*time.Minute })
		require.Less(t, len(market.received()), 60, "200 wait, and few were tried")
		require.Contains(t, x.lines.String(), "it is left alone for a while")
		back.Store(true)
		x.until(func() bool { return x.count(outbox.Filter{State: outbox.Delivered}) == 200 })
	})
}

// A removal and a replay that race leave nothing that waits for ever.
func TestRare_WhatIsLeftOfARemovedEndpoint(t *testing.T) {
	t.Parallel()
	eachExchange(t, func(t *testing.T, x *exchange) {
		e, _ := x.add("https://shop.example/")
		id := x.event(webhook.Completed)
		require.NoError(t, x.desk.Remove(t.Context(), tester, e.ID))
		all, err := x.store.FindDeliveries(t.Context(), outbox.Filter{PendingID: id, EndpointID: e.ID}, 1)
		require.NoError(t, err)
		require.Equal(t, outbox.Dead, all[0].State)
		// As a replay that had read the endpoint before it was removed would leave it.
		ping, err := x.store.AddPing(t.Context(), e.ID, webhook.Event{Type: webhook.Ping, Timestamp: x.clock.Now()}, operator.Action{At: x.clock.Now(), By: tester, Kind: operator.PingEndpoint, Subject: e.ID})
		require.NoError(t, err)
		_, err = x.store.PruneDeliveries(t.Context(), x.clock.Now().Add(-time.Hour))
		require.NoError(t, err)
		_, err = x.store.Delivery(t.Context(), ping.ID)
		require.NoError(t, err)
		found, err := x.store.FindDeliveries(t.Context(), outbox.Filter{EndpointID: e.ID, State: outbox.Pending}, 1)
		require.NoError(t, err)
		require.Empty(t, found)
	})
}
