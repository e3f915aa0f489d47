package systemtest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/require"

	"tianguis.example/stack"
	"tianguis.example/stack/person"
)

// TestMail_WhoIsPaidReadsItOnce: one payment on the whole of it, whose news comes by webhook, finish and poll; and the worker gets one mail.
func TestMail_WhoIsPaidReadsItOnce(t *testing.T) {
	t.Parallel()
	onOwn(t, func(t *testing.T, database string) {
		w := newWorld(t, database, env{stack.Marketplace: {"MAIL_DELIVERY": "page", "MESSAGES_POLL_INTERVAL": "100ms"}})
		a := w.start(t, "100.00 MXN", "/buyer-usd")
		a.open(t, a.decide(t, person.Approve))
		a.complete(t)

		sent := func(kind, to string) (n int) {
			out, err := w.Marketplace.Run(t.Context(), "message", "list", "--state", "sent", "--limit", "1000", "--json")
			require.NoError(t, err)
			var all []struct{ Kind, To string }
			require.NoError(t, json.Unmarshal(out, &all))
			for _, m := range all {
				if m.Kind == kind && m.To == to {
					n++
				}
			}
			return n
		}
		eventually(t, "both are told", func() bool { return sent("payment_completed", worker) == 1 && sent("payment_arrived", funder) == 1 })
		eventually(t, "the webhook has come as well", func() bool { return w.delivered(t, a.pendingID) })
		require.Equal(t, 1, sent("payment_completed", worker))

		mails := a.open(t, w.Marketplace.Address+"/dev/mail")
		paid := mails.Document.Find("[data-kind=payment_completed]")
		require.Equal(t, 1, paid.Length())
		require.Equal(t, worker, paid.AttrOr("data-to", ""))
		require.Contains(t, paid.Find(".news-what").Text(), "You have been paid 100.00 MXN for “")
		link := w.Marketplace.Address + "/jobs/" + decimal(a.job)
		require.Contains(t, paid.Find("pre").Text(), link)

		shown := a.open(t, w.Marketplace.Address+paid.Find("a").AttrOr("href", ""))
		require.Equal(t, 1, shown.Document.Find("a").FilterFunction(func(_ int, s *goquery.Selection) bool { return s.AttrOr("href", "") == link }).Length())

		// The same stands on the site, and opening it marks it as read.
		theirs := w.signIn(t, worker).Browser
		list, err := theirs.Open(t.Context(), w.Marketplace.Address+"/notifications")
		require.NoError(t, err)
		unread := list.Document.Find("[data-kind=payment_completed].unread a")
		require.Equal(t, 1, unread.Length())
		job, err := theirs.Open(t.Context(), w.Marketplace.Address+unread.AttrOr("href", ""))
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(job.URL.Path, "/jobs/"+decimal(a.job)))
		list, err = theirs.Open(t.Context(), w.Marketplace.Address+"/notifications")
		require.NoError(t, err)
		require.Zero(t, list.Document.Find("[data-kind=payment_completed].unread").Length())
	})
}
