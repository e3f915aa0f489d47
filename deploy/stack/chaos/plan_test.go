package chaos

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPlan_IsTheSeeds: the same seed draws the same plan, whatever else was drawn before; another seed draws another.
func TestPlan_IsTheSeeds(t *testing.T) {
	t.Parallel()
	draw := func(seed uint64) (plans [][]visit, blows []blowAt, faults []string) {
		for job := range 50 {
			plans = append(plans, planOf(seed, job, Brisk))
		}
		random, weather := stream(seed, "payments", 1), stream(seed, "job", 0)
		for range 50 {
			blows = append(blows, drawBlow(random, Brisk))
			fault := drawFault(weather, Brisk)
			faults = append(faults, string(fault.Kind)+fault.Operation)
		}
		return plans, blows, faults
	}
	plans, blows, faults := draw(1)
	again, blowsAgain, faultsAgain := draw(1)
	require.Equal(t, plans, again)
	require.Equal(t, blows, blowsAgain)
	require.Equal(t, faults, faultsAgain)
	require.Equal(t, plans[7], planOf(1, 7, Brisk), "a buyer's plan does not hang on the others'")

	others, otherBlows, otherFaults := draw(2)
	require.NotEqual(t, plans, others)
	require.NotEqual(t, blows, otherBlows)
	require.NotEqual(t, faults, otherFaults)
	require.NotEqual(t, drawBlow(stream(1, "payments", 0), Brisk), drawBlow(stream(1, "payments", 1), Brisk), "each process has its own")
}

// TestPlan_HasEverything: every manner and every blow comes, and who is still there at the end wants to pay.
func TestPlan_HasEverything(t *testing.T) {
	t.Parallel()
	seen, weights := map[manner]int{}, 0
	for job := range 500 {
		plan := planOf(3, job, Brisk)
		require.Len(t, plan, maxVisits)
		for i, v := range plan {
			seen[v.manner]++
			if i >= fancyVisits {
				require.Equal(t, plain, v.manner)
				require.False(t, v.final)
			}
		}
	}
	for _, m := range manners {
		require.NotZero(t, seen[m.manner], m.manner)
		weights += m.weight
	}
	require.Equal(t, 100, weights)

	random, blows := stream(3, "payments", 0), map[blow]int{}
	for range 200 {
		b := drawBlow(random, Brisk)
		blows[b.blow]++
		if b.blow == freeze {
			require.Greater(t, b.down, Brisk.Lease, "it wakes up when another has taken its payments over")
		}
	}
	require.Len(t, blows, 4)
}
