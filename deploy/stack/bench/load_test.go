package bench

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
)

func TestLoop_CountsWhatIsDone(t *testing.T) {
	t.Parallel()
	const each = 5 * time.Millisecond
	p, err := loop(t.Context(), 4, 200*time.Millisecond, func(ctx context.Context, _ int) error { return clock.Sleep(ctx, clock.System(), each) })
	require.NoError(t, err)
	require.Greater(t, p.Second, 0.0)
	require.LessOrEqual(t, p.Second, 1.2*4/each.Seconds(), "no more than there is time for")
	require.GreaterOrEqual(t, quantile(p.Each, 0), each)
}

func TestLoop_EndsWhenNothingIsLeft(t *testing.T) {
	t.Parallel()
	var left atomic.Int64
	left.Store(20)
	p, err := loop(t.Context(), 4, time.Hour, func(ctx context.Context, _ int) error {
		if left.Add(-1) < 0 {
			return errDry
		}
		return clock.Sleep(ctx, clock.System(), time.Millisecond)
	})
	require.NoError(t, err)
	require.Len(t, p.Each, 16, "all but each client's first")
}

func TestLoop_AsksAgainWhoIsBusyAndStopsAtAnError(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	wrong := errors.New("wrong")
	p, err := loop(t.Context(), 2, time.Hour, func(context.Context, int) error {
		if asked.Add(1) == 1 {
			return errBusy
		}
		return wrong
	})
	require.ErrorIs(t, err, wrong)
	require.Equal(t, 1, p.Busy)
}

func TestStream_BeginsAtAnEvenRate(t *testing.T) {
	t.Parallel()
	from := now()
	each, err := stream(t.Context(), 100, 200*time.Millisecond, 3, func(context.Context) (time.Duration, error) { return time.Millisecond, nil })
	require.NoError(t, err)
	require.Len(t, each, 20)
	require.GreaterOrEqual(t, now().Sub(from), 190*time.Millisecond)
	wrong := errors.New("wrong")
	_, err = stream(t.Context(), 1000, time.Hour, 3, func(context.Context) (time.Duration, error) { return 0, wrong })
	require.ErrorIs(t, err, wrong)
}

func TestInARow(t *testing.T) {
	t.Parallel()
	at := func(ms int) time.Time { return time.Time{}.Add(time.Duration(ms) * time.Millisecond) }
	require.Zero(t, inARow(nil))
	require.Equal(t, 3, inARow([]time.Time{at(1), at(3), at(60), at(55), at(115)}), "two and two side by side, and one by itself")
}
