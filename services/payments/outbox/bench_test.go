package outbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
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
	"tianguis.example/payments/money"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/store"
	"tianguis.example/payments/webhook"
)

// How it is measured: rounds of the bare loop and of the outbox by turns, so that whatever else the machine does meets both.
const (
	benchRounds  = 5
	benchEvents  = 2000 // of a round
	benchWorkers = 8    // WEBHOOK_WORKERS's default, of both
	benchRate    = 100  // events a second, for the latency
	benchSeconds = 10
)

// BenchmarkWebhooks prints how many webhooks a second the outbox delivers on Postgres, and how many a loop that signs and POSTs, and keeps nothing. Then it
// commits 100 payments a second, and prints how long each took from the commit of its end until the receiver had verified its webhook. `make
// bench-webhooks` runs it once.
func BenchmarkWebhooks(b *testing.B) {
	if os.Getenv(databasetest.AddressVariable) == "" {
		b.Skip("NOT MEASURED: " + databasetest.AddressVariable + " is not set. Run `make bench-webhooks`.")
	}
	for b.Loop() {
		x := newBench(b)
		var bare, ours, ratio []float64
		for range benchRounds {
			bare = append(bare, x.bareLoop(b))
			ours = append(ours, x.drain(b))
			ratio = append(ratio, ours[len(ours)-1]/bare[len(bare)-1])
		}
		latency := x.steady(b)
		b.ReportMetric(quantile(bare, 50), "bare/s")
		b.ReportMetric(quantile(ours, 50), "outbox/s")
		b.ReportMetric(quantile(ratio, 50), "outbox/bare")
		for name, q := range map[string]int{"p50-ms": 50, "p95-ms": 95, "p99-ms": 99} {
			b.ReportMetric(quantile(latency, q), name)
		}
		b.ReportMetric(0, "ns/op") // says nothing here
	}
}

// quantile is that percentile of values.
func quantile(values []float64, percent int) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)]
}

type bench struct {
	store    *store.Store
	secrets  webhook.Secrets
	receiver *httptest.Server
	client   *http.Client

	mu   sync.Mutex
	came map[string]time.Time // when the receiver had verified the webhook of each payment
}

func newBench(b *testing.B) *bench {
	b.Helper()
	x := &bench{came: map[string]time.Time{}, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * benchWorkers}}}
	var err error
	x.secrets, err = webhook.ParseSecrets(webhook.GenerateSecret())
	require.NoError(b, err)
	db, err := database.Open(b.Context(), databasetest.PostgresAddress(b), database.Options{Clock: clock.System()})
	require.NoError(b, err)
	b.Cleanup(func() { _ = db.Close() })
	_, err = database.Migrate(b.Context(), db, store.Migrations())
	require.NoError(b, err)
	seal, err := store.ReadKeys(logging.Secret(store.GenerateKey()))
	require.NoError(b, err)
	x.store = store.New(db, seal)
	x.receiver = httptest.NewServer(http.HandlerFunc(x.receive))
	b.Cleanup(x.receiver.Close)
	now := clock.System().Now()
	require.NoError(b, x.store.PutSeller(b.Context(), payments.Seller{ID: "alice", WalletAddressURL: "https://wallet.example/alice", CreatedAt: now, UpdatedAt: now}, nil))
	_, err = outbox.NewDesk(x.store, clock.System(), func(string) error { return nil }, func() {}).Configure(b.Context(), x.receiver.URL, x.secrets)
	require.NoError(b, err)
	return x
}

// receive does what a receiver must, and notes when it was done.
func (x *bench) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = x.secrets.Verify(r.Header, body, clock.System().Now())
	}
	event, parseErr := webhook.Parse(body)
	if err != nil || parseErr != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if _, known := x.came[event.PendingID]; !known {
		x.came[event.PendingID] = time.Now()
	}
}

func (x *bench) arrived() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.came)
}

func newEvent(now time.Time) webhook.Event {
	id := ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String()
	return webhook.Event{
		Type: webhook.Completed, PendingID: id, OfferID: id, Status: "paid", OutgoingPaymentID: "https://wallet.example/outgoing-payments/" + id, Timestamp: now, Sequence: 1,
	}
}

// bareLoop signs and POSTs, with as many workers as the outbox has, and returns how many a second.
func (x *bench) bareLoop(b *testing.B) float64 {
	b.Helper()
	bodies := make(chan []byte, benchEvents)
	for range benchEvents {
		body, err := json.Marshal(newEvent(clock.System().Now()))
		require.NoError(b, err)
		bodies <- body
	}
	close(bodies)
	before, began := x.arrived(), time.Now()
	var workers sync.WaitGroup
	for range benchWorkers {
		workers.Go(func() {
			for body := range bodies {
				x.post(b, body)
			}
		})
	}
	workers.Wait()
	took := time.Since(began)
	require.Equal(b, benchEvents, x.arrived()-before)
	return benchEvents / took.Seconds()
}

func (x *bench) post(b *testing.B, body []byte) {
	request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, x.receiver.URL+webhook.Path, bytes.NewReader(body))
	if err != nil {
		b.Error(err)
		return
	}
	request.Header.Set("Content-Type", "application/json")
	x.secrets.Sign(request.Header, ulid.Make().String(), clock.System().Now(), body)
	reply, err := x.client.Do(request)
	if err != nil {
		b.Error(err)
		return
	}
	_, _ = io.Copy(io.Discard, reply.Body)
	_ = reply.Body.Close()
}

// run starts a dispatcher with the settings that a service has when nobody chooses others.
func (x *bench) run(bell worker.Bell) (stop func()) {
	d := outbox.NewDispatcher(x.store, clock.System(), slog.New(slog.DiscardHandler), outbox.Options{
		ToMarketplace: x.client, ToOthers: x.client, Unsigned: true, Workers: benchWorkers, Poll: time.Second, Drain: time.Minute,
	}, bell)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { d.Run(ctx) })
	return func() { cancel(); running.Wait() }
}

// record commits the end of a payment, with its webhook.
func (x *bench) record(b *testing.B) string {
	now := clock.System().Now()
	e := newEvent(now)
	amount, err := money.New(10_000, "MXN", 2)
	if err != nil {
		b.Error(err)
	}
	err = x.store.Record(b.Context(), payments.Change{Event: &e, After: payments.Payment{
		ID: payments.PaymentID(e.PendingID), OfferID: e.OfferID, SellerID: "alice", Version: 1, State: payments.Paid, Amount: amount, CreatedAt: now, UpdatedAt: now, PaidAt: now,
	}})
	if err != nil {
		b.Error(err)
	}
	return e.PendingID
}

// drain lets the outbox deliver what has gathered in it, and returns how many a second, until the last is recorded as delivered.
func (x *bench) drain(b *testing.B) float64 {
	b.Helper()
	var writers sync.WaitGroup
	for range benchWorkers {
		writers.Go(func() {
			for range benchEvents / benchWorkers {
				x.record(b)
			}
		})
	}
	writers.Wait()
	before, began := x.arrived(), time.Now()
	stop := x.run(worker.NewBell())
	for x.arrived()-before < benchEvents {
		require.Less(b, time.Since(began), time.Minute, "%d of %d came", x.arrived()-before, benchEvents)
		_ = clock.Sleep(b.Context(), clock.System(), time.Millisecond)
	}
	stop() // ends when all is recorded
	took := time.Since(began)
	left, err := x.store.FindDeliveries(b.Context(), outbox.Filter{State: outbox.Pending}, 1)
	require.NoError(b, err)
	require.Empty(b, left)
	return benchEvents / took.Seconds()
}

// steady commits events at an even rate, and returns how many milliseconds each took from its commit until it was applied.
func (x *bench) steady(b *testing.B) []float64 {
	b.Helper()
	bell := worker.NewBell()
	stop := x.run(bell)
	defer stop()
	const events = benchRate * benchSeconds
	var mu sync.Mutex
	committed := map[string]time.Time{}
	var writers sync.WaitGroup
	began := time.Now()
	for i := range events {
		_ = clock.Sleep(b.Context(), clock.System(), time.Until(began.Add(time.Duration(i)*time.Second/benchRate)))
		writers.Go(func() {
			id := x.record(b)
			at := time.Now()
			bell.Ring()
			mu.Lock()
			defer mu.Unlock()
			committed[id] = at
		})
	}
	writers.Wait()
	var latency []float64
	for id, at := range committed {
		require.Eventually(b, func() bool { x.mu.Lock(); defer x.mu.Unlock(); return !x.came[id].IsZero() }, time.Minute, time.Millisecond)
		x.mu.Lock()
		latency = append(latency, float64(max(0, x.came[id].Sub(at)).Microseconds())/1000)
		x.mu.Unlock()
	}
	return latency
}
