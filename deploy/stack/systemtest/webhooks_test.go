package systemtest

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/stack/postgres"
	"tianguis.example/stack/webhooks"
)

// TestWebhooks is the short run of `make webhooks`, which sends 10,000 events: with the race detector in the services, which that run has not. Its
// seeds are fixed, and say so when it fails; what exactly meets what depends on the machine all the same.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]webhooks.Config{
		"postgres": {Events: 300, Seed: 1},
		"sqlite":   {Events: 150, Seed: 2, SQLite: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.Bin, c.State, c.Out = bin, t.TempDir(), t.Output()
			result, err := webhooks.Run(t.Context(), c)
			if errors.Is(err, postgres.ErrNone) {
				missing(t, err.Error())
			}
			require.NoError(t, err)
			require.True(t, result.Clean(), result.Line())
			require.NotZero(t, result.Kills)
			require.NotZero(t, result.Duplicates, "nothing came twice: that it is dropped was not tried")
		})
	}
}
