package systemtest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/stack/bench"
	"tianguis.example/stack/postgres"
)

// TestBench: `make bench` works. How fast anything is on a machine that is busy with tests says nothing, and is not looked at.
func TestBench(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	result, err := bench.Run(t.Context(), bench.Config{
		Root: root, Bin: bin, State: state, Out: t.Output(), Rounds: 1, Lasts: time.Second, Short: true,
	})
	if errors.Is(err, postgres.ErrNone) {
		missing(t, err.Error())
	}
	require.NoError(t, err)
	require.Greater(t, len(result.Rows), 20)
	ids := map[string]bool{}
	for _, row := range result.Rows {
		require.Greater(t, row.Figure(), 0.0, row.What)
		require.Greater(t, row.Limit(), 0.0, row.What)
		require.Greater(t, row.Share(), 0.0, row.What)
		require.False(t, ids[row.ID], "two rows are %s", row.ID)
		ids[row.ID] = true
	}
	require.GreaterOrEqual(t, len(result.Costs), 4)
	for _, cost := range result.Costs {
		require.Greater(t, cost.Figure, 0.0, cost.What)
	}
	logs, err := filepath.Glob(filepath.Join(state, "*", "logs", "*.log"))
	require.NoError(t, err)
	require.NotEmpty(t, logs)
	for _, file := range logs {
		log, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotContains(t, string(log), "level=ERROR", "figures of a service that fails say nothing: %s", file)
	}
}
