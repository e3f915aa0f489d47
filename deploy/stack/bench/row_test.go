package bench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	require.Zero(t, median(nil))
	require.InDelta(t, 3, median([]float64{3}), 0)
	require.InDelta(t, 2, median([]float64{9, 1, 2}), 0)
	require.InDelta(t, 2.5, median([]float64{4, 1, 2, 3}), 0)
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	require.Zero(t, quantile([]time.Duration(nil), 99))
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i)*time.Millisecond)
	}
	require.Equal(t, 51*time.Millisecond, quantile(hundred, 50))
	require.Equal(t, 100*time.Millisecond, quantile(hundred, 99))
}

// Whatever else the machine did in a round met its figure and its limit: so it says nothing about how near they are.
func TestShare_ComparesEachRoundWithItself(t *testing.T) {
	t.Parallel()
	var more, less Row
	for _, round := range [][2]float64{{50, 100}, {5, 10}, {80, 100}} {
		more.add(round[0], round[1])
		less.add(round[1], round[0])
	}
	less.Less = true
	require.InDelta(t, 0.5, more.Share(), 0.001)
	require.InDelta(t, 0.5, less.Share(), 0.001)
	require.InDelta(t, 50, more.Figure(), 0)
	require.InDelta(t, 100, more.Limit(), 0)
}

func TestMet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		aim Aim
		met bool
	}{
		"nothing":        {Aim{}, true},
		"share reached":  {Aim{Share: 0.5}, true},
		"share missed":   {Aim{Share: 0.51}, false},
		"small enough":   {Aim{AtMost: 50}, true},
		"too large":      {Aim{AtMost: 49}, false},
		"large enough":   {Aim{AtLeast: 50}, true},
		"not so much":    {Aim{AtLeast: 51}, false},
		"one of the two": {Aim{Share: 0.5, AtMost: 49}, false},
	} {
		row := Row{Aim: c.aim}
		row.add(50, 100)
		require.Equal(t, c.met, row.Met(), name)
		require.Equal(t, name != "nothing", row.Aims(), name)
	}
}
