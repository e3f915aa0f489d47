package marketplace_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/marketplace"
	"tianguis.example/payments/money"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func amount(t *testing.T, text string) money.Amount {
	t.Helper()
	a, err := money.ParseDecimal(text, "MXN", 2)
	require.NoError(t, err)
	return a
}

// TestTransitions_EveryStateAndAction is the whole table, written a second time: what it does not name must be refused.
func TestTransitions_EveryStateAndAction(t *testing.T) {
	t.Parallel()
	allowed := map[string]marketplace.State{
		"draft edit": "draft", "draft publish": "recruiting", "draft cancel": "canceled",
		"recruiting edit": "recruiting", "recruiting apply": "recruiting", "recruiting withdraw": "recruiting",
		"recruiting close": "selecting", "recruiting cancel": "canceled", "recruiting expire": "expired",
		"selecting withdraw": "selecting", "selecting select": "submitting", "selecting cancel": "canceled", "selecting expire": "expired",
		"submitting submit": "reviewing", "submitting cancel": "canceled", "submitting expire": "expired",
		"reviewing accept": "reviewing", "reviewing reject": "submitting", "reviewing pay": "complete", "reviewing cancel": "canceled",
	}
	seen := 0
	for _, from := range marketplace.States {
		for _, action := range marketplace.Actions {
			job := marketplace.Job{ID: 7, State: from, Budget: amount(t, "100.00"), UpdatedAt: noon}
			change, err := job.Do(action, 3, "why", noon.Add(time.Hour))
			want, ok := allowed[fmt.Sprintf("%s %s", from, action)]
			if !ok {
				require.Equal(t, marketplace.CodeWrongState, marketplace.CodeOf(err), "%s %s", from, action)
				continue
			}
			seen++
			require.NoError(t, err)
			require.Equal(t, job, change.Before)
			require.Equal(t, want, change.After.State)
			require.Equal(t, noon.Add(time.Hour), change.After.UpdatedAt)
			require.Equal(t, []marketplace.Entry{{At: noon.Add(time.Hour), By: 3, Event: string(action), From: from, To: want, Detail: "why"}}, change.Entries)
		}
	}
	require.Equal(t, len(allowed), seen)
	for _, state := range marketplace.States {
		ended := state == marketplace.Complete || state == marketplace.Canceled || state == marketplace.Expired
		require.Equal(t, ended, state.Ended(), state)
	}
}

func TestParseJobID(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]marketplace.JobID{"1": 1, "42": 42, "9223372036854775807": 9223372036854775807} {
		id, err := marketplace.ParseJobID(text)
		require.NoError(t, err)
		require.Equal(t, want, id)
		require.Equal(t, text, id.String())
	}
	for _, text := range []string{"", "0", "-1", "+1", " 1 ", "01", "1.5", "1e3", "0x1", "1_000", "١", "abc", "9223372036854775808", "1;DROP TABLE jobs"} {
		_, err := marketplace.ParseJobID(text)
		require.Equal(t, marketplace.CodeNotFound, marketplace.CodeOf(err), "%q", text)
	}
}

func FuzzParseJobID(f *testing.F) {
	f.Add("1")
	f.Add("+1")
	f.Fuzz(func(t *testing.T, text string) {
		if id, err := marketplace.ParseJobID(text); err == nil {
			require.Equal(t, text, id.String())
			require.Positive(t, id)
		}
	})
}

func TestCanView(t *testing.T) {
	t.Parallel()
	for _, state := range marketplace.States {
		job := marketplace.Job{State: state, Funder: 1, Worker: 2}
		for _, who := range []marketplace.User{{ID: 1}, {ID: 2}, {ID: 3, Operator: true}} {
			require.True(t, marketplace.CanView(who, job))
			require.True(t, marketplace.KnowsPayments(who, job))
		}
		require.Equal(t, state == marketplace.Recruiting, marketplace.CanView(marketplace.User{ID: 3}, job), state)
		require.False(t, marketplace.KnowsPayments(marketplace.User{ID: 3}, job), state)
		nobody := marketplace.User{}
		require.False(t, marketplace.CanView(nobody, marketplace.Job{State: state}), "nobody is not the worker of a job without one")
		require.False(t, marketplace.KnowsPayments(nobody, marketplace.Job{State: state}))
	}
}
