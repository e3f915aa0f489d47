package console

import (
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/outbox"
)

var fuzzNow = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// seeds are queries of the console's lists.
var seeds = []string{
	"", "state=dead&type=payment.completed&offerId=7", "payment=01KAR0000000000000000000AA&before=01kar0000000000000000000ab", "since=2h&until=2026-11-25", "state=%00&offerId=%ff",
	"before=~", "endpoint=marketplace", "endpoint=..%2f", "state=dead;state=all", "offerId=" + strings.Repeat("x", 400), "since=1969-12-31&until=9999999h", "a=%zz",
}

// kept is text that a database can be asked for.
func kept(t *testing.T, text string) {
	t.Helper()
	require.True(t, utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl), "%q", text)
	require.LessOrEqual(t, len(text), maxText)
}

// FuzzReadFilter: the filter of the webhooks' log either says what is wrong with it, or asks the database for what it can be asked; and its own address
// leads back to it.
func FuzzReadFilter(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		query, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		filter, picks := readFilter(query, fuzzNow)
		for _, field := range filter.fields() {
			kept(t, *field)
		}
		for _, said := range filter.Wrong {
			require.NotEmpty(t, said)
		}
		for _, id := range []string{picks.PendingID, picks.Before} {
			require.True(t, id == "" || len(id) == 26 && strings.ToUpper(id) == id, id)
		}
		if len(filter.Wrong) > 0 {
			return
		}
		require.Contains(t, append([]outbox.State{""}, outbox.States...), picks.State)
		require.True(t, picks.Until.IsZero() || picks.Until.After(picks.Since))
		address := filter.address()
		require.True(t, strings.HasPrefix(address, Root+"/webhooks"), address)
		_, after, _ := strings.Cut(address, "?")
		again, err := url.ParseQuery(after)
		require.NoError(t, err)
		same, picked := readFilter(again, fuzzNow)
		require.Equal(t, filter, same)
		require.Equal(t, picks, picked)
	})
}

// FuzzReadForm: the same of the other lists' forms.
func FuzzReadForm(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		query, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		form := readForm("/payments", query, fuzzNow, "state", "since", "payment", "offerId")
		for _, value := range form.values {
			kept(t, value)
		}
		state := form.choice("state", []string{"paid", "failed"}, "no such state")
		require.Contains(t, []string{"", "paid", "failed"}, state)
		id := form.id("payment", "no such payment")
		require.True(t, id == "" || len(id) == 26 && strings.ToUpper(id) == id, id)
		if at := form.time("since"); !at.IsZero() {
			require.GreaterOrEqual(t, at.Unix(), int64(0))
		}
	})
}
