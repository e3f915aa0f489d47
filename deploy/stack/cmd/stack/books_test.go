package main

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDecimal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		units int64
		scale uint8
		want  string
	}{
		{0, 2, "0.00"}, {5, 2, "0.05"}, {-586, 2, "-5.86"}, {1_000_000_000, 2, "10,000,000.00"}, {100, 0, "100"}, {-1234, 0, "-1,234"},
		{1, 9, "0.000000001"}, {math.MinInt64, 2, "-92,233,720,368,547,758.08"}, {99_999, 2, "999.99"},
	} {
		require.Equal(t, c.want, decimal(c.units, c.scale))
	}
	require.Equal(t, "+1.00", signed(100, 2))
	require.Equal(t, "0.00", signed(0, 2))
}
