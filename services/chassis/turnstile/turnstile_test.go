package turnstile_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/turnstile"
)

var at = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

type counted struct{ in, out, refused atomic.Int32 }

func (c *counted) In()      { c.in.Add(1) }
func (c *counted) Out()     { c.out.Add(1) }
func (c *counted) Refused() { c.refused.Add(1) }

// outcome of somebody who waits.
type outcome struct {
	leave func()
	err   error
}

func wait(ctx context.Context, t *turnstile.Turnstile, held *clock.Held) chan outcome {
	came := make(chan outcome, 1)
	go func() {
		leave, err := t.Enter(ctx)
		came <- outcome{leave, err}
	}()
	<-held.TimerMade()
	return came
}

func TestTurnstile_WaitersGetTheRoomThatIsLeft(t *testing.T) {
	t.Parallel()
	held, watch := clock.NewHeld(at), &counted{}
	narrow := turnstile.New(1, held, watch)
	leave, err := narrow.Enter(t.Context())
	require.NoError(t, err)
	waiter := wait(t.Context(), narrow, held)
	_, err = narrow.Enter(t.Context())
	require.ErrorIs(t, err, turnstile.ErrFull, "as many wait as may: the third does not even wait")
	leave()
	let := <-waiter
	require.NoError(t, let.err)
	waiter = wait(t.Context(), narrow, held) // the waiting room is empty again
	let.leave()
	let = <-waiter
	require.NoError(t, let.err)
	let.leave()
	require.EqualValues(t, 3, watch.in.Load())
	require.EqualValues(t, 3, watch.out.Load())
	require.EqualValues(t, 1, watch.refused.Load())
}

func TestTurnstile_NobodyWaitsForLong(t *testing.T) {
	t.Parallel()
	held := clock.NewHeld(at)
	narrow := turnstile.New(1, held, nil)
	leave, err := narrow.Enter(t.Context())
	require.NoError(t, err)
	waiter := wait(t.Context(), narrow, held)
	held.Advance(turnstile.Longest)
	require.ErrorIs(t, (<-waiter).err, turnstile.ErrFull)

	ctx, goes := context.WithCancel(t.Context())
	waiter = wait(ctx, narrow, held)
	goes()
	require.ErrorIs(t, (<-waiter).err, turnstile.ErrFull)
	leave()
	leave, err = narrow.Enter(t.Context())
	require.NoError(t, err, "who was sent away has taken nobody's place")
	leave()
}

func TestTurnstile_NeverMoreThanItsBound(t *testing.T) {
	t.Parallel()
	const room = 4
	crowded, watch := turnstile.New(room, clock.System(), nil), &counted{}
	var most atomic.Int32
	var crowd sync.WaitGroup
	for range 200 {
		crowd.Go(func() {
			leave, err := crowded.Enter(t.Context())
			if err != nil {
				return
			}
			now := watch.in.Add(1)
			for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
			}
			watch.in.Add(-1)
			leave()
		})
	}
	crowd.Wait()
	require.LessOrEqual(t, most.Load(), int32(room))
	for range room { // all of it is free again
		_, err := crowded.Enter(t.Context())
		require.NoError(t, err)
	}
}

func TestTurnstile_NoneLetsEverybodyIn(t *testing.T) {
	t.Parallel()
	open := turnstile.New(0, clock.NewHeld(at), nil)
	for range 1000 {
		leave, err := open.Enter(t.Context())
		require.NoError(t, err)
		leave()
	}
}
