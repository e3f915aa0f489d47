package inbox

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/marketplace"
)

func TestStatusOf_HasEveryCode(t *testing.T) {
	t.Parallel()
	for _, code := range marketplace.Codes {
		require.NotZero(t, statusOf[code], code)
	}
	require.Len(t, statusOf, len(marketplace.Codes))
}

func TestPause_DoublesUpToItsLongest(t *testing.T) {
	t.Parallel()
	require.Equal(t, 2*time.Second, pause(1))
	require.Equal(t, 4*time.Second, pause(2))
	require.Equal(t, 8*time.Second, pause(3))
	for n := 1; n < 100; n++ {
		require.LessOrEqual(t, pause(n), pause(n+1))
		require.LessOrEqual(t, pause(n), longestPause)
	}
	require.Equal(t, longestPause, pause(1_000_000))
	require.Equal(t, shortestPause, pause(0))
}
