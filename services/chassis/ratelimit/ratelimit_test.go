package ratelimit_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/ratelimit"
)

func TestLimiter_EachHasItsOwn(t *testing.T) {
	t.Parallel()
	clk := clock.NewHeld(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	l := ratelimit.New(ratelimit.Limit{N: 6, Per: time.Minute, Burst: 3}, clk)
	for range 3 {
		require.Zero(t, l.Wait("a"), "to look costs nothing")
		require.Zero(t, l.Take("a"))
	}
	for range 5 {
		require.Equal(t, 10*time.Second, l.Take("a"), "and to ask in vain costs nothing either")
		require.Equal(t, 10*time.Second, l.Wait("a"))
	}
	require.Zero(t, l.Take("b"))
	clk.Advance(9 * time.Second)
	require.InDelta(t, time.Second, l.Take("a"), float64(time.Microsecond))
	clk.Advance(time.Second)
	require.Zero(t, l.Take("a"))
	require.Equal(t, 10*time.Second, l.Take("a"))
	clk.Advance(time.Hour)
	for range 3 {
		require.Zero(t, l.Take("a"))
	}
	require.NotZero(t, l.Take("a"), "who waits long has no more at once than the burst")
}

func TestLimiter_NoLimit(t *testing.T) {
	t.Parallel()
	l := ratelimit.New(ratelimit.Limit{Per: time.Second}, clock.System())
	for range 1000 {
		require.Zero(t, l.Take("a"))
	}
	require.Zero(t, l.Wait("a"))
}

// TestLimiter_ForgetsTheOldest: however many there are, the memory is bounded; and whoever goes on is not forgotten for those who come once.
func TestLimiter_ForgetsTheOldest(t *testing.T) {
	t.Parallel()
	l := ratelimit.New(ratelimit.Limit{N: 1, Per: time.Hour}, clock.NewHeld(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)))
	require.Zero(t, l.Take("goes on"))
	require.Zero(t, l.Take("came once"))
	for i := range 3 << 16 {
		require.Zero(t, l.Take(strconv.Itoa(i)))
		if i%1000 == 0 {
			require.NotZero(t, l.Take("goes on"))
		}
	}
	require.Zero(t, l.Take("came once"))
}
