package worker_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/logging"
	"tianguis.example/chassis/worker"
)

// queue hands out what is pushed, once.
type queue chan int

func (q queue) claim(_ context.Context, n int) ([]int, error) {
	var items []int
	for len(items) < n {
		select {
		case i := <-q:
			items = append(items, i)
		default:
			return items, nil
		}
	}
	return items, nil
}

func start[T any](t *testing.T, l *worker.Loop[T]) (stop context.CancelFunc, stopped <-chan struct{}) {
	t.Helper()
	l.Log = slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return cancel, done
}

func TestLoop_WorksWhatIsDueAndWakes(t *testing.T) {
	t.Parallel()
	q := make(queue, 100)
	for i := range 50 {
		q <- i
	}
	bell := worker.NewBell()
	worked := make(chan int, 100)
	start(t, &worker.Loop[int]{
		Clock: clock.NewHeld(time.Unix(0, 0)), Claim: q.claim, Workers: 3, Poll: time.Hour, Wake: bell, Drain: time.Hour,
		Work: func(_ context.Context, i int) error { worked <- i; return nil },
	})
	seen := map[int]bool{}
	for range 50 {
		seen[<-worked] = true
	}
	require.Len(t, seen, 50)

	q <- 50
	bell.Ring()
	bell.Ring()
	require.Equal(t, 50, <-worked)
}

func TestLoop_PollsWithoutABell(t *testing.T) {
	t.Parallel()
	q := make(queue, 1)
	held := clock.NewHeld(time.Unix(0, 0))
	worked := make(chan int, 1)
	start(t, &worker.Loop[int]{
		Clock: held, Claim: q.claim, Workers: 1, Poll: time.Minute, Drain: time.Hour,
		Work: func(_ context.Context, i int) error { worked <- i; return nil },
	})
	<-held.TimerMade()
	q <- 7
	held.Advance(time.Minute)
	require.Equal(t, 7, <-worked)
}

func TestLoop_NeverMoreThanWorkers(t *testing.T) {
	t.Parallel()
	q := make(queue, 20)
	for i := range 20 {
		q <- i
	}
	var now, most atomic.Int32
	worked := make(chan struct{}, 20)
	start(t, &worker.Loop[int]{
		Clock: clock.System(), Claim: q.claim, Workers: 2, Poll: time.Millisecond, Drain: time.Minute,
		Work: func(context.Context, int) error {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			now.Add(-1)
			worked <- struct{}{}
			return nil
		},
	})
	for range 20 {
		<-worked
	}
	require.LessOrEqual(t, most.Load(), int32(2))
}

func TestLoop_SurvivesErrorsAndPanics(t *testing.T) {
	t.Parallel()
	q := make(queue, 3)
	q <- 0
	q <- 1
	q <- 2
	worked := make(chan int, 3)
	var refused atomic.Bool
	start(t, &worker.Loop[int]{
		Clock: clock.System(), Workers: 1, Poll: time.Millisecond, Drain: time.Minute,
		Claim: func(ctx context.Context, n int) ([]int, error) {
			if refused.CompareAndSwap(false, true) {
				return nil, errors.New("the database is away")
			}
			return q.claim(ctx, n)
		},
		Work: func(_ context.Context, i int) error {
			switch i {
			case 0:
				panic("a bug")
			case 1:
				return errors.New("no luck")
			}
			worked <- i
			return nil
		},
	})
	require.Equal(t, 2, <-worked)
}

func TestLoop_StopsSoftlyThenHard(t *testing.T) {
	t.Parallel()
	held := clock.NewHeld(time.Unix(0, 0))
	q := make(queue, 1)
	q <- 1
	began, cancelled := make(chan struct{}), make(chan struct{})
	stop, stopped := start(t, &worker.Loop[int]{
		Clock: held, Claim: q.claim, Workers: 1, Poll: time.Hour, Drain: 10 * time.Second,
		Work: func(ctx context.Context, _ int) error {
			close(began)
			<-ctx.Done()
			close(cancelled)
			return ctx.Err()
		},
	})
	<-began
	stop()
	<-held.TimerMade() // the drain's timer: the work goes on although the loop was stopped
	select {
	case <-cancelled:
		t.Fatal("work was cancelled before the drain was over")
	default:
	}
	held.Advance(10 * time.Second)
	<-cancelled
	<-stopped
}

// Each go at a row has an id of its own, which all of its log lines carry.
func TestLoop_GivesEachGoAnID(t *testing.T) {
	t.Parallel()
	q := make(queue, 2)
	q <- 1
	q <- 1
	ids := make(chan string, 2)
	start(t, &worker.Loop[int]{
		Clock: clock.System(), Claim: q.claim, Workers: 1, Poll: time.Hour, Drain: time.Hour,
		Work: func(ctx context.Context, _ int) error { ids <- logging.RequestID(ctx); return nil },
	})
	first, second := <-ids, <-ids
	require.NotEmpty(t, first)
	require.NotEmpty(t, second)
	require.NotEqual(t, first, second)
}

// Rows that are claimed ahead wait for a worker here; no more are worked at a time, and none is lost.
func TestLoop_ClaimsAhead(t *testing.T) {
	t.Parallel()
	q := make(queue, 100)
	for i := range 100 {
		q <- i
	}
	var asked atomic.Int32
	hold, began, worked := make(chan struct{}), make(chan struct{}, 100), make(chan int, 100)
	start(t, &worker.Loop[int]{
		Clock: clock.NewHeld(time.Unix(0, 0)), Workers: 2, Ahead: 6, Poll: time.Hour, Wake: worker.NewBell(), Drain: time.Hour,
		Claim: func(ctx context.Context, n int) ([]int, error) {
			asked.Add(1)
			return q.claim(ctx, n)
		},
		Work: func(_ context.Context, i int) error {
			began <- struct{}{}
			<-hold
			worked <- i
			return nil
		},
	})
	for range 2 {
		<-began
	}
	require.Len(t, q, 100-8, "the two that are worked, and six ahead")
	require.Empty(t, began)
	close(hold)
	seen := map[int]bool{}
	for range 100 {
		seen[<-worked] = true
	}
	require.Len(t, seen, 100)
	require.LessOrEqual(t, asked.Load(), int32(1+100/3+1), "never for fewer than half of those ahead")
}
