package rest_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/payments"
	"tianguis.example/payments/api"
	"tianguis.example/payments/money"
	"tianguis.example/payments/rest"
)

const startPath = "/offers/7/quotes/start"

const startBody = `{"sellerId":"s","buyerWalletAddressUrl":"https://b.example/b","amount":"1.00"}`

// starting counts how often a start reaches the rules, and numbers its answers.
func (h *house) starting(t *testing.T, err func(n int64) error) *atomic.Int64 {
	t.Helper()
	var n atomic.Int64
	one, failed := money.New(100, "MXN", 2)
	require.NoError(t, failed)
	h.rules.start = func(payments.StartRequest) (payments.Payment, error) {
		count := n.Add(1)
		if err != nil {
			if failed := err(count); failed != nil {
				return payments.Payment{}, failed
			}
		}
		return payments.Payment{ID: pendingID, Amount: one, DebitAmount: one, QuoteID: "quote-" + string(rune('0'+count)), State: payments.AwaitingApproval}, nil
	}
	return &n
}

func withIdempotencyKey(key string) option { return header(rest.IdempotencyKeyHeader, key) }

func TestIdempotency_TheSameAgainIsTheStoredAnswer(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{"sqlite": databasetest.SQLiteAddress(t), "postgres": databasetest.PostgresAddress(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouseOn(t, theKey, address)
			n := h.starting(t, nil)
			first := h.ask(t, http.MethodPost, startPath, startBody, withKey, withIdempotencyKey("k1"))
			require.Equal(t, http.StatusOK, first.status, first.body)
			require.Empty(t, first.header.Get(rest.ReplayedHeader))

			again := h.ask(t, http.MethodPost, startPath, startBody, withKey, withIdempotencyKey("k1"))
			require.Equal(t, http.StatusOK, again.status)
			require.JSONEq(t, first.body, again.body)
			require.Equal(t, "true", again.header.Get(rest.ReplayedHeader))
			require.Equal(t, int64(1), n.Load())

			other := h.ask(t, http.MethodPost, startPath, strings.Replace(startBody, "1.00", "2.00", 1), withKey, withIdempotencyKey("k1"))
			require.Equal(t, http.StatusConflict, other.status)
			require.Equal(t, "idempotency_key_reused", other.failure(t).Code)

			elsewhere := h.ask(t, http.MethodPost, "/offers/8/quotes/start", startBody, withKey, withIdempotencyKey("k1"))
			require.Equal(t, http.StatusOK, elsewhere.status, "a key is of one address")
			require.Equal(t, int64(2), n.Load())

			h.clock.Advance(payments.IdempotencyLifetime)
			late := h.ask(t, http.MethodPost, startPath, startBody, withKey, withIdempotencyKey("k1"))
			require.Equal(t, http.StatusOK, late.status)
			require.Empty(t, late.header.Get(rest.ReplayedHeader), "it is kept for a day")
			require.NoError(t, h.store.PruneIdempotent(t.Context(), h.clock.Now().Add(payments.IdempotencyLifetime)))
		})
	}
}

func TestIdempotency_AFailureCanBeTriedAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	n := h.starting(t, func(n int64) error {
		if n == 1 {
			return payments.Errorf(payments.CodeWalletDown, "away")
		}
		return nil
	})
	require.Equal(t, http.StatusBadGateway, h.ask(t, http.MethodPost, startPath, startBody, withKey, withIdempotencyKey("k")).status)
	require.Equal(t, http.StatusOK, h.ask(t, http.MethodPost, startPath, startBody, withKey, withIdempotencyKey("k")).status)
	require.Equal(t, int64(2), n.Load())
}

func TestIdempotency_TwinsAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	began, finish := make(chan struct{}), make(chan struct{})
	n := h.starting(t, func(int64) error {
		close(began)
		<-finish
		return nil
	})
	var twins sync.WaitGroup
	answers := make([]answer, 2)
	twins.Go(func() {
		answers[0] = h.ask(t, http.MethodPost, startPath, startBody, withKey, withIdempotencyKey("k"))
	})
	<-began
	twins.Go(func() {
		answers[1] = h.ask(t, http.MethodPost, startPath, startBody, withKey, withIdempotencyKey("k"))
	})
	<-h.clock.TimerMade() // the second waits for the first
	close(finish)
	ended := make(chan struct{})
	go func() { twins.Wait(); close(ended) }()
	for waiting := true; waiting; {
		select {
		case <-ended:
			waiting = false
		default:
			h.clock.AdvanceToNext()
		}
	}
	require.Equal(t, int64(1), n.Load())
	require.Equal(t, http.StatusOK, answers[0].status)
	// Time flies for the second: it has the answer, or was told to come back.
	if answers[1].status != http.StatusOK {
		require.Equal(t, "idempotency_key_in_use", answers[1].failure(t).Code)
		require.Equal(t, "1", answers[1].header.Get("Retry-After"))
	}
	require.Equal(t, http.StatusOK, h.ask(t, http.MethodPost, startPath, startBody, withKey, withIdempotencyKey("k")).status)
	require.Equal(t, int64(1), n.Load())
}

func TestIdempotency_WhoeverDiedIsSucceeded(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	n := h.starting(t, nil)
	// What a killed process leaves behind: the key, and nobody at work.
	first := h.ask(t, http.MethodPost, startPath, startBody, withKey, withIdempotencyKey("other"))
	require.Equal(t, http.StatusOK, first.status)
	dead := payments.Idempotent{
		Scope: "POST " + startPath, Key: "k", Request: "", BusyUntil: at.Add(time.Minute), CreatedAt: at,
	}
	known, _, err := h.store.BeginIdempotent(t.Context(), payments.Idempotent{Scope: dead.Scope, Key: "other", CreatedAt: at})
	require.NoError(t, err)
	dead.Request = known.Request
	_, mine, err := h.store.BeginIdempotent(t.Context(), dead)
	require.NoError(t, err)
	require.True(t, mine)

	h.clock.Advance(time.Minute)
	got := h.ask(t, http.MethodPost, startPath, startBody, withKey, withIdempotencyKey("k"))
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, int64(2), n.Load())
}

func TestIdempotency_BadKeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	n := h.starting(t, nil)
	for _, key := range []string{strings.Repeat("k", 256), "ñ"} {
		got := h.ask(t, http.MethodPost, startPath, startBody, withKey, withIdempotencyKey(key))
		require.Equal(t, http.StatusBadRequest, got.status)
		require.Equal(t, "invalid_request", got.failure(t).Code)
	}
	tooLarge := h.ask(t, http.MethodPost, startPath, strings.Repeat("x", 65<<10), withKey, withIdempotencyKey("k"))
	require.Equal(t, http.StatusRequestEntityTooLarge, tooLarge.status)
	require.Zero(t, n.Load())
}

func TestCancel_Door(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	for path, status := range map[string]int{
		"/payments/nonsense/cancel":                       http.StatusNotFound,
		"/payments/" + string(pendingID) + "/cancel":      http.StatusNotFound,
		"/payments/..%2f" + string(pendingID) + "/cancel": http.StatusNotFound,
	} {
		got := h.ask(t, http.MethodPost, path, "", withKey)
		require.Equal(t, status, got.status, path)
		require.Equal(t, api.CodeNotFound, got.failure(t).Code)
	}
}

// Who was overtaken, since it took too long, neither frees the other's key nor replaces its answer.
func TestIdempotency_WhoWasOvertakenChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	begin := func(after time.Duration) (r, known payments.Idempotent, mine bool) {
		r = payments.Idempotent{
			Scope: "POST /x", Key: "k", Request: "r", BusyUntil: at.Add(after + time.Minute), CreatedAt: at.Add(after), Status: 200, Answer: fmt.Appendf(nil, `{"after":"%s"}`, after),
		}
		known, mine, err := h.store.BeginIdempotent(t.Context(), r)
		require.NoError(t, err)
		return r, known, mine
	}
	slow, _, mine := begin(0)
	require.True(t, mine)
	next, _, mine := begin(61 * time.Second)
	require.True(t, mine, "it is taken over")
	require.NoError(t, h.store.ReleaseIdempotent(t.Context(), slow))
	_, _, mine = begin(62 * time.Second)
	require.False(t, mine, "nobody runs beside the one that took over")
	require.NoError(t, h.store.EndIdempotent(t.Context(), next))
	require.NoError(t, h.store.EndIdempotent(t.Context(), slow))
	_, known, mine := begin(63 * time.Second)
	require.False(t, mine)
	require.JSONEq(t, `{"after":"1m1s"}`, string(known.Answer))
}
