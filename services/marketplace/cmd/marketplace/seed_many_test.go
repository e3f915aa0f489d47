package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/marketplace"
)

// TestSeedJobs: each waits to be paid, and no two have the same budget; a second run adds what is missing.
func TestSeedJobs(t *testing.T) {
	t.Parallel()
	m := start(t)
	before, err := m.store.AllJobs(t.Context())
	require.NoError(t, err)
	require.NoError(t, m.seeding.many(t.Context(), 3))
	require.NoError(t, m.seeding.many(t.Context(), 4))
	after, err := m.store.AllJobs(t.Context())
	require.NoError(t, err)
	require.Len(t, after, len(before)+4)
	budgets := map[string]bool{}
	for _, job := range after[len(before):] {
		require.Equal(t, marketplace.Reviewing, job.State)
		require.Equal(t, m.seeding.worker, job.Worker)
		budgets[job.Budget.Decimal()] = true
	}
	require.Equal(t, map[string]bool{"1.00": true, "1.20": true, "1.40": true, "1.60": true}, budgets)
	require.Error(t, m.seeding.many(t.Context(), -1))
}
