// Package turnstile lets a bounded number in at a time. A few more may wait for a moment; who comes beyond that is sent away at once, which
// costs next to nothing, so that those who are in get done.
//
// A bound is that of one process: replicas have one each.
package turnstile

import (
	"context"
	"errors"
	"time"

	"tianguis.example/chassis/clock"
)

// Longest is how long somebody may wait to be let in.
const Longest = time.Second

// ErrFull is who was not let in: nothing has been done for them.
var ErrFull = errors.New("too many are in hand already")

// Watch is told who comes and goes, for metrics.
type Watch interface {
	In()
	Out()
	Refused()
}

type unwatched struct{}

func (unwatched) In()      {}
func (unwatched) Out()     {}
func (unwatched) Refused() {}

// Turnstile is safe for concurrent use. A nil one lets everybody in.
type Turnstile struct {
	in      chan struct{} // one for each who is in; those who wait for room are let in in the order in which they came
	waiting chan struct{} // one for each who waits
	clock   clock.Clock
	watch   Watch
}

// New makes a turnstile that has room for n, while n more may wait; nil for 0, which is no bound. w may be nil.
func New(n int, c clock.Clock, w Watch) *Turnstile {
	if n <= 0 {
		return nil
	}
	if w == nil {
		w = unwatched{}
	}
	return &Turnstile{in: make(chan struct{}, n), waiting: make(chan struct{}, n), clock: c, watch: w}
}

// Enter returns how to leave again, once, when there is room, and otherwise ErrFull: after Longest at most, and at once when as many wait as may.
func (t *Turnstile) Enter(ctx context.Context) (leave func(), err error) {
	if t == nil {
		return func() {}, nil
	}
	if !t.enter(ctx) {
		t.watch.Refused()
		return nil, ErrFull
	}
	t.watch.In()
	return func() {
		<-t.in
		t.watch.Out()
	}, nil
}

func (t *Turnstile) enter(ctx context.Context) bool {
	select {
	case t.in <- struct{}{}:
		return true
	default:
	}
	select {
	case t.waiting <- struct{}{}:
		defer func() { <-t.waiting }()
	default:
		return false
	}
	patience := t.clock.NewTimer(Longest)
	defer patience.Stop()
	select {
	case t.in <- struct{}{}:
		return true
	case <-patience.C():
	case <-ctx.Done(): // who asked has gone
	}
	return false
}
