package webhooks

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// world is four jobs, one of each kind, of which everything has arrived.
func world() (Books, []event, map[int64]int64) {
	events := []event{
		{0, "W0", "P0", 10, true, "o/0"},
		{1, "W1", "P1", 11, false, ""},
		{2, "W2", "P2", 12, false, ""}, {3, "W3", "P3", 12, true, "o/3"},
		{4, "W4", "P4", 13, true, "o/4"}, {5, "W5", "P5", 13, true, "o/5"},
	}
	b := Books{
		Jobs: []Job{
			{ID: 10, State: "complete", Completed: true, PaymentID: "o/0", Version: 2, Pays: 1},
			{ID: 11, State: "reviewing", Version: 2, Failures: 1},
			{ID: 12, State: "complete", Completed: true, PaymentID: "o/3", Version: 3, Pays: 1, Failures: 0},
			{ID: 13, State: "complete", Completed: true, PaymentID: "o/5", Version: 3, Pays: 1, PaidAgain: 1},
		},
	}
	for _, e := range events {
		state := "failed"
		if e.Paid {
			state = "paid"
		}
		b.Attempts = append(b.Attempts, Attempt{PendingID: e.PendingID, State: state, Outgoing: e.Outgoing})
		b.Deliveries = append(b.Deliveries, Delivery{ID: e.WebhookID, State: "delivered", Attempts: 2, Logged: 2, Last: 2})
	}
	return b, events, map[int64]int64{10: 1, 11: 1, 12: 1, 13: 1}
}

func TestAccount_AllAgree(t *testing.T) {
	t.Parallel()
	b, events, before := world()
	a := account(b, events, before)
	require.True(t, a.clean(), a.offences())
	require.Equal(t, 12, a.Attempts)

	b.Jobs[2].Failures = 1 // it was heard first
	require.True(t, account(b, events, before).clean())
}

// TestAccount_Finds: an account that overlooks something would call every run a good one.
func TestAccount_Finds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change                            func(*Books)
		lost, twice, undelivered, another int
	}{
		"a payment not heard of":              {func(b *Books) { b.Attempts[0].State = "awaiting" }, 1, 0, 0, 0},
		"a failure not heard of":              {func(b *Books) { b.Attempts[1].State = "awaiting" }, 1, 0, 0, 0},
		"another outgoing payment":            {func(b *Books) { b.Attempts[0].Outgoing = "o/9" }, 1, 0, 0, 0},
		"a job that waits":                    {func(b *Books) { b.Jobs[0].State = "reviewing" }, 1, 0, 0, 0},
		"a contract that is not completed":    {func(b *Books) { b.Jobs[0].Completed = false }, 1, 0, 0, 0},
		"a job paid by another's":             {func(b *Books) { b.Jobs[0].PaymentID = "o/3" }, 1, 0, 0, 0},
		"a second payment that nobody saw":    {func(b *Books) { b.Jobs[3].PaidAgain, b.Jobs[3].Version = 0, 2 }, 1, 0, 0, 0},
		"no history":                          {func(b *Books) { b.Jobs[0].Pays = 0 }, 1, 0, 0, 0},
		"a job that did not change":           {func(b *Books) { b.Jobs[1].Version = 1 }, 1, 0, 0, 0},
		"paid twice":                          {func(b *Books) { b.Jobs[0].Pays = 2 }, 0, 1, 0, 0},
		"paid again":                          {func(b *Books) { b.Jobs[0].PaidAgain = 1 }, 0, 1, 0, 0},
		"a failure told twice":                {func(b *Books) { b.Jobs[1].Failures = 2 }, 0, 1, 0, 0},
		"a change too many":                   {func(b *Books) { b.Jobs[2].Version = 4 }, 0, 1, 0, 0},
		"a job paid by nothing":               {func(b *Books) { b.Jobs[1].State = "complete" }, 0, 0, 0, 1},
		"paid out of turn":                    {func(b *Books) { b.Jobs[0].Pays, b.Jobs[0].Others = 0, 1 }, 0, 0, 0, 1},
		"a webhook that waits":                {func(b *Books) { b.Deliveries[4].State = "pending" }, 0, 0, 1, 0},
		"a webhook that was given up":         {func(b *Books) { b.Deliveries[4].State = "dead" }, 0, 0, 1, 0},
		"a webhook that is gone":              {func(b *Books) { b.Deliveries = b.Deliveries[1:] }, 0, 0, 1, 0},
		"an attempt that is not in the log":   {func(b *Books) { b.Deliveries[4].Logged = 1 }, 0, 0, 0, 1},
		"an attempt with the wrong number":    {func(b *Books) { b.Deliveries[4].Last = 3 }, 0, 0, 0, 1},
		"a webhook delivered by nobody":       {func(b *Books) { b.Deliveries[4] = Delivery{ID: "W4", State: "delivered"} }, 0, 0, 0, 1},
		"a payment that somebody asked about": {func(b *Books) { b.Attempts[3].Polls = 1 }, 0, 0, 0, 1},
		"a job that is gone":                  {func(b *Books) { b.Jobs = b.Jobs[1:] }, 0, 0, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, events, before := world()
			c.change(&b)
			a := account(b, events, before)
			require.Equal(t, []int{c.lost, c.twice, c.undelivered, c.another}, []int{len(a.Lost), len(a.Twice), len(a.Undelivered), len(a.Others)}, a.offences())
		})
	}
}
