package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/marketplace"
)

// TestSeed_ToPay: each waits to be paid, and no two have the same budget; a second run adds as many again.
func TestSeed_ToPay(t *testing.T) {
	t.Parallel()
	m := start(t)
	before, err := m.store.AllJobs(t.Context())
	require.NoError(t, err)
	require.NoError(t, m.seeding.toPay(t.Context(), 3))
	require.NoError(t, m.seeding.toPay(t.Context(), 1))
	after, err := m.store.AllJobs(t.Context())
	require.NoError(t, err)
	require.Len(t, after, len(before)+4)
	budgets := map[string]bool{}
	for _, job := range after[len(before):] {
		require.Equal(t, marketplace.Reviewing, job.State)
		require.Equal(t, m.seeding.worker, job.Worker)
		budgets[job.Budget.Decimal()] = true
	}
	require.Equal(t, map[string]bool{"10.00": true, "10.20": true, "10.40": true, "10.60": true}, budgets)
	require.Error(t, m.seeding.toPay(t.Context(), -1))
}
