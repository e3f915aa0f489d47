package webhooks

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestPlan_IsTheSeeds: the same seed draws the same plan, whatever else was drawn before; another seed draws another.
func TestPlan_IsTheSeeds(t *testing.T) {
	t.Parallel()
	type drawn struct {
		jobs   []kind
		fates  []fate
		spells []spell
		blows  []blow
	}
	draw := func(seed uint64) (d drawn) {
		d.jobs = plan(seed, 500)
		weather, payments := stream(seed, "weather", 0), stream(seed, "payments", 0)
		for i := range 500 {
			d.fates = append(d.fates, fateOf(seed, i, i%3))
			d.spells = append(d.spells, drawSpell(weather, i))
			d.blows = append(d.blows, drawBlow(payments, killPayments))
		}
		return d
	}
	first, other := draw(1), draw(2)
	require.Equal(t, first, draw(1))
	require.Equal(t, first.fates[7], fateOf(1, 7, 1), "what befalls an event does not hang on the others")
	require.NotEqual(t, first.jobs, other.jobs)
	require.NotEqual(t, first.fates, other.fates)
	require.NotEqual(t, first.spells, other.spells)
	require.NotEqual(t, first.blows, other.blows)
}

// TestPlan_HasEverything: each fate, all weather and each kind of job comes, and the events are as many as were wanted.
func TestPlan_HasEverything(t *testing.T) {
	t.Parallel()
	weights, seen := 0, map[fate]int{}
	for event := range 10_000 {
		seen[fateOf(3, event, 0)]++
	}
	for _, f := range fates {
		require.NotZero(t, seen[f.fate], f.fate)
		weights += f.weight
	}
	require.Less(t, weights, allFates/2, "most arrivals are forwarded, or nothing would ever end")

	random, weathers := stream(3, "weather", 0), map[weather]int{}
	for i := range 100 {
		s := drawSpell(random, i)
		require.Positive(t, s.lasts)
		weathers[s.weather]++
	}
	for _, w := range append(foul, fair) {
		require.NotZero(t, weathers[w], w)
	}

	kinds := map[kind]int{}
	for _, n := range []int{1, 2, 17, 10_000} {
		events := 0
		for _, k := range plan(3, n) {
			kinds[k]++
			events += k.events()
		}
		require.Equal(t, n, events)
	}
	require.Len(t, kinds, 4)
}

func TestEvents_AreAllDifferent(t *testing.T) {
	t.Parallel()
	kinds := plan(4, 1000)
	jobs := make([]int64, len(kinds))
	for i := range jobs {
		jobs[i] = int64(100 + i)
	}
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	all := eventsOf(4, kinds, jobs, at)
	require.Len(t, all, 1000)
	ids := map[string]bool{}
	for i, e := range all {
		require.Equal(t, i, e.Index)
		ids[e.WebhookID], ids[e.PendingID] = true, true
		require.Equal(t, e.Paid, e.Outgoing != "")
	}
	require.Len(t, ids, 2000)
	require.JSONEq(t, `{"type":"payment.completed","pendingId":"P","offerId":"7","status":"paid","outgoingPaymentId":"https://w/o","timestamp":"2026-11-23T12:00:00Z","sequence":4}`,
		event{Index: 3, PendingID: "P", Job: 7, Paid: true, Outgoing: "https://w/o"}.body(at))
}
