package store_test

import (
	"errors"
	"testing"
	"time"

	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/store"
)

// everyMethod calls each method of the store in each of its ways, on a database that was filled.
func everyMethod(t *testing.T, db *database.DB, during func(method string, call func())) {
	t.Helper()
	s, ctx := store.New(db), t.Context()
	complete := marketplace.JobID(databasetest.One[int64](t, db, "SELECT id FROM jobs WHERE state = 'complete' ORDER BY id DESC LIMIT 1"))
	reviewing := marketplace.JobID(databasetest.One[int64](t, db, "SELECT id FROM jobs WHERE state = 'reviewing' ORDER BY id DESC LIMIT 1"))
	funder := marketplace.User{ID: marketplace.UserID(databasetest.One[int64](t, db, "SELECT funder_id FROM jobs WHERE state = 'reviewing' ORDER BY id DESC LIMIT 1")), Role: marketplace.Both}
	pendingID := databasetest.One[string](t, db, "SELECT pending_id FROM payment_attempts WHERE state = 'awaiting' ORDER BY created_at DESC LIMIT 1")
	token := databasetest.One[string](t, db, "SELECT token_hash FROM sessions ORDER BY expires_at DESC LIMIT 1")
	webhook := databasetest.One[string](t, db, "SELECT webhook_id FROM webhooks_seen ORDER BY received_at DESC LIMIT 1")

	attempt := func(id string) marketplace.Attempt {
		return marketplace.Attempt{ID: id, JobID: reviewing, UserID: funder.ID, SessionID: "s", State: marketplace.AttemptStarting, CreatedAt: noon, UpdatedAt: noon}
	}
	started := attempt("new")
	started.PendingID, started.State = "new-payment", marketplace.AttemptAwaiting
	lease := noon.Add(time.Minute)
	databasetest.EveryMethod(t, s, map[string]func() error{
		"AddSignInTry": func() error {
			_, _, err := s.AddSignInTry(ctx, "person-7@market.example", "192.0.2.7", noon, noon.Add(-15*time.Minute))
			return err
		},
		"AllJobs":            func() error { _, err := s.AllJobs(ctx); return err },
		"AnyJob":             func() error { _, err := s.AnyJob(ctx, complete); return err },
		"AskAgainAt":         func() error { return s.AskAgainAt(ctx, started.ID, lease, noon) },
		"AttemptByPendingID": func() error { _, err := s.AttemptByPendingID(ctx, pendingID); return err },
		"AttemptToConsent": func() error {
			session := databasetest.One[string](t, db, "SELECT session_id FROM payment_attempts WHERE state = 'awaiting' AND job_id = "+reviewing.String())
			_, err := s.AttemptToConsent(ctx, reviewing, session)
			return err
		},
		"AttemptsOpen":  func() error { _, _, err := s.AttemptsOpen(ctx); return err },
		"ClaimAttempts": func() error { _, err := s.ClaimAttempts(ctx, 10, noon, lease); return err },
		"CloseAttempt": func() error {
			closed := attempt("closed")
			if err := s.CreateAttempt(ctx, closed, noon); err != nil {
				return err
			}
			closed.State = marketplace.AttemptFailed
			return s.CloseAttempt(ctx, closed)
		},
		"Confirming":    func() error { return s.Confirming(ctx, started, noon, noon) },
		"CreateAttempt": func() error { return s.CreateAttempt(ctx, attempt(started.ID), noon) },
		"CreateJob": func() error {
			job, err := s.Job(ctx, complete)
			if err != nil {
				return err
			}
			_, err = s.CreateJob(ctx, job, []marketplace.Entry{{At: noon, Event: marketplace.EventCreated, From: marketplace.Draft, To: marketplace.Draft}})
			return err
		},
		"CreateSession": func() error {
			return s.CreateSession(ctx, marketplace.Session{ID: "new", TokenHash: "new", UserID: funder.ID, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}, "person-7@market.example")
		},
		"CreateUser": func() error {
			_, err := s.CreateUser(ctx, marketplace.User{Email: "new@market.example", Name: "New", Role: marketplace.Both, PasswordHash: "$", CreatedAt: noon})
			return err
		},
		"DeleteSession": func() error { return s.DeleteSession(ctx, "new") },
		"Job":           func() error { _, err := s.Job(ctx, complete); return err },
		"JobAndAttempt": func() error { _, _, err := s.JobAndAttempt(ctx, reviewing, pendingID); return err },
		"JobFor":        func() error { _, err := s.JobFor(ctx, reviewing, funder); return err },
		"JobsOf": func() error {
			_, busy := s.JobsOf(ctx, funder)
			_, stranger := s.JobsOf(ctx, marketplace.User{ID: 1 << 40, Role: marketplace.Worker})
			return errors.Join(busy, stranger)
		},
		"KnownPendingIDs": func() error { _, err := s.KnownPendingIDs(ctx, complete); return err },
		"MoneyLines": func() error {
			_, newest := s.MoneyLines(ctx, funder.ID, "", 50)
			_, older := s.MoneyLines(ctx, funder.ID, "M", 50)
			return errors.Join(newest, older)
		},
		"MoneyOf":    func() error { _, err := s.MoneyOf(ctx, funder.ID, noon); return err },
		"Operations": func() error { _, err := s.Operations(ctx, noon.Add(-time.Hour)); return err },
		"Ping":       func() error { return s.Ping(ctx) },
		"Record": func() error {
			before, err := s.Job(ctx, reviewing)
			if err != nil {
				return err
			}
			stays := marketplace.Change{At: noon, Before: before, After: before, Told: marketplace.Told{WebhookID: "w1", Digest: "d", JobState: before.State}}
			if err := s.Record(ctx, stays); err != nil {
				return err
			}
			outside := attempt("outside")
			outside.PendingID, outside.State = "outside", marketplace.AttemptPaid
			moves := marketplace.Change{
				At: noon, Before: before, After: before, Attempt: &outside, Told: marketplace.Told{WebhookID: "w2", Digest: "d", JobState: before.State},
				Entries: []marketplace.Entry{{At: noon, Event: marketplace.EventOverpaid, From: before.State, To: before.State}},
			}
			return s.Record(ctx, moves)
		},
		"SaveStarted": func() error {
			if err := s.SaveStarted(ctx, started, marketplace.Entry{At: noon, Event: marketplace.EventPaymentStarted}, noon); err != nil {
				return err
			}
			again := attempt("again") // the payments service answers with the payment that there is
			if err := s.CreateAttempt(ctx, again, noon); err != nil {
				return err
			}
			again.PendingID, again.State = started.PendingID, started.State
			return s.SaveStarted(ctx, again, marketplace.Entry{At: noon, Event: marketplace.EventPaymentStarted}, noon)
		},
		"Session":         func() error { _, err := s.Session(ctx, token); return err },
		"SetWallet":       func() error { return s.SetWallet(ctx, funder.ID, "https://wallet.example/moved") },
		"Told":            func() error { _, err := s.Told(ctx, webhook); return err },
		"User":            func() error { _, err := s.User(ctx, funder.ID); return err },
		"WalletAddresses": func() error { _, err := s.WalletAddresses(ctx, 10); return err },
		"UserByEmail":     func() error { _, err := s.UserByEmail(ctx, "person-7@market.example"); return err },
	}, during)
}
