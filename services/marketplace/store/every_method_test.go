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
	file := databasetest.One[string](t, db, "SELECT id FROM submission_files ORDER BY id DESC LIMIT 1")
	fileJob := databasetest.One[int64](t, db, "SELECT w.job_id FROM submission_files f JOIN job_submissions w ON w.id = f.submission_id ORDER BY f.id DESC LIMIT 1")
	webhook := databasetest.One[string](t, db, "SELECT webhook_id FROM webhooks_seen ORDER BY received_at DESC LIMIT 1")

	newcomer := func(email string) marketplace.User {
		return marketplace.User{Email: email, Name: "New", Role: marketplace.Both, PasswordHash: "$", Version: 1, CreatedAt: noon}
	}
	attempt := func(id string) marketplace.Attempt {
		return marketplace.Attempt{ID: id, JobID: reviewing, UserID: funder.ID, SessionID: "s", State: marketplace.AttemptStarting, CreatedAt: noon, UpdatedAt: noon}
	}
	started := attempt("new")
	started.PendingID, started.State = "new-payment", marketplace.AttemptAwaiting
	lease := noon.Add(time.Minute)
	letter := func(id string) *marketplace.Message {
		return &marketplace.Message{ID: id, Channel: marketplace.Email, Kind: marketplace.NotifyPasswordReset, To: "e", State: marketplace.MessagePending, NextAt: noon, Until: lease, At: noon}
	}
	databasetest.EveryMethod(t, s, map[string]func() error{
		"AccountEvents": func() error { _, err := s.AccountEvents(ctx, funder.ID, 20); return err },
		"AddTry": func() error {
			_, _, err := s.AddTry(ctx, marketplace.Try{Kind: marketplace.TryPassword, Email: "person-7@market.example", Peer: "192.0.2.7", At: noon}, noon.Add(-15*time.Minute))
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
		"AttemptsOpen": func() error { _, _, err := s.AttemptsOpen(ctx); return err },
		"Case":         func() error { _, err := s.Case(ctx, reviewing); return err },
		"ChangeAccount": func() error {
			u, err := s.User(ctx, funder.ID)
			if err != nil {
				return err
			}
			link := marketplace.Link{TokenHash: "used", Kind: marketplace.LinkReset, User: u.ID, Email: u.Email, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}
			if err := s.KeepLink(ctx, link, nil); err != nil {
				return err
			}
			c, err := u.SetPassword("four stalls and a parrot", marketplace.AccountPasswordReset, "192.0.2.7", noon)
			if err != nil {
				return err
			}
			c.UseUp, c.Keep = "used", &marketplace.Session{ID: "kept", TokenHash: "kept"}
			return s.ChangeAccount(ctx, c)
		},
		"ClaimAttempts": func() error { _, err := s.ClaimAttempts(ctx, 10, noon, lease); return err },
		"ClaimMessages": func() error { _, err := s.ClaimMessages(ctx, marketplace.Email, 10, noon, lease); return err },
		"ClaimOverdue":  func() error { _, err := s.ClaimOverdue(ctx, 10, noon, lease); return err },
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
		"DeleteSession": func() error { return s.DeleteSession(ctx, "new", funder.ID) },
		"EndAttempt": func() error {
			later := lease.Add(time.Hour)
			claimed, err := s.ClaimMessages(ctx, marketplace.Email, 1, lease, later)
			if err != nil {
				return err
			}
			m := claimed[0]
			m.State, m.EndedAt = marketplace.MessageSent, noon
			return s.EndAttempt(ctx, m, later)
		},
		"FileFor": func() error {
			_, err := s.FileFor(ctx, marketplace.JobID(fileJob), file, marketplace.User{ID: 1 << 40, Operator: true})
			return err
		},
		"FindJobs": func() error {
			var all []error
			for _, who := range []marketplace.User{funder, {ID: 1 << 40, Role: marketplace.Worker}} {
				for _, f := range []marketplace.JobFilter{
					{}, {State: marketplace.Draft}, {Before: 1000}, {Words: "job " + reviewing.String()}, {Words: "nothing like it"}, {Scope: marketplace.ScopeFunder},
					{Scope: marketplace.ScopeWorker}, {Scope: marketplace.ScopeOpen}, {Scope: marketplace.ScopeFunder, State: marketplace.Complete, Words: "crates"},
				} {
					_, err := s.FindJobs(ctx, who, f)
					all = append(all, err)
				}
			}
			return errors.Join(all...)
		},
		"ImportJob": func() error {
			before, err := s.Job(ctx, complete)
			if err != nil {
				return err
			}
			before.State, before.Version = marketplace.Recruiting, 1
			after := before
			after.Title = "Another"
			_, err = s.ImportJob(ctx, before, nil, []marketplace.Change{{
				At: noon, Before: before, After: after, Application: &marketplace.Application{Worker: before.Worker, Message: "Me", AppliedAt: noon},
				Submission: &marketplace.Submission{
					ID: "new", Worker: before.Worker, Text: "Done.", At: noon, Files: []marketplace.File{{ID: "new", Name: "crates.jpg", MediaType: "image/jpeg", Size: 1}},
				},
				Entries: []marketplace.Entry{{At: noon, Event: string(marketplace.Edit), From: before.State, To: before.State}},
			}})
			return err
		},
		"Job":           func() error { _, err := s.Job(ctx, complete); return err },
		"JobAndAttempt": func() error { _, _, err := s.JobAndAttempt(ctx, reviewing, pendingID); return err },
		"JobFor":        func() error { _, err := s.JobFor(ctx, reviewing, funder); return err },
		"JobToPay":      func() error { _, _, _, err := s.JobToPay(ctx, reviewing, funder.ID); return err },
		"JobsOf": func() error {
			_, busy := s.JobsOf(ctx, funder)
			_, stranger := s.JobsOf(ctx, marketplace.User{ID: 1 << 40, Role: marketplace.Worker})
			return errors.Join(busy, stranger)
		},
		"KeepLink": func() error {
			return s.KeepLink(ctx, marketplace.Link{TokenHash: "kept", Kind: marketplace.LinkReset, User: funder.ID, Email: "e", CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}, letter("kept-link"))
		},
		"KeepSignUp": func() error {
			return s.KeepSignUp(ctx, marketplace.SignUp{TokenHash: "kept", User: newcomer("kept@market.example"), CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}, *letter("free"), *letter("taken"))
		},
		"KnownFiles":      func() error { _, err := s.KnownFiles(ctx, []string{"F", "G"}); return err },
		"KnownPendingIDs": func() error { _, err := s.KnownPendingIDs(ctx, complete); return err },
		"Link": func() error {
			_, err := s.Link(ctx, marketplace.LinkReset, databasetest.One[string](t, db, "SELECT token_hash FROM account_links ORDER BY expires_at DESC LIMIT 1"))
			return err
		},
		"Messages": func() error {
			_, newest := s.Messages(ctx, store.MessageFilter{}, 50)
			_, dead := s.Messages(ctx, store.MessageFilter{State: marketplace.MessageDead, Before: "Z"}, 50)
			return errors.Join(newest, dead)
		},
		"MessagesPending": func() error { _, _, err := s.MessagesPending(ctx, marketplace.Email); return err },
		"MoneyLines": func() error {
			_, newest := s.MoneyLines(ctx, funder.ID, "", 50)
			_, older := s.MoneyLines(ctx, funder.ID, "M", 50)
			return errors.Join(newest, older)
		},
		"MoneyOf": func() error { _, err := s.MoneyOf(ctx, funder.ID, noon); return err },
		"NotificationsOf": func() error {
			_, newest := s.NotificationsOf(ctx, funder.ID, 0, 51)
			_, older := s.NotificationsOf(ctx, funder.ID, 1000, 51)
			return errors.Join(newest, older)
		},
		"Notify": func() error {
			return s.Notify(ctx, marketplace.Notification{To: funder.ID, Kind: marketplace.NotifyPasswordChanged, At: noon})
		},
		"JobsForOperator": func() error {
			var all []error
			for _, f := range []marketplace.JobsFilter{
				{}, {State: marketplace.Reviewing}, {State: marketplace.Draft}, {Person: funder.ID}, {Asset: "MXN", Before: reviewing}, {Asset: "EUR"},
				{Payment: marketplace.AttemptAwaiting}, {Payment: marketplace.AttemptPaid}, {Words: "job " + reviewing.String()},
			} {
				_, err := s.JobsForOperator(ctx, f, 31)
				all = append(all, err)
			}
			return errors.Join(all...)
		},
		"LookedInto": func() error {
			odd := databasetest.One[int64](t, db, "SELECT id FROM job_history WHERE event = 'overpaid' AND id % 2 = 1 ORDER BY id DESC LIMIT 1")
			return s.LookedInto(ctx, odd, marketplace.OperatorAction{At: noon, Event: marketplace.OperatorLookedInto, Reason: "Found."})
		},
		"OperatorActions": func() error {
			var all []error
			for _, f := range []marketplace.ActionsFilter{
				{}, {Event: marketplace.OperatorLooked}, {Event: marketplace.OperatorCanceled}, {By: 7}, {Subject: "person:7"}, {Before: 100},
			} {
				_, err := s.OperatorActions(ctx, f, 31)
				all = append(all, err)
			}
			return errors.Join(all...)
		},
		"PaymentsForOperator": func() error {
			var all []error
			for _, f := range []marketplace.PaymentsFilter{
				{}, {State: marketplace.AttemptFailed}, {State: marketplace.AttemptStarting}, {Open: true}, {Person: funder.ID}, {Job: complete}, {PendingID: pendingID}, {Before: "M"},
			} {
				_, err := s.PaymentsForOperator(ctx, f, 31)
				all = append(all, err)
			}
			return errors.Join(all...)
		},
		"People": func() error {
			var all []error
			for _, f := range []marketplace.PeopleFilter{
				{}, {Words: "person 777"}, {Role: marketplace.Funder}, {Standing: marketplace.StandsDisabled}, {Standing: marketplace.StandsOperator}, {Before: 1000},
			} {
				_, err := s.People(ctx, f, 31)
				all = append(all, err)
			}
			return errors.Join(all...)
		},
		"Person": func() error { _, err := s.Person(ctx, funder.ID); return err },
		"RecordAction": func() error {
			return s.RecordAction(ctx, marketplace.OperatorAction{At: noon, Event: marketplace.OperatorExported, Subject: marketplace.AboutPeople})
		},
		"RecordLook": func() error {
			return s.RecordLook(ctx, marketplace.OperatorAction{At: noon, By: marketplace.Actor{ID: 1}, Event: marketplace.OperatorLooked, Subject: "person:7"}, noon.Add(-time.Hour))
		},
		"VerifyActions": func() error {
			_, newest := s.VerifyActions(ctx, marketplace.CheckActionsNewest, "")
			_, all := s.VerifyActions(ctx, 0, "1:none")
			return errors.Join(newest, all)
		},
		"Operations":    func() error { _, err := s.Operations(ctx, noon.Add(-time.Hour)); return err },
		"Ping":          func() error { return s.Ping(ctx) },
		"PreferencesOf": func() error { _, err := s.PreferencesOf(ctx, funder.ID); return err },
		"PruneMessages": func() error { _, err := s.PruneMessages(ctx, noon); return err },
		"ReadAllNotifications": func() error {
			return s.ReadAllNotifications(ctx, funder.ID, 1<<40, noon)
		},
		"ReadNotification": func() error {
			own := databasetest.One[int64](t, db, "SELECT id FROM notifications WHERE user_id = "+funder.ID.String()+" ORDER BY id DESC LIMIT 1")
			_, err := s.ReadNotification(ctx, funder.ID, own, noon)
			return err
		},
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
		"Register": func() error {
			if _, err := s.Register(ctx, newcomer("registered@market.example"), "192.0.2.7", ""); err != nil {
				return err
			}
			u := newcomer("confirmed@market.example")
			if err := s.KeepSignUp(ctx, marketplace.SignUp{TokenHash: "confirmed", User: u, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}, *letter("free-2"), *letter("taken-2")); err != nil {
				return err
			}
			_, err := s.Register(ctx, u, "192.0.2.7", "confirmed")
			return err
		},
		"RetryMessages": func() error {
			_, some := s.RetryMessages(ctx, []string{"none", "such"}, noon)
			_, all := s.RetryMessages(ctx, nil, noon)
			return errors.Join(some, all)
		},
		"SaveLate": func() error {
			late, err := s.AttemptByPendingID(ctx, pendingID)
			if err != nil {
				return err
			}
			return s.SaveLate(ctx, late, marketplace.Entry{At: noon, Event: marketplace.EventPaymentLate, Detail: pendingID})
		},
		"SavePreferences": func() error {
			return s.SavePreferences(ctx, funder.ID, marketplace.Preferences{Phone: "+525512345678"})
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
		"Session": func() error {
			_, alone := s.Session(ctx, token, 0)
			_, counted := s.Session(ctx, token, 100)
			return errors.Join(alone, counted)
		},
		"SeenSession": func() error { return s.SeenSession(ctx, "new", noon) },
		"SessionsOf":  func() error { _, err := s.SessionsOf(ctx, funder.ID, noon); return err },
		"SignUp": func() error {
			_, err := s.SignUp(ctx, databasetest.One[string](t, db, "SELECT token_hash FROM sign_ups ORDER BY expires_at DESC LIMIT 1"))
			return err
		},
		"SetWallet": func() error { return s.SetWallet(ctx, funder.ID, "https://wallet.example/moved") },
		"StandingFor": func() error {
			_, funders := s.StandingFor(ctx, reviewing, funder)
			_, strangers := s.StandingFor(ctx, reviewing, marketplace.User{ID: 1 << 40, Role: marketplace.Worker})
			if marketplace.CodeOf(strangers) == marketplace.CodeNotFound {
				strangers = nil
			}
			return errors.Join(funders, strangers)
		},
		"Told":            func() error { _, err := s.Told(ctx, webhook); return err },
		"Unread":          func() error { _, err := s.Unread(ctx, funder.ID, 100); return err },
		"User":            func() error { _, err := s.User(ctx, funder.ID); return err },
		"UserByEmail":     func() error { _, err := s.UserByEmail(ctx, "person-7@market.example"); return err },
		"Users":           func() error { _, err := s.Users(ctx, 0, 100); return err },
		"WalletAddresses": func() error { _, err := s.WalletAddresses(ctx, 20); return err },
	}, during)
}
