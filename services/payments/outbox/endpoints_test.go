package outbox_test

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/chassis/logging"
	"tianguis.example/chassis/worker"
	"tianguis.example/payments"
	"tianguis.example/payments/egress"
	"tianguis.example/payments/money"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/store"
	"tianguis.example/payments/webhook"
)

// tester does what operators do.
var tester = operator.Operator{Door: operator.ByCommandLine, Name: "tester"}

// exchange is a dispatcher that runs, with a desk beside it, on a clock that the test moves.
type exchange struct {
	t     *testing.T
	store *store.Store
	clock *clock.Held
	desk  *outbox.Desk
	bell  worker.Bell
	log   *slog.Logger
	lines *lines
}

// eachExchange runs a test on both databases.
func eachExchange(t *testing.T, test func(t *testing.T, x *exchange)) {
	t.Helper()
	databasetest.Each(t, store.Migrations(), func(t *testing.T, db *database.DB) {
		seal, err := store.ReadKeys(logging.Secret(store.GenerateKey()))
		require.NoError(t, err)
		x := &exchange{t: t, store: store.New(db, seal), clock: clock.NewHeld(start), bell: worker.NewBell(), lines: &lines{}}
		x.log = slog.New(slog.NewJSONHandler(x.lines, nil))
		x.desk = outbox.NewDesk(x.store, x.clock, func(string) error { return nil }, x.bell.Ring)
		require.NoError(t, x.store.PutSeller(t.Context(), payments.Seller{ID: "alice", WalletAddressURL: "https://wallet.example/alice", CreatedAt: start, UpdatedAt: start}, nil))
		test(t, x)
	})
}

// run starts the dispatcher; it is stopped with the test, or before.
func (x *exchange) run(o outbox.Options) (stop func()) {
	d := outbox.NewDispatcher(x.store, x.clock, x.log, o, x.bell)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.Run(ctx)
	}()
	stop = func() { cancel(); <-ended }
	x.t.Cleanup(stop)
	return stop
}

// event keeps a payment that has ended, with its webhooks.
func (x *exchange) event(kind webhook.Type) string {
	x.t.Helper()
	now := x.clock.Now()
	id := ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String()
	amount, err := money.New(10_000, "MXN", 2)
	require.NoError(x.t, err)
	p := payments.Payment{ID: payments.PaymentID(id), OfferID: id, SellerID: "alice", Version: 1, State: payments.Paid, Amount: amount, CreatedAt: now, UpdatedAt: now, PaidAt: now}
	e := &webhook.Event{Type: kind, PendingID: id, OfferID: id, Status: "paid", Timestamp: now, Sequence: 1}
	if kind == webhook.Failed {
		p.State, p.PaidAt, p.Reason, e.Status = payments.Failed, time.Time{}, payments.Expired, "failed"
	}
	require.NoError(x.t, x.store.Record(x.t.Context(), payments.Change{After: p, Event: e}))
	x.bell.Ring()
	return id
}

// until moves the clock by a second at a time until ok.
func (x *exchange) until(ok func() bool) {
	x.t.Helper()
	require.Eventually(x.t, func() bool {
		x.clock.Advance(time.Second)
		return ok()
	}, time.Minute, 10*time.Millisecond)
}

// distinct are the webhooks that a receiver got, by id, as a receiver must count them: on a clock that runs this fast a lease can end while its webhook is under way.
func (r *receiver) distinct() map[string]received {
	all := map[string]received{}
	for _, one := range r.received() {
		all[one.header.Get(webhook.HeaderID)] = one
	}
	return all
}

func (x *exchange) count(f outbox.Filter) int {
	x.t.Helper()
	found, err := x.store.FindDeliveries(x.t.Context(), f, 1000)
	require.NoError(x.t, err)
	return len(found)
}

// add adds an endpoint through the desk.
func (x *exchange) add(url string, types ...webhook.Type) (outbox.Endpoint, webhook.Secrets) {
	x.t.Helper()
	e, s, err := x.desk.Add(x.t.Context(), tester, outbox.NewEndpoint{URL: url, Types: types})
	require.NoError(x.t, err)
	return e, webhook.Secrets{s.Secret}
}

func secretsOf(t *testing.T, text string) webhook.Secrets {
	t.Helper()
	s, err := webhook.ParseSecrets(text)
	require.NoError(t, err)
	return s
}

func TestEndpoints_EachGetsWhatItWantsSignedWithItsOwn(t *testing.T) {
	t.Parallel()
	eachExchange(t, func(t *testing.T, x *exchange) {
		market, all, failures := newReceiver(t, status(200)), newReceiver(t, status(200)), newReceiver(t, status(200))
		own := secretsOf(t, webhook.GenerateSecret())
		_, err := x.desk.Configure(t.Context(), market.URL, own)
		require.NoError(t, err)
		_, forAll := x.add(all.URL)
		pair, s, err := x.desk.Add(t.Context(), tester, outbox.NewEndpoint{URL: failures.URL, Types: []webhook.Type{webhook.Failed}, Asymmetric: true})
		require.NoError(t, err)
		forFailures := secretsOf(t, s.Secret.ForReceiver())
		require.False(t, forFailures[0].Signs(), "its receiver has the public half")

		x.event(webhook.Completed)
		x.event(webhook.Failed)
		x.run(options())
		x.until(func() bool { return x.count(outbox.Filter{State: outbox.Delivered}) == 5 })
		ids := map[string]bool{}
		for who, c := range map[*receiver]struct {
			secrets webhook.Secrets
			n       int
		}{market: {own, 2}, all: {forAll, 2}, failures: {forFailures, 1}} {
			got := who.distinct()
			require.Len(t, got, c.n)
			for id, one := range got {
				require.NoError(t, c.secrets.Verify(one.header, one.body, x.clock.Now()))
				ids[id] = true
			}
		}
		require.Len(t, ids, 5, "each delivery has an id of its own")

		require.NoError(t, x.desk.Remove(t.Context(), tester, pair.ID))
		x.event(webhook.Failed)
		x.until(func() bool { return x.count(outbox.Filter{State: outbox.Delivered}) == 7 })
		require.Len(t, failures.distinct(), 1)
	})
}

// Whoever has the old secret verifies until the overlap is over, whoever has the new one from the beginning; then the old one signs nothing,
// though the configuration still names it.
func TestEndpoints_ASecretIsReplacedWithoutAGap(t *testing.T) {
	t.Parallel()
	eachExchange(t, func(t *testing.T, x *exchange) {
		market := newReceiver(t, status(200))
		old := secretsOf(t, webhook.GenerateSecret())
		_, err := x.desk.Configure(t.Context(), market.URL, old)
		require.NoError(t, err)
		x.run(options())
		send := func() received {
			id := x.event(webhook.Completed)
			x.until(func() bool { return x.count(outbox.Filter{PendingID: id, State: outbox.Delivered}) == 1 })
			d, err := x.store.Deliveries(t.Context(), payments.PaymentID(id))
			require.NoError(t, err)
			return market.distinct()[d[0].ID]
		}
		verifies := func(s webhook.Secrets, got received) error { return s.Verify(got.header, got.body, x.clock.Now()) }
		require.NoError(t, verifies(old, send()))

		made, until, err := x.desk.Rotate(t.Context(), tester, outbox.Configured, false, time.Hour)
		require.NoError(t, err)
		require.Equal(t, x.clock.Now().Add(time.Hour), until)
		for verifies(webhook.Secrets{made.Secret}, send()) != nil { // from the next look at the endpoints on
			x.clock.Advance(time.Second)
		}
		both := send()
		require.NoError(t, verifies(old, both))
		require.NoError(t, verifies(webhook.Secrets{made.Secret}, both))

		expired, err := x.desk.Configure(t.Context(), market.URL, old) // a start meanwhile
		require.NoError(t, err)
		require.Empty(t, expired)
		x.clock.Set(until)
		for verifies(old, send()) == nil {
			x.clock.Advance(time.Second)
		}
		got := send()
		require.ErrorIs(t, verifies(old, got), webhook.ErrBadSignature)
		require.NoError(t, verifies(webhook.Secrets{made.Secret}, got))
		expired, err = x.desk.Configure(t.Context(), market.URL, old) // and a start after it
		require.NoError(t, err)
		require.Len(t, expired, 1, "which the service warns of")
		require.ErrorIs(t, verifies(old, send()), webhook.ErrBadSignature)

		// The operator does as the warning says.
		expired, err = x.desk.Configure(t.Context(), market.URL, webhook.Secrets{made.Secret})
		require.NoError(t, err)
		require.Empty(t, expired)
		require.NoError(t, verifies(webhook.Secrets{made.Secret}, send()))
	})
}

func TestEndpoints_ALeakedSecretSignsNothingAtOnce(t *testing.T) {
	t.Parallel()
	eachExchange(t, func(t *testing.T, x *exchange) {
		market := newReceiver(t, status(200))
		old := secretsOf(t, webhook.GenerateSecret())
		_, err := x.desk.Configure(t.Context(), market.URL, old)
		require.NoError(t, err)
		made, _, err := x.desk.Rotate(t.Context(), tester, outbox.Configured, false, 0)
		require.NoError(t, err)
		x.event(webhook.Completed)
		x.run(options())
		x.until(func() bool { return len(market.received()) > 0 })
		got := market.received()[0]
		require.ErrorIs(t, old.Verify(got.header, got.body, x.clock.Now()), webhook.ErrBadSignature)
		require.NoError(t, webhook.Secrets{made.Secret}.Verify(got.header, got.body, x.clock.Now()))
	})
}

// A receiver that is gone gets nothing more, and loses nothing: what comes meanwhile waits until an operator enables it.
func TestEndpoints_GoneUntilEnabled(t *testing.T) {
	t.Parallel()
	eachExchange(t, func(t *testing.T, x *exchange) {
		var back atomic.Bool
		market := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
			if !back.Load() {
				w.WriteHeader(http.StatusGone)
			}
		})
		_, err := x.desk.Configure(t.Context(), market.URL, nil)
		require.NoError(t, err)
		x.event(webhook.Completed)
		o := options()
		o.Workers = 1
		x.run(o)
		x.until(func() bool {
			e, err := x.store.Endpoint(t.Context(), outbox.Configured)
			return err == nil && !e.Enabled()
		})
		disabled, err := x.store.Endpoint(t.Context(), outbox.Configured)
		require.NoError(t, err)
		require.Contains(t, disabled.DisabledReason, "410")
		for range 20 {
			x.event(webhook.Completed)
		}
		x.clock.Advance(24 * time.Hour)
		x.until(func() bool { return x.clock.Now().After(start.Add(24*time.Hour + time.Minute)) })
		require.Len(t, market.distinct(), 1)
		require.Equal(t, 21, x.count(outbox.Filter{State: outbox.Pending}))
		require.Contains(t, x.lines.String(), "the endpoint is disabled")

		back.Store(true)
		_, err = x.desk.Change(t.Context(), tester, outbox.Configured, outbox.EndpointChange{Enabled: new(true)})
		require.NoError(t, err)
		x.until(func() bool { return x.count(outbox.Filter{State: outbox.Delivered}) == 21 })
		require.Len(t, market.distinct(), 21)
	})
}

// One endpoint takes the connection and never answers; the other has all of its webhooks meanwhile.
func TestEndpoints_AHungOneDelaysNobody(t *testing.T) {
	t.Parallel()
	eachExchange(t, func(t *testing.T, x *exchange) {
		hold := make(chan struct{})
		hung := newReceiver(t, func(http.ResponseWriter, *http.Request) { <-hold })
		defer close(hold) // before the dispatcher is stopped, which waits for it
		market := newReceiver(t, status(200))
		_, err := x.desk.Configure(t.Context(), market.URL, nil)
		require.NoError(t, err)
		slow, _ := x.add(hung.URL)
		o := options()
		o.Workers = 2
		x.run(o)
		for range 60 {
			x.event(webhook.Completed)
		}
		x.until(func() bool {
			return x.count(outbox.Filter{EndpointID: outbox.Configured, State: outbox.Delivered}) == 60
		})
		require.Equal(t, 60, x.count(outbox.Filter{EndpointID: slow.ID, State: outbox.Pending}))
		require.LessOrEqual(t, len(hung.distinct()), 2)
	})
}

// A name that was harmless when the endpoint was added may lead inside later: it is refused as it is dialled.
func TestEndpoints_ANameThatLeadsInside(t *testing.T) {
	t.Parallel()
	eachExchange(t, func(t *testing.T, x *exchange) {
		inside := newReceiver(t, status(200))
		x.desk = outbox.NewDesk(x.store, x.clock, egress.Options{}.Check, x.bell.Ring)
		e, _ := x.add("https://localhost:" + inside.URL[len("http://127.0.0.1:"):] + "/hook?token=planted")
		o := options()
		o.ToOthers = egress.Client(egress.Options{})
		x.event(webhook.Completed)
		x.run(o)
		var found []outbox.Attempt
		x.until(func() bool {
			all, err := x.store.FindDeliveries(t.Context(), outbox.Filter{EndpointID: e.ID}, 1)
			require.NoError(t, err)
			found, err = x.store.Attempts(t.Context(), all[0].ID)
			require.NoError(t, err)
			return len(found) > 0
		})
		require.Zero(t, found[0].Status)
		require.Contains(t, found[0].Error, "address")
		require.Empty(t, inside.received())
		require.NotContains(t, x.lines.String(), "planted", "an endpoint's address may hold a secret")
	})
}

// What was delivered, or given up, is deleted when it is old enough, with its attempts; what is pending never is.
func TestEndpoints_WhatIsOverIsPruned(t *testing.T) {
	t.Parallel()
	eachExchange(t, func(t *testing.T, x *exchange) {
		var refuse atomic.Bool
		market := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
			if refuse.Load() {
				w.WriteHeader(http.StatusTeapot)
			}
		})
		_, err := x.desk.Configure(t.Context(), market.URL, nil)
		require.NoError(t, err)
		o := options()
		o.Schedule = outbox.Schedule{time.Second}
		stop := x.run(o)
		old := x.event(webhook.Completed)
		x.until(func() bool { return x.count(outbox.Filter{State: outbox.Delivered}) == 1 })
		refuse.Store(true)
		x.event(webhook.Failed)
		x.until(func() bool { return x.count(outbox.Filter{State: outbox.Dead}) == 1 })
		middle := x.clock.Now().Add(time.Hour)
		x.clock.Set(middle.Add(time.Hour))
		refuse.Store(false)
		x.event(webhook.Completed)
		x.until(func() bool { return x.count(outbox.Filter{State: outbox.Delivered}) == 2 })
		stop()
		waits := x.event(webhook.Failed)

		first, err := x.store.Deliveries(t.Context(), payments.PaymentID(old))
		require.NoError(t, err)
		pruned, err := x.store.PruneDeliveries(t.Context(), middle)
		require.NoError(t, err)
		require.Equal(t, 2, pruned)
		left, err := x.store.Attempts(t.Context(), first[0].ID)
		require.NoError(t, err)
		require.Empty(t, left)
		require.Equal(t, 2, x.count(outbox.Filter{}))
		pruned, err = x.store.PruneDeliveries(t.Context(), x.clock.Now().Add(1000*time.Hour))
		require.NoError(t, err)
		require.Equal(t, 1, pruned)
		require.Equal(t, 1, x.count(outbox.Filter{PendingID: waits, State: outbox.Pending}))
	})
}
