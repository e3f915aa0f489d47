// Package worker runs the loop behind everything that is due: claim rows, work several
// at a time, wake when something new became due, stop softly.
//
// The queue is a table, and a claim is a lease on a row (decision 0001): when a process
// dies, its leases run out and another one claims the rows.
package worker

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/logging"
)

// Loop claims and works until its context is done.
type Loop[T any] struct {
	Name  string
	Clock clock.Clock
	Log   *slog.Logger

	Claim func(ctx context.Context, n int) ([]T, error) // leases up to n due rows
	Work  func(ctx context.Context, item T) error       // one row; its lease makes a crash harmless

	Workers int             // how many rows at a time
	Ahead   int             // how many rows more are claimed, so that short work does not wait for a claim; their leases must be long enough for both
	Poll    time.Duration   // upper bound between claims when nothing wakes the loop
	Wake    <-chan struct{} // sent to after a commit that made something due; may be nil
	Drain   time.Duration   // how long work in hand may go on after the context is done
	Watch   Watch           // may be nil
}

// Watch is told what a loop does, for metrics.
type Watch interface {
	Claimed(loop string, rows int, err error)
	// Worked is told of each row that was claimed, once it is out of hand.
	Worked(loop string, took time.Duration, ok bool)
}

type unwatched struct{}

func (unwatched) Claimed(string, int, error)         {}
func (unwatched) Worked(string, time.Duration, bool) {}

// Run returns when ctx is done and the work in hand has ended, or Drain has passed: then
// the work's context is cancelled, and what was left is picked up when its lease has run out.
func (l *Loop[T]) Run(ctx context.Context) {
	if l.Watch == nil {
		l.Watch = unwatched{}
	}
	working, hardStop := context.WithCancel(context.WithoutCancel(ctx))
	defer hardStop()

	free := make(chan struct{}, l.Workers+l.Ahead)
	for range cap(free) {
		free <- struct{}{}
	}
	busy := make(chan struct{}, l.Workers)
	var inHand sync.WaitGroup
	for {
		n := l.takeFree(ctx, free)
		if n == 0 {
			break
		}
		items, err := l.Claim(ctx, n)
		if err != nil && ctx.Err() == nil {
			l.Log.ErrorContext(ctx, "claim due work", "worker", l.Name, "error", err)
		}
		if len(items) > n {
			l.Log.ErrorContext(ctx, "claimed more than asked for: the rest waits for its lease", "worker", l.Name, "asked", n, "claimed", len(items))
			items = items[:n]
		}
		l.Watch.Claimed(l.Name, len(items), err)
		for _, item := range items {
			inHand.Go(func() {
				defer func() { free <- struct{}{} }()
				busy <- struct{}{}
				defer func() { <-busy }()
				l.work(working, item)
			})
		}
		for range n - len(items) {
			free <- struct{}{}
		}
		if len(items) < n && !l.rest(ctx) {
			break
		}
	}
	l.drain(&inHand, hardStop)
}

// takeFree waits for at least one free place, or half of those ahead, and returns how many there are; 0 when ctx is done.
func (l *Loop[T]) takeFree(ctx context.Context, free <-chan struct{}) int {
	least := max(1, l.Ahead/2)
	for range least {
		select {
		case <-ctx.Done():
			return 0
		case <-free:
		}
	}
	for n := least; ; n++ {
		select {
		case <-free:
		default:
			return n
		}
	}
}

// rest waits until there may be something to do; false when ctx is done.
func (l *Loop[T]) rest(ctx context.Context) bool {
	timer := l.Clock.NewTimer(l.Poll)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-l.Wake:
		return true
	case <-timer.C():
		return true
	}
}

func (l *Loop[T]) work(ctx context.Context, item T) {
	began, ok := l.Clock.Now(), false
	ctx = logging.WithRequestID(ctx, logging.NewRequestID(began)) // so that the log lines of one go are found together
	defer func() { l.Watch.Worked(l.Name, l.Clock.Now().Sub(began), ok) }()
	defer func() {
		if p := recover(); p != nil {
			l.Log.ErrorContext(ctx, "work panicked", "worker", l.Name, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	err := l.Work(ctx, item)
	ok = err == nil
	if err != nil && !errors.Is(err, context.Canceled) {
		l.Log.ErrorContext(ctx, "work on a due row", "worker", l.Name, "error", err)
	}
}

func (l *Loop[T]) drain(inHand *sync.WaitGroup, hardStop context.CancelFunc) {
	ended := make(chan struct{})
	go func() {
		inHand.Wait()
		close(ended)
	}()
	timer := l.Clock.NewTimer(l.Drain)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C():
		hardStop()
		<-ended
	}
}

// Bell wakes a loop. Ringing never blocks, and several rings before the loop looks are one.
type Bell chan struct{}

// NewBell makes a bell; it is itself the channel for Loop.Wake.
func NewBell() Bell { return make(Bell, 1) }

// Ring says that something became due.
func (b Bell) Ring() {
	select {
	case b <- struct{}{}:
	default:
	}
}
