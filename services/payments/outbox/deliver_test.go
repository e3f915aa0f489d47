package outbox_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/chassis/logging"
	"tianguis.example/chassis/worker"
	"tianguis.example/payments"
	"tianguis.example/payments/money"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/store"
	"tianguis.example/payments/webhook"
)

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const pendingID = "01KAR0000000000000000000AA"

// office is a real store with one delivery that is due, and what a dispatcher needs beside it.
type office struct {
	store      *store.Store
	clock      *clock.Held
	secretText string
	secrets    webhook.Secrets
	lines      *lines
	log        *slog.Logger
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{clock: clock.NewHeld(start), lines: &lines{}, secretText: webhook.GenerateSecret()}
	o.log = slog.New(slog.NewJSONHandler(o.lines, &slog.HandlerOptions{Level: slog.LevelDebug}))
	secrets, err := webhook.ParseSecrets(o.secretText)
	require.NoError(t, err)
	o.secrets = secrets
	db := databasetest.Open(t, databasetest.SQLiteAddress(t), o.clock, store.Migrations())
	seal, err := store.ReadKeys(logging.Secret(store.GenerateKey()))
	require.NoError(t, err)
	o.store = store.New(db, seal)

	require.NoError(t, o.store.PutSeller(t.Context(), payments.Seller{ID: "alice", WalletAddressURL: "https://wallet.example/alice", CreatedAt: start, UpdatedAt: start}, nil))
	amount, err := money.New(10_000, "MXN", 2)
	require.NoError(t, err)
	require.NoError(t, o.store.Record(t.Context(), payments.Change{
		After: payments.Payment{
			ID: pendingID, OfferID: "7", SellerID: "alice", Version: 1, State: payments.Paid, Amount: amount,
			CreatedAt: start, UpdatedAt: start, PaidAt: start,
		},
		Event: &webhook.Event{Type: webhook.Completed, PendingID: pendingID, OfferID: "7", Status: "paid", OutgoingPaymentID: "https://wallet.example/o/1", Timestamp: start},
	}))
	return o
}

// options are those of a service that may send anywhere.
func options() outbox.Options {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	return outbox.Options{ToMarketplace: client, ToOthers: client, Unsigned: true, Workers: 4, Poll: time.Second, Drain: time.Second}
}

// dispatcher is the configured endpoint's lane, to that address.
func (o *office) dispatcher(t *testing.T, to string) outbox.Lane {
	t.Helper()
	d := outbox.NewDispatcher(o.store, o.clock, o.log, options(), worker.NewBell())
	return d.NewLane(t, outbox.Endpoint{ID: outbox.Configured, URL: to}, o.secrets)
}

// attempt claims the one delivery and makes an attempt.
func (o *office) attempt(t *testing.T, d outbox.Lane) outbox.Delivery {
	t.Helper()
	due, err := d.Claim(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, due, 1)
	require.NoError(t, d.Deliver(t.Context(), due[0]))
	return o.delivery(t)
}

func (o *office) delivery(t *testing.T) outbox.Delivery {
	t.Helper()
	all, err := o.store.Deliveries(t.Context(), pendingID)
	require.NoError(t, err)
	require.Len(t, all, 1)
	return all[0]
}

func (o *office) lastAttempt(t *testing.T) outbox.Attempt {
	t.Helper()
	all, err := o.store.Attempts(t.Context(), o.delivery(t).ID)
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all[len(all)-1]
}

// lines is a log that may be written to and read at once.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// receiver is a marketplace that keeps what it got.
type receiver struct {
	*httptest.Server
	mu  sync.Mutex
	got []received
}

type received struct {
	header http.Header
	body   []byte
}

func newReceiver(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		r.got = append(r.got, received{request.Header, body})
		r.mu.Unlock()
		answer(w, request)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) received() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.got...)
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func TestDeliver_Delivered(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	market := newReceiver(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != webhook.Path || r.Header.Get("Content-Type") != "application/json" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, `{"success":true,"message":"Payment confirmed"}`)
	})
	d := o.attempt(t, o.dispatcher(t, market.URL+webhook.Path))

	require.Equal(t, outbox.Delivered, d.State)
	require.Equal(t, 1, d.Attempts)
	require.Equal(t, start, d.EndedAt)
	require.Zero(t, d.NextAt)
	got := market.received()
	require.Len(t, got, 1)
	require.Equal(t, d.ID, got[0].header.Get(webhook.HeaderID))
	require.Equal(t, string(d.Body), string(got[0].body))
	require.NoError(t, o.secrets.Verify(got[0].header, got[0].body, start))
	event, err := webhook.Parse(got[0].body)
	require.NoError(t, err)
	require.Equal(t, "7", event.OfferID)
	require.Equal(t, outbox.Attempt{
		DeliveryID: d.ID, Number: 1, At: start, URL: market.URL + webhook.Path, Status: http.StatusOK, Excerpt: `{"success":true,"message":"Payment confirmed"}`,
	}, o.lastAttempt(t))

	require.Contains(t, o.lines.String(), `"msg":"[webhook] delivered"`)
	require.Contains(t, o.lines.String(), `"webhook_id":"`+d.ID+`","endpoint_id":"marketplace","pending_id":"`+pendingID+`","offer_id":"7"`)
	require.NotContains(t, o.lines.String(), strings.TrimPrefix(o.secretText, "whsec_"))
	due, err := o.dispatcher(t, market.URL).Claim(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, due)
}

// A receiver that is broken for good: ten attempts under one id, each signed afresh, then the delivery is dead.
func TestDeliver_TheWholeSchedule(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	market := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, "broken\x00\x1b[31m")
	})
	d := o.dispatcher(t, market.URL)
	for n := 1; n <= 10; n++ {
		now := o.clock.Now()
		after := o.attempt(t, d)
		got := market.received()
		require.Len(t, got, n)
		require.NoError(t, o.secrets.Verify(got[n-1].header, got[n-1].body, now), "attempt %d", n)
		require.Equal(t, got[0].header.Get(webhook.HeaderID), got[n-1].header.Get(webhook.HeaderID))
		require.Equal(t, got[0].body, got[n-1].body)
		if n == 10 {
			require.Equal(t, outbox.Dead, after.State)
			break
		}
		if n > 2 { // the second may come within the second
			require.NotEqual(t, got[n-2].header.Get(webhook.HeaderSignature), got[n-1].header.Get(webhook.HeaderSignature))
		}
		require.Equal(t, outbox.Pending, after.State)
		o.clock.Set(after.NextAt.Add(-time.Microsecond))
		early, err := d.Claim(t.Context(), 10)
		require.NoError(t, err)
		require.Empty(t, early, "attempt %d is not due yet", n+1)
		o.clock.Set(after.NextAt)
	}
	attempts, err := o.store.Attempts(t.Context(), o.delivery(t).ID)
	require.NoError(t, err)
	require.Len(t, attempts, 10)
	require.Equal(t, "broken[31m", attempts[9].Excerpt)
	for _, a := range attempts {
		pause := "then it is given up"
		if !a.NextAt.IsZero() {
			pause = "the next one after " + a.NextAt.Sub(a.At).Round(time.Millisecond).String()
		}
		t.Logf("attempt %2d after %12s: %d, %s", a.Number, a.At.Sub(start).Round(time.Millisecond), a.Status, pause)
	}
	lasted := attempts[9].At.Sub(start)
	require.Greater(t, lasted, 48*time.Hour, "a weekend's outage is survived")
	require.LessOrEqual(t, lasted, 75*time.Hour+35*time.Minute+5*time.Second)

	// The dead letter is there, and replays under its id, with the whole schedule before it.
	dead, err := o.store.FindDeliveries(t.Context(), outbox.Filter{State: outbox.Dead}, 10)
	require.NoError(t, err)
	require.Len(t, dead, 1)
	desk := outbox.NewDesk(o.store, o.clock, func(string) error { return nil }, func() {})
	_, err = desk.ReplayOne(t.Context(), tester, dead[0].ID)
	require.NoError(t, err)
	o.clock.Advance(time.Minute) // the receiver is left alone for a while
	again := o.attempt(t, d)
	require.Equal(t, outbox.Pending, again.State)
	require.Equal(t, 11, again.Attempts)
	require.WithinRange(t, again.NextAt, o.clock.Now(), o.clock.Now().Add(5*time.Second))
	replayed := market.received()
	require.Len(t, replayed, 11)
	require.Equal(t, replayed[0].header.Get(webhook.HeaderID), replayed[10].header.Get(webhook.HeaderID))
	require.Equal(t, replayed[0].body, replayed[10].body)
	require.Equal(t, 10, strings.Count(o.lines.String(), `"level":"WARN","msg":"[webhook] not delivered, will be tried again"`))
	require.Equal(t, 1, strings.Count(o.lines.String(), `"level":"ERROR","msg":"[webhook] given up"`))
}

func TestDeliver_WhatTheReceiverAsks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		header map[string]string
		state  outbox.State
		least  time.Duration // of the pause
		most   time.Duration
	}{
		"gone, until it is enabled": {http.StatusGone, nil, outbox.Pending, 0, 0},
		"busy, in seconds":          {http.StatusTooManyRequests, map[string]string{"Retry-After": "600"}, outbox.Pending, 10 * time.Minute, 10 * time.Minute},
		"away, until a date":        {http.StatusServiceUnavailable, map[string]string{"Retry-After": "Mon, 23 Nov 2026 13:00:00 GMT"}, outbox.Pending, time.Hour, time.Hour},
		"away for a year":           {http.StatusServiceUnavailable, map[string]string{"Retry-After": "31536000"}, outbox.Pending, 24 * time.Hour, 24 * time.Hour},
		"away, nobody knows":        {http.StatusServiceUnavailable, map[string]string{"Retry-After": "soon"}, outbox.Pending, 0, 5 * time.Second},
		"broken, and wants time":    {http.StatusInternalServerError, map[string]string{"Retry-After": "600"}, outbox.Pending, 0, 5 * time.Second},
		"unauthorized":              {http.StatusUnauthorized, nil, outbox.Pending, 0, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			market := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
				for key, value := range c.header {
					w.Header().Set(key, value)
				}
				w.WriteHeader(c.status)
			})
			d := o.attempt(t, o.dispatcher(t, market.URL))
			require.Equal(t, c.state, d.State)
			require.Equal(t, c.status, o.lastAttempt(t).Status)
			require.Len(t, market.received(), 1, "one request is one attempt when there is an answer")
			if c.state == outbox.Pending {
				require.WithinRange(t, d.NextAt, start.Add(c.least), start.Add(c.most))
			}
		})
	}
}

func TestDeliver_FollowsNoRedirect(t *testing.T) {
	t.Parallel()
	for _, code := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		o := newOffice(t)
		elsewhere := newReceiver(t, status(http.StatusOK))
		market := newReceiver(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, code) })
		d := o.attempt(t, o.dispatcher(t, market.URL))
		require.Equal(t, outbox.Pending, d.State)
		require.Equal(t, code, o.lastAttempt(t).Status)
		require.Empty(t, elsewhere.received())
	}
}

func TestDeliver_AReceiverThatHangs(t *testing.T) {
	t.Parallel()
	for name, hang := range map[string]func(w http.ResponseWriter, hold <-chan struct{}){
		"before its answer": func(_ http.ResponseWriter, hold <-chan struct{}) { <-hold },
		"in its answer": func(w http.ResponseWriter, hold <-chan struct{}) {
			w.WriteHeader(http.StatusInternalServerError)
			_ = http.NewResponseController(w).Flush()
			<-hold
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			hold := make(chan struct{})
			market := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) { hang(w, hold) })
			t.Cleanup(func() { close(hold) }) // before the server is closed, which waits for it
			d := o.attempt(t, o.dispatcher(t, market.URL).WithBound(50*time.Millisecond))
			require.Equal(t, outbox.Pending, d.State)
			require.Equal(t, "the receiver did not answer within 50ms", o.lastAttempt(t).Error)
			require.Len(t, market.received(), 1)
		})
	}
}

// What was answered with 2xx is delivered, however the answer ends.
func TestDeliver_TakenButTheAnswerHangs(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	hold := make(chan struct{})
	market := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "thank")
		_ = http.NewResponseController(w).Flush()
		<-hold
	})
	t.Cleanup(func() { close(hold) })
	d := o.attempt(t, o.dispatcher(t, market.URL).WithBound(200*time.Millisecond))
	require.Equal(t, outbox.Delivered, d.State)
	require.Equal(t, "thank", o.lastAttempt(t).Excerpt)
	require.Empty(t, o.lastAttempt(t).Error)
}

func TestDeliver_ACutConnection(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	market := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = connection.Close()
		}
	})
	d := o.attempt(t, o.dispatcher(t, market.URL+webhook.Path))
	require.Equal(t, outbox.Pending, d.State)
	attempt := o.lastAttempt(t)
	require.Zero(t, attempt.Status)
	require.NotEmpty(t, attempt.Error)
	require.NotContains(t, attempt.Error, webhook.Path)
	got := market.received()
	require.Len(t, got, 3, "a blip is tried again inside the attempt")
	for _, again := range got {
		require.Equal(t, d.ID, again.header.Get(webhook.HeaderID))
		require.NoError(t, o.secrets.Verify(again.header, again.body, start))
	}
}

func TestDeliver_ABlipIsNoFailure(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var once sync.Once
	market := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		once.Do(func() {
			if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_ = connection.Close()
			}
		})
	})
	d := o.attempt(t, o.dispatcher(t, market.URL))
	require.Equal(t, outbox.Delivered, d.State)
	require.Equal(t, 1, d.Attempts)
}

func TestDeliver_NobodyListens(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	d := o.attempt(t, o.dispatcher(t, "http://"+listener.Addr().String()))
	require.Equal(t, outbox.Pending, d.State)
	require.Contains(t, o.lastAttempt(t).Error, "refused")
}

func TestDeliver_AnAnswerOfAGigabyte(t *testing.T) {
	t.Parallel()
	for _, code := range []int{http.StatusOK, http.StatusInternalServerError} {
		o := newOffice(t)
		sent := make(chan int, 1)
		market := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			chunk, written := bytes.Repeat([]byte("x"), 1<<16), 0
			for written < 1<<30 {
				n, err := w.Write(chunk)
				written += n
				if err != nil {
					break
				}
			}
			sent <- written
		})
		d := o.attempt(t, o.dispatcher(t, market.URL))
		require.Equal(t, code == http.StatusOK, d.State == outbox.Delivered)
		require.Equal(t, strings.Repeat("x", 512), o.lastAttempt(t).Excerpt)
		require.Less(t, <-sent, 64<<20, "the answer is not read to its end")
	}
}

func TestDeliver_UnsignedKeepsItsID(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	market := newReceiver(t, status(http.StatusOK))
	unsigned := *o
	unsigned.secrets = nil
	d := o.attempt(t, unsigned.dispatcher(t, market.URL))
	require.Equal(t, outbox.Delivered, d.State)
	got := market.received()[0]
	require.Equal(t, d.ID, got.header.Get(webhook.HeaderID))
	require.Empty(t, got.header.Values(webhook.HeaderSignature))
	require.ErrorIs(t, o.secrets.Verify(got.header, got.body, start), webhook.ErrUnsigned)
}

// dying is a store whose process dies before it can record anything.
type dying struct{ *store.Store }

var errDied = errors.New("the process is gone")

func (dying) RecordAttempts(context.Context, []outbox.Outcome) error { return errDied }

func TestDeliver_SurvivesADispatcherThatDied(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	market := newReceiver(t, status(http.StatusOK))
	dead := outbox.NewDispatcher(dying{o.store}, o.clock, o.log, options(), worker.NewBell()).
		NewLane(t, outbox.Endpoint{ID: outbox.Configured, URL: market.URL}, o.secrets)
	due, err := dead.Claim(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, due, 1)
	require.ErrorIs(t, dead.Deliver(t.Context(), due[0]), errDied)
	require.Equal(t, outbox.Pending, o.delivery(t).State)

	next := o.dispatcher(t, market.URL)
	o.clock.Advance(44 * time.Second)
	held, err := next.Claim(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, held, "the dead one's lease holds")
	o.clock.Advance(time.Second + time.Millisecond)
	require.Equal(t, outbox.Delivered, o.attempt(t, next).State)

	got := market.received()
	require.Len(t, got, 2)
	require.Equal(t, got[0].header.Get(webhook.HeaderID), got[1].header.Get(webhook.HeaderID), "the receiver knows it by its id")
	attempts, err := o.store.Attempts(t.Context(), o.delivery(t).ID)
	require.NoError(t, err)
	require.Len(t, attempts, 1)
}

// The slower of two that made the same attempt changes nothing.
func TestDeliver_TheSlowerOneChangesNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	taken := newReceiver(t, status(http.StatusOK))
	broken := newReceiver(t, status(http.StatusInternalServerError))
	slow, quick := o.dispatcher(t, broken.URL), o.dispatcher(t, taken.URL)
	due, err := slow.Claim(t.Context(), 1)
	require.NoError(t, err)
	o.clock.Advance(time.Minute)
	require.Equal(t, outbox.Delivered, o.attempt(t, quick).State)
	require.NoError(t, slow.Deliver(t.Context(), due[0]))
	require.Equal(t, outbox.Delivered, o.delivery(t).State)
	require.Equal(t, http.StatusOK, o.lastAttempt(t).Status)
}

// The loop as the service runs it, on a clock that the test moves.
func TestDeliver_TheWholeLoop(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var tries sync.Map
	market := newReceiver(t, func(w http.ResponseWriter, r *http.Request) {
		if _, seen := tries.LoadOrStore(r.Header.Get(webhook.HeaderID), true); !seen {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	_, err := o.store.Configure(t.Context(), market.URL, o.secrets, start)
	require.NoError(t, err)
	d := outbox.NewDispatcher(o.store, o.clock, o.log, options(), worker.NewBell())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { d.Run(ctx); close(ended) }()
	require.Eventually(t, func() bool {
		o.clock.Advance(time.Second)
		return o.delivery(t).State == outbox.Delivered
	}, 10*time.Second, 5*time.Millisecond)
	stop()
	<-ended
	require.Len(t, market.received(), 2)
	require.Equal(t, 2, o.delivery(t).Attempts)
}

// A stop that breaks an attempt off says nothing of the receiver: no attempt is used up.
func TestDeliver_OurOwnStopIsNoFailure(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	hold := make(chan struct{})
	came := make(chan struct{}, 1)
	market := newReceiver(t, func(http.ResponseWriter, *http.Request) { came <- struct{}{}; <-hold })
	t.Cleanup(func() { close(hold) })
	d := o.dispatcher(t, market.URL)
	due, err := d.Claim(t.Context(), 1)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	go func() { <-came; stop() }()
	require.NoError(t, d.Deliver(ctx, due[0]))
	require.Zero(t, o.delivery(t).Attempts)
	require.Equal(t, outbox.Pending, o.delivery(t).State)
	attempts, err := o.store.Attempts(t.Context(), due[0].ID)
	require.NoError(t, err)
	require.Empty(t, attempts)
}
