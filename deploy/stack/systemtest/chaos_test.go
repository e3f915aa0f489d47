package systemtest

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/stack/chaos"
	"tianguis.example/stack/postgres"
)

// TestChaos is the short chaos run: `make chaos` makes long ones. Its seed is fixed, and says so when it fails; when each fault strikes
// depends on the machine all the same.
func TestChaos(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]chaos.Config{
		"postgres": {Payments: 40, Buyers: 16, Seed: 1},
		"sqlite":   {Payments: 16, Buyers: 8, Seed: 2, SQLite: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.Bin, c.State, c.Pace, c.Out = bin, t.TempDir(), chaos.Brisk, t.Output()
			result, err := chaos.Run(t.Context(), c)
			if errors.Is(err, postgres.ErrNone) {
				missing(t, err.Error())
			}
			require.NoError(t, err)
			require.True(t, result.Clean(), result.Line())
			require.Greater(t, result.Paid, c.Payments/3, "most buyers want to pay")
			require.NotZero(t, result.Blows)
			require.NotZero(t, result.Faults)
		})
	}
}
