package store_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/store"
)

// told are the notifications of somebody, the oldest first.
func (s *fixture) told(who marketplace.UserID) (kinds []string) {
	s.t.Helper()
	all, err := s.NotificationsOf(s.t.Context(), who, 0, 1000)
	require.NoError(s.t, err)
	for i := range all {
		n := all[len(all)-1-i]
		require.Equal(s.t, who, n.To)
		kinds = append(kinds, string(n.Kind))
	}
	return kinds
}

// waiting are the messages that are pending, as "kind to address", the oldest first.
func (s *fixture) waiting(c marketplace.Channel) (all []string) {
	s.t.Helper()
	messages, err := s.Messages(s.t.Context(), store.MessageFilter{State: marketplace.MessagePending, Channel: c}, 1000)
	require.NoError(s.t, err)
	for _, m := range messages {
		all = append(all, string(m.Kind)+" to "+m.To)
	}
	return all
}

// happens records events of a job's history as a change of nothing else.
func (s *fixture) happens(id marketplace.JobID, entries ...marketplace.Entry) {
	s.t.Helper()
	job, err := s.Job(s.t.Context(), id)
	require.NoError(s.t, err)
	require.NoError(s.t, s.Record(s.t.Context(), marketplace.Change{At: noon, Before: job, After: job, Entries: entries}))
}

func TestNotifications_OfAWholeLife(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		rival, gone := s.person("rival@example.com"), s.person("gone@example.com")
		for _, a := range []struct {
			who       marketplace.UserID
			withdrawn any
		}{{s.worker, nil}, {rival, nil}, {gone, noon}} {
			databasetest.Exec(t, s.db, "INSERT INTO job_applications (job_id, worker_id, message, applied_at, withdrawn_at) VALUES (?, ?, '', ?, ?)",
				int64(s.job), int64(a.who), noon, a.withdrawn)
		}
		s.happens(s.job,
			marketplace.Entry{At: noon, By: s.worker, Event: "apply"}, marketplace.Entry{At: noon, By: rival, Event: "apply"},
			marketplace.Entry{At: noon, By: gone, Event: "apply"}, marketplace.Entry{At: noon, By: gone, Event: "withdraw"},
			marketplace.Entry{At: noon, Event: "close"},
			marketplace.Entry{At: noon, By: s.funder, Event: "select"},
			marketplace.Entry{At: noon, By: s.worker, Event: "submit"},
			marketplace.Entry{At: noon, Event: "pay"})
		require.Equal(t, []string{"application", "application", "application", "withdrawal", "applications_closed", "submission", "payment_arrived"}, s.told(s.funder))
		require.Equal(t, []string{"selection", "payment_completed"}, s.told(s.worker))
		require.Equal(t, []string{"not_selected"}, s.told(rival))
		require.Empty(t, s.told(gone))

		all, err := s.NotificationsOf(t.Context(), s.worker, 0, 1)
		require.NoError(t, err)
		require.Len(t, all, 1)
		require.Equal(t, noon, all[0].At)
		require.True(t, all[0].Unread())
		require.Equal(t, "You have been paid 19.99 MXN for “T”", all[0].Words().Headline.String())
		require.Equal(t, "N funder@example.com", all[0].Facts.Funder)
		require.Len(t, s.waiting(marketplace.Email), 10)
		require.Contains(t, s.waiting(marketplace.Email), "payment_completed to worker@example.com")
		require.Empty(t, s.waiting(marketplace.SMS))
	})
}

// TestNotifications_StandOrFallWithTheHistory: what is not recorded is not told.
func TestNotifications_StandOrFallWithTheHistory(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		job, err := s.Job(t.Context(), s.job)
		require.NoError(t, err)
		job.Version++ // somebody else was first
		err = s.Record(t.Context(), marketplace.Change{Before: job, After: job, Entries: []marketplace.Entry{{At: noon, Event: "pay"}}})
		require.ErrorIs(t, err, marketplace.ErrStale)
		require.Empty(t, s.told(s.worker))
		require.Empty(t, s.waiting(marketplace.Email))
	})
}

func TestNotifications_OperatorsAreToldOfOddMoney(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		operator, err := s.CreateUser(t.Context(), marketplace.User{Email: "op@example.com", Name: "Op", Role: marketplace.Both, PasswordHash: "$h", Operator: true, CreatedAt: noon})
		require.NoError(t, err)
		s.happens(s.job, marketplace.Entry{At: noon, Event: marketplace.EventOverpaid, Detail: "1.00 MXN"})
		for _, who := range []marketplace.UserID{s.funder, s.worker, operator} {
			require.Equal(t, []string{"overpaid"}, s.told(who))
		}
	})
}

// TestSaveLate_OnceForEachPayment: the one who polls comes every ten minutes, and several may come at once.
func TestSaveLate_OnceForEachPayment(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		a := s.attempt("01A", "session-1", noon)
		a.PendingID, a.State = "P1", marketplace.AttemptAwaiting
		require.NoError(t, s.SaveStarted(t.Context(), a, marketplace.Entry{At: noon, By: s.funder, Event: marketplace.EventPaymentStarted}, noon))
		require.NoError(t, s.Confirming(t.Context(), a, noon, noon))
		late := marketplace.Entry{At: noon.Add(time.Hour), Event: marketplace.EventPaymentLate, Detail: "P1"}
		var all sync.WaitGroup
		failed := make(chan error, 4)
		for range cap(failed) {
			all.Go(func() { failed <- s.SaveLate(t.Context(), a, late) })
		}
		all.Wait()
		for range cap(failed) {
			require.NoError(t, <-failed)
		}
		require.Equal(t, []string{"payment_late"}, s.told(s.worker))
		require.Equal(t, []string{"payment_late"}, s.told(s.funder))

		b := s.attempt("01B", "session-1", noon)
		b.State, b.Reason = marketplace.AttemptFailed, "x"
		require.NoError(t, s.CloseAttempt(t.Context(), b))
		late.Detail = "P2"
		require.NoError(t, s.SaveLate(t.Context(), b, late))
		require.Len(t, s.told(s.worker), 1, "it has ended in the meantime")
	})
}

func TestNotifications_PagesAndWhatIsSeen(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		for range 5 {
			s.happens(s.job, marketplace.Entry{At: noon, By: s.worker, Event: "apply"})
		}
		first, err := s.NotificationsOf(t.Context(), s.funder, 0, 2)
		require.NoError(t, err)
		second, err := s.NotificationsOf(t.Context(), s.funder, first[1].ID, 10)
		require.NoError(t, err)
		require.Len(t, second, 3)
		require.Greater(t, first[0].ID, first[1].ID)
		require.Greater(t, first[1].ID, second[0].ID)

		for _, who := range []marketplace.UserID{s.funder, s.worker} {
			session := marketplace.Session{ID: who.String(), TokenHash: "token of " + who.String(), UserID: who, CreatedAt: noon, SeenAt: noon, ExpiresAt: noon.Add(time.Hour)}
			require.NoError(t, s.CreateSession(t.Context(), session, ""))
		}
		unread := func(who marketplace.UserID, most int) int {
			n, err := s.Unread(t.Context(), who, most)
			require.NoError(t, err)
			signedIn, err := s.Session(t.Context(), "token of "+who.String(), most)
			require.NoError(t, err)
			require.Equal(t, n, signedIn.Unread)
			return n
		}
		require.Equal(t, 5, unread(s.funder, 100))
		require.Equal(t, 3, unread(s.funder, 3))
		require.Zero(t, unread(s.worker, 100))

		_, err = s.ReadNotification(t.Context(), s.worker, first[0].ID, noon)
		require.Equal(t, marketplace.CodeNotFound, marketplace.CodeOf(err), "another's")
		require.Equal(t, 5, unread(s.funder, 100))
		for range 2 {
			n, err := s.ReadNotification(t.Context(), s.funder, second[2].ID, noon.Add(time.Hour))
			require.NoError(t, err)
			require.Equal(t, second[2].ID, n.ID)
			require.Equal(t, 4, unread(s.funder, 100))
		}
		require.NoError(t, s.ReadAllNotifications(t.Context(), s.worker, first[0].ID, noon))
		require.Equal(t, 4, unread(s.funder, 100), "another's")
		require.NoError(t, s.ReadAllNotifications(t.Context(), s.funder, first[1].ID, noon))
		require.Equal(t, 1, unread(s.funder, 100), "what came after the page was drawn is still new")
	})
}

func TestPreferences_DecideWhatIsSentFromThenOn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		none, err := s.PreferencesOf(t.Context(), s.worker)
		require.NoError(t, err)
		require.Empty(t, none.Wanted)
		chosen := marketplace.Preferences{Phone: "+525512345678", Wanted: map[marketplace.Channel]map[marketplace.Topic]bool{
			marketplace.Email: {marketplace.TopicPayments: false}, marketplace.SMS: {marketplace.TopicPayments: true},
		}}
		for range 2 {
			require.NoError(t, s.SavePreferences(t.Context(), s.worker, chosen))
		}
		kept, err := s.PreferencesOf(t.Context(), s.worker)
		require.NoError(t, err)
		require.Equal(t, chosen, kept)

		s.happens(s.job, marketplace.Entry{At: noon, Event: "pay"}, marketplace.Entry{At: noon, By: s.funder, Event: "cancel"})
		require.Equal(t, []string{"payment_completed", "canceled"}, s.told(s.worker), "the site has all of it")
		require.ElementsMatch(t, []string{"payment_arrived to funder@example.com", "canceled to worker@example.com"}, s.waiting(marketplace.Email))
		require.Equal(t, []string{"payment_completed to +525512345678"}, s.waiting(marketplace.SMS))
	})
}

// reset is the message that carries a link to a new password.
func (s *fixture) reset(at time.Time) {
	s.t.Helper()
	require.NoError(s.t, s.Notify(s.t.Context(), marketplace.Notification{
		To: s.worker, Kind: marketplace.NotifyPasswordReset, At: at, Until: at.Add(time.Hour), Facts: marketplace.Facts{Path: "/reset?token=s3cret"},
	}))
}

func (s *fixture) secretsKept() (n int) {
	s.t.Helper()
	require.NoError(s.t, s.db.Read(s.t.Context()).Raw("SELECT COUNT(*) FROM messages WHERE facts LIKE '%s3cret%'").Scan(&n).Error)
	return n
}

func TestMessages_ASecretIsKeptNoLongerThanItIsNeeded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		require.NoError(t, s.SavePreferences(t.Context(), s.worker, marketplace.Preferences{Phone: "+525512345678", Wanted: map[marketplace.Channel]map[marketplace.Topic]bool{
			marketplace.Email: {marketplace.TopicSecurity: false}, marketplace.SMS: {marketplace.TopicSecurity: true},
		}}))
		for i, end := range []func(m marketplace.Message){
			func(m marketplace.Message) { m.State = marketplace.MessageSent; s.end(m) },
			func(m marketplace.Message) { m.State = marketplace.MessageDead; s.end(m) },
			func(marketplace.Message) {
				_, err := s.PruneMessages(t.Context(), noon.Add(2*time.Hour))
				require.NoError(t, err)
			},
		} {
			s.reset(noon)
			require.Equal(t, []string{"password_reset to worker@example.com"}, s.waiting(marketplace.Email))
			require.Empty(t, s.waiting(marketplace.SMS))
			require.Equal(t, 1, s.secretsKept())
			claimed, err := s.ClaimMessages(t.Context(), marketplace.Email, 10, noon, noon.Add(time.Minute))
			require.NoError(t, err)
			require.Equal(t, "/reset?token=s3cret", claimed[0].Words().Path)
			end(claimed[0])
			require.Zero(t, s.secretsKept(), i)
			require.Empty(t, s.waiting(marketplace.Email), i)
		}
		require.Empty(t, s.told(s.worker), "whoever lost the password cannot look on the site")
		n, err := s.RetryMessages(t.Context(), nil, noon)
		require.NoError(t, err)
		require.Zero(t, n, "there is nothing left to send")
	})
}

// end keeps what became of a claimed message.
func (s *fixture) end(m marketplace.Message) {
	s.t.Helper()
	lease := m.NextAt
	m.EndedAt = noon.Add(time.Second)
	require.NoError(s.t, s.EndAttempt(s.t.Context(), m, lease))
}

func TestMessages_AClaimIsALease(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		s.happens(s.job, marketplace.Entry{At: noon, Event: "pay"}) // one to each of the two
		claim := func(n int, at time.Time) []marketplace.Message {
			all, err := s.ClaimMessages(t.Context(), marketplace.Email, n, at, at.Add(time.Minute))
			require.NoError(t, err)
			return all
		}
		require.Empty(t, claim(10, noon.Add(-time.Second)), "not due yet")
		sms, err := s.ClaimMessages(t.Context(), marketplace.SMS, 10, noon, noon.Add(time.Minute))
		require.NoError(t, err)
		require.Empty(t, sms)
		first := claim(1, noon)
		require.Len(t, first, 1)
		require.Equal(t, 1, first[0].Attempts)
		require.Equal(t, noon.Add(time.Minute), first[0].NextAt)
		require.Equal(t, noon.Add(marketplace.MessageLife), first[0].Until)
		require.Equal(t, "en", first[0].Language)
		second := claim(10, noon)
		require.Len(t, second, 1)
		require.NotEqual(t, first[0].ID, second[0].ID)
		require.Empty(t, claim(10, noon))

		// The claimer dies; its lease ends, and the message is somebody else's. What the dead one says afterwards counts for nothing.
		again := claim(1, noon.Add(time.Minute))
		require.Equal(t, first[0].ID, again[0].ID)
		require.Equal(t, 2, again[0].Attempts)
		late := first[0]
		late.State, late.Error = marketplace.MessageDead, "too late"
		s.end(late)
		sent := again[0]
		sent.State = marketplace.MessageSent
		s.end(sent)

		all, err := s.Messages(t.Context(), store.MessageFilter{State: marketplace.MessageSent}, 10)
		require.NoError(t, err)
		require.Len(t, all, 1)
		require.Equal(t, again[0].ID, all[0].ID)
		require.Equal(t, noon.Add(time.Second), all[0].EndedAt)
		require.Equal(t, marketplace.Facts{}, all[0].Facts, "what it said is forgotten")

		n, oldest, err := s.MessagesPending(t.Context(), marketplace.Email)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, noon, oldest)
	})
}

func TestMessages_TheDeadCanBeSentAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		s.happens(s.job, marketplace.Entry{At: noon, Event: "pay"})
		claimed, err := s.ClaimMessages(t.Context(), marketplace.Email, 10, noon, noon.Add(time.Minute))
		require.NoError(t, err)
		for _, m := range claimed {
			m.State, m.Error = marketplace.MessageDead, "550 no such user"
			s.end(m)
		}
		dead, err := s.Messages(t.Context(), store.MessageFilter{State: marketplace.MessageDead, Channel: marketplace.Email}, 10)
		require.NoError(t, err)
		require.Len(t, dead, 2)
		require.Equal(t, "550 no such user", dead[0].Error)
		older, err := s.Messages(t.Context(), store.MessageFilter{Before: dead[0].ID}, 10)
		require.NoError(t, err)
		require.Len(t, older, 1)

		later := noon.Add(24 * time.Hour)
		n, err := s.RetryMessages(t.Context(), []string{dead[0].ID, "no such"}, later)
		require.NoError(t, err)
		require.Equal(t, int64(1), n)
		again, err := s.ClaimMessages(t.Context(), marketplace.Email, 10, later, later.Add(time.Minute))
		require.NoError(t, err)
		require.Len(t, again, 1)
		require.Equal(t, dead[0].ID, again[0].ID, "the id stays: the receiver knows it by it")
		require.Equal(t, 1, again[0].Attempts)
		require.Equal(t, later.Add(marketplace.MessageLife), again[0].Until)
		require.NotEmpty(t, again[0].Facts.Title)
		n, err = s.RetryMessages(t.Context(), nil, later)
		require.NoError(t, err)
		require.Equal(t, int64(1), n)
	})
}

func TestPruneMessages_EndsAndForgets(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		s.happens(s.job, marketplace.Entry{At: noon, Event: "pay"})
		count := func(table string) (n int) {
			require.NoError(t, s.db.Read(t.Context()).Raw("SELECT COUNT(*) FROM "+table).Scan(&n).Error)
			return n
		}
		prune := func(after time.Duration) {
			more, err := s.PruneMessages(t.Context(), noon.Add(after))
			require.NoError(t, err)
			require.False(t, more)
		}
		day := 24 * time.Hour
		prune(2 * day)
		require.Len(t, s.waiting(marketplace.Email), 2)
		// Nobody has a mail server: they end by themselves.
		prune(4 * day)
		require.Empty(t, s.waiting(marketplace.Email))
		dead, err := s.Messages(t.Context(), store.MessageFilter{State: marketplace.MessageDead}, 10)
		require.NoError(t, err)
		require.Len(t, dead, 2)
		require.Equal(t, "not sent in time", dead[0].Error)
		prune(90 * day)
		require.Equal(t, 2, count("messages"))
		prune(95 * day)
		require.Zero(t, count("messages"))

		prune(364 * day)
		require.Equal(t, 2, count("notifications"))
		prune(366 * day)
		require.Zero(t, count("notifications"))
	})
}

// TestMessages_DueOnesHaveTheirIndex: the table is long, and what is due is short.
func TestMessages_DueOnesHaveTheirIndex(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		for index, query := range map[string]string{
			"messages_due":         "SELECT id FROM messages WHERE channel = 'email' AND state = 'pending' AND next_at <= '2026-11-23' ORDER BY next_at LIMIT 2",
			"messages_ended":       "SELECT id FROM messages WHERE state <> 'pending' AND state = 'sent' AND ended_at < '2026-11-23' LIMIT 1000",
			"notifications_at":     "SELECT id FROM notifications WHERE at < '2026-11-23' LIMIT 1000",
			"messages_dead":        "SELECT id FROM messages WHERE state = 'dead' ORDER BY id DESC LIMIT 50",
			"notifications_unread": "SELECT 1 FROM notifications WHERE user_id = 1 AND read_at IS NULL LIMIT 100",
			"notifications_user":   "SELECT id FROM notifications WHERE user_id = 1 AND id < 100 ORDER BY id DESC LIMIT 50",
		} {
			require.Contains(t, strings.Join(s.plan(query), "\n"), index, query)
		}
	})
}
