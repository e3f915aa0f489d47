package clock_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
)

var start = time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.FixedZone("CST", -6*3600))

func TestHeld_StandsUntilMoved(t *testing.T) {
	t.Parallel()
	c := clock.NewHeld(start)
	require.Equal(t, start.UTC().Truncate(time.Microsecond), c.Now())

	timer := c.NewTimer(time.Minute)
	c.Advance(59 * time.Second)
	require.Empty(t, timer.C())
	c.Advance(time.Second)
	require.Equal(t, c.Now(), <-timer.C())
	require.False(t, timer.Stop())
}

func TestHeld_StoppedTimerNeverFires(t *testing.T) {
	t.Parallel()
	c := clock.NewHeld(start)
	timer := c.NewTimer(time.Minute)
	require.True(t, timer.Stop())
	c.Advance(time.Hour)
	require.Empty(t, timer.C())
}

func TestHeld_AdvanceToNext(t *testing.T) {
	t.Parallel()
	c := clock.NewHeld(start)
	require.False(t, c.AdvanceToNext())
	late, soon := c.NewTimer(time.Hour), c.NewTimer(time.Minute)
	require.True(t, c.AdvanceToNext())
	require.Len(t, soon.C(), 1)
	require.Empty(t, late.C())
	require.True(t, c.AdvanceToNext())
	require.Equal(t, start.UTC().Truncate(time.Microsecond).Add(time.Hour), <-late.C())
}

func TestSleep_EndsWithTheClockOrTheContext(t *testing.T) {
	t.Parallel()
	c := clock.NewHeld(start)
	done := make(chan error, 1)
	go func() { done <- clock.Sleep(context.Background(), c, time.Minute) }()
	<-c.TimerMade()
	c.Advance(time.Minute)
	require.NoError(t, <-done)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, clock.Sleep(ctx, c, time.Minute), context.Canceled)
}

func TestSystem_IsUTCInMicroseconds(t *testing.T) {
	t.Parallel()
	now := clock.System().Now()
	require.Equal(t, time.UTC, now.Location())
	require.Zero(t, now.Nanosecond()%1000)
	timer := clock.System().NewTimer(time.Hour)
	require.True(t, timer.Stop())
}
