package store_test

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/store"
	"tianguis.example/payments/money"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 123456000, time.UTC)

// fixture is a store with a funder, a worker and a job in review.
type fixture struct {
	*store.Store
	t      *testing.T
	db     *database.DB
	funder marketplace.UserID
	worker marketplace.UserID
	job    marketplace.JobID
}

func each(t *testing.T, f func(t *testing.T, s *fixture)) {
	t.Helper()
	databasetest.EachAndLosing(t, store.Migrations(), func(t *testing.T, db *database.DB) {
		s := &fixture{Store: store.New(db), t: t, db: db}
		s.funder = s.person("funder@example.com")
		s.worker = s.person("worker@example.com")
		s.job = s.newJob(marketplace.Reviewing)
		f(t, s)
	})
}

func (s *fixture) person(email string) marketplace.UserID {
	s.t.Helper()
	id, err := s.CreateUser(s.t.Context(), marketplace.User{
		Email: email, Name: "N " + email, Role: marketplace.Both, WalletAddressURL: "https://w.example/a", PasswordHash: "$h", CreatedAt: noon,
	})
	require.NoError(s.t, err)
	return id
}

func (s *fixture) newJob(state marketplace.State) marketplace.JobID {
	s.t.Helper()
	budget, err := money.ParseDecimal("19.99", "MXN", 2)
	require.NoError(s.t, err)
	id, err := s.CreateJob(s.t.Context(), marketplace.Job{
		Title: "T", Description: "D", State: state, Budget: budget, Funder: s.funder, Worker: s.worker,
		MaxApplications: marketplace.MaxApplications, RecruitDays: marketplace.RecruitDays, SubmitDays: marketplace.SubmitDays, CreatedAt: noon, UpdatedAt: noon,
	}, []marketplace.Entry{{At: noon, By: s.funder, Event: marketplace.EventCreated, From: marketplace.Draft, To: marketplace.Draft}})
	require.NoError(s.t, err)
	return id
}

// move puts a job into another state, whatever the rules say.
func (s *fixture) move(id marketplace.JobID, state marketplace.State) {
	s.t.Helper()
	s.exec("UPDATE jobs SET state = ? WHERE id = ?", string(state), int64(id))
}

// exec writes what no method of the store does.
func (s *fixture) exec(statement string, args ...any) {
	s.t.Helper()
	require.NoError(s.t, s.db.Transact(s.t.Context(), func(tx *gorm.DB) error { return tx.Exec(statement, args...).Error }))
}

func (s *fixture) found(who marketplace.UserID, f marketplace.JobFilter) (ids []marketplace.JobID) {
	s.t.Helper()
	found, err := s.FindJobs(s.t.Context(), marketplace.User{ID: who}, f)
	require.NoError(s.t, err)
	for _, line := range found.Lines {
		ids = append(ids, line.ID)
	}
	return ids
}

func (s *fixture) attempt(id, session string, askAt time.Time) marketplace.Attempt {
	s.t.Helper()
	a := marketplace.Attempt{
		ID: id, JobID: s.job, UserID: s.funder, SessionID: session, BuyerWalletAddressURL: "https://w.example/f",
		State: marketplace.AttemptStarting, CreatedAt: noon, UpdatedAt: noon,
	}
	require.NoError(s.t, s.CreateAttempt(s.t.Context(), a, askAt))
	return a
}

func TestMigrations_SameNamesOnBothSides(t *testing.T) {
	t.Parallel()
	lite, err := fs.Glob(store.Migrations(), "sqlite/*.sql")
	require.NoError(t, err)
	pg, err := fs.Glob(store.Migrations(), "postgres/*.sql")
	require.NoError(t, err)
	require.NotEmpty(t, lite)
	require.Len(t, pg, len(lite))
	for i := range lite {
		require.Equal(t, lite[i][len("sqlite/"):], pg[i][len("postgres/"):])
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		u, err := s.UserByEmail(t.Context(), "funder@example.com")
		require.NoError(t, err)
		require.Equal(t, marketplace.User{
			ID: s.funder, Email: "funder@example.com", Name: "N funder@example.com", Role: marketplace.Both,
			WalletAddressURL: "https://w.example/a", PasswordHash: "$h", Version: 1, CreatedAt: noon,
		}, u)
		_, err = s.UserByEmail(t.Context(), "nobody@example.com")
		require.Equal(t, marketplace.CodeNotFound, marketplace.CodeOf(err))
		_, err = s.CreateUser(t.Context(), u)
		require.Equal(t, marketplace.CodeTaken, marketplace.CodeOf(err))
		require.NoError(t, s.SetWallet(t.Context(), s.funder, "https://w.example/b"))
		u, err = s.User(t.Context(), s.funder)
		require.NoError(t, err)
		require.Equal(t, "https://w.example/b", u.WalletAddressURL)
	})
}

func TestSessions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		old := marketplace.Session{ID: "old", TokenHash: "h-old", UserID: s.funder, CreatedAt: noon.Add(-48 * time.Hour), ExpiresAt: noon.Add(-time.Hour)}
		require.NoError(t, s.CreateSession(t.Context(), old, "funder@example.com"))
		session := marketplace.Session{ID: "new", TokenHash: "h-new", UserID: s.funder, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}
		require.NoError(t, s.CreateSession(t.Context(), session, "funder@example.com"))
		got, err := s.Session(t.Context(), "h-new", 0)
		require.NoError(t, err)
		require.Equal(t, session, got.Session)
		require.Equal(t, s.funder, got.User.ID)
		require.True(t, got.Valid(noon))
		require.False(t, got.Valid(noon.Add(time.Hour)))
		_, err = s.Session(t.Context(), "h-old", 0)
		require.Equal(t, marketplace.CodeNotFound, marketplace.CodeOf(err), "an expired one is forgotten")
		require.NoError(t, s.DeleteSession(t.Context(), "new", s.funder))
		_, err = s.Session(t.Context(), "h-new", 0)
		require.Equal(t, marketplace.CodeNotFound, marketplace.CodeOf(err))
	})
}

func TestSignInTries(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		try := func(email, peer string, at time.Time) [2]int {
			e, p, err := s.AddTry(t.Context(), marketplace.Try{Kind: marketplace.TryPassword, Email: email, Peer: peer, At: at}, at.Add(-15*time.Minute))
			require.NoError(t, err)
			return [2]int{e, p}
		}
		require.Equal(t, [2]int{1, 1}, try("a@x", "10.0.0.1", noon))
		require.Equal(t, [2]int{2, 1}, try("a@x", "10.0.0.2", noon.Add(time.Minute)))
		require.Equal(t, [2]int{1, 2}, try("b@x", "10.0.0.1", noon.Add(2*time.Minute)))
		require.Equal(t, [2]int{2, 2}, try("a@x", "10.0.0.2", noon.Add(15*time.Minute+time.Second)), "the first is forgotten")
		require.NoError(t, s.CreateSession(t.Context(), marketplace.Session{ID: "s", TokenHash: "h", UserID: s.funder, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}, "a@x"))
		require.Equal(t, [2]int{1, 1}, try("a@x", "10.0.0.2", noon.Add(16*time.Minute)), "signing in clears the e-mail's")
	})
}

// jobFor is JobFor, with which StandingFor has to agree as far as it goes.
func (s *fixture) jobFor(id marketplace.JobID, viewer marketplace.User) (marketplace.JobView, error) {
	view, err := s.JobFor(s.t.Context(), id, viewer)
	standing, short := s.StandingFor(s.t.Context(), id, viewer)
	require.Equal(s.t, err, short)
	require.Equal(s.t, view.Job, standing.Job)
	require.Equal(s.t, view.Attempt, standing.Attempt)
	return view, err
}

func TestJobs_RoundTripAndViews(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		job, err := s.Job(t.Context(), s.job)
		require.NoError(t, err)
		require.Equal(t, "19.99 MXN", job.Budget.String())
		require.Equal(t, noon, job.CreatedAt)
		require.Equal(t, s.worker, job.Worker)
		require.EqualValues(t, 1, job.Version)

		stranger := s.person("zoe@example.com")
		recruiting := s.newJob(marketplace.Recruiting)
		_, err = s.jobFor(s.job, marketplace.User{ID: stranger})
		require.Equal(t, marketplace.CodeNotFound, marketplace.CodeOf(err))
		view, err := s.jobFor(s.job, marketplace.User{ID: s.worker})
		require.NoError(t, err)
		require.Equal(t, "N worker@example.com", view.WorkerPerson.Name)
		require.Nil(t, view.Attempt)
		require.Equal(t, []marketplace.EntryView{{ByName: "N funder@example.com", Entry: marketplace.Entry{
			At: noon, By: s.funder, Event: marketplace.EventCreated, From: marketplace.Draft, To: marketplace.Draft,
		}}}, view.History)
		require.Equal(t, []marketplace.JobID{recruiting}, s.found(stranger, marketplace.JobFilter{}))
		require.Equal(t, []marketplace.JobID{recruiting, s.job}, s.found(s.funder, marketplace.JobFilter{}))
		_, err = s.AnyJob(t.Context(), 999)
		require.Equal(t, marketplace.CodeNotFound, marketplace.CodeOf(err))
	})
}

// TestJobs_PaymentsAreNotForStrangers: a job that recruits is for everybody to see, what was paid for it is not.
func TestJobs_PaymentsAreNotForStrangers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		attempt := s.attempt("01A", "s", noon)
		s.move(s.job, marketplace.Recruiting)
		s.paidOutOfTurn(s.job, attempt)
		operator, err := s.CreateUser(t.Context(), marketplace.User{Email: "op@example.com", Name: "O", Role: marketplace.Both, Operator: true, CreatedAt: noon})
		require.NoError(t, err)
		require.NoError(t, s.CreateSession(t.Context(), marketplace.Session{ID: "s", TokenHash: "h", UserID: operator, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}, ""))
		signedIn, err := s.Session(t.Context(), "h", 0)
		require.NoError(t, err)
		require.True(t, signedIn.User.Operator)
		for _, knows := range []marketplace.User{{ID: s.funder}, {ID: s.worker}, signedIn.User} {
			view, err := s.jobFor(s.job, knows)
			require.NoError(t, err)
			require.True(t, view.ContractCompleted)
			require.Equal(t, "01A", view.Attempt.ID)
			require.Len(t, view.History, 2)
			found, err := s.FindJobs(t.Context(), knows, marketplace.JobFilter{State: marketplace.Recruiting})
			require.NoError(t, err)
			require.Equal(t, s.job, found.Lines[0].ID)
			require.True(t, found.Lines[0].PaidOutOfTurn())
		}
		stranger := marketplace.User{ID: s.person("zoe@example.com")}
		view, err := s.jobFor(s.job, stranger)
		require.NoError(t, err)
		require.False(t, view.ContractCompleted)
		require.Empty(t, view.PaymentID)
		require.Nil(t, view.Attempt)
		require.Len(t, view.History, 1)
		found, err := s.FindJobs(t.Context(), stranger, marketplace.JobFilter{})
		require.NoError(t, err)
		require.False(t, found.Lines[0].PaidOutOfTurn())
	})
}

// paidOutOfTurn records that money came by this attempt for a job that did not wait for it.
func (s *fixture) paidOutOfTurn(id marketplace.JobID, a marketplace.Attempt) {
	s.t.Helper()
	before, err := s.Job(s.t.Context(), id)
	require.NoError(s.t, err)
	after := before
	after.PaymentID, after.ContractCompleted = "https://w.example/o/1", true
	a.State = marketplace.AttemptPaid
	require.NoError(s.t, s.Record(s.t.Context(), marketplace.Change{At: noon, Before: before, After: after, Attempt: &a, Entries: []marketplace.Entry{
		{At: noon, Event: marketplace.EventPaidOutOfTurn, From: before.State, To: before.State, Detail: "https://w.example/o/1"},
	}}))
}

// TestOperations: what needs a person, what is open for long, and the news; each with its job.
func TestOperations(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		o, err := s.Operations(t.Context(), noon.Add(time.Hour))
		require.NoError(t, err)
		require.Empty(t, slices.Concat(o.Odd, o.News))
		require.Empty(t, o.Open)

		canceled := s.newJob(marketplace.Reviewing)
		reviewing := s.job
		s.job = canceled
		attempt := s.attempt("01A", "s", noon)
		s.move(canceled, marketplace.Canceled)
		s.paidOutOfTurn(canceled, attempt)
		s.job = reviewing
		started := s.attempt("01B", "s", noon)
		started.PendingID, started.State = "P1", marketplace.AttemptAwaiting
		require.NoError(t, s.SaveStarted(t.Context(), started, marketplace.Entry{At: noon, By: s.funder, Event: marketplace.EventPaymentStarted, Detail: "20.00 MXN"}, noon))
		s.attempt("01C", "s", noon)

		o, err = s.Operations(t.Context(), noon.Add(time.Microsecond))
		require.NoError(t, err)
		require.Len(t, o.Odd, 1)
		require.Equal(t, canceled, o.Odd[0].ID)
		require.Equal(t, marketplace.EventPaidOutOfTurn, o.Odd[0].Event)
		require.Equal(t, marketplace.Canceled, o.Odd[0].From)
		require.Equal(t, "N funder@example.com", o.Odd[0].FunderName)
		require.Equal(t, "19.99 MXN", o.Odd[0].Budget.String())
		require.Empty(t, o.Odd[0].ByName, "the marketplace itself wrote it down")
		require.Len(t, o.News, 2)
		require.Equal(t, marketplace.EventPaymentStarted, o.News[0].Event, "the newest first; how the jobs came to be is no news of payments")
		require.Equal(t, "N funder@example.com", o.News[0].ByName)
		require.Equal(t, reviewing, o.News[0].ID)
		require.Len(t, o.Open, 2)
		for i, want := range []marketplace.AttemptState{marketplace.AttemptAwaiting, marketplace.AttemptStarting} {
			require.Equal(t, want, o.Open[i].State)
			require.Equal(t, reviewing, o.Open[i].Job.ID)
			require.Equal(t, "N worker@example.com", o.Open[i].Job.WorkerName)
		}
		o, err = s.Operations(t.Context(), noon)
		require.NoError(t, err)
		require.Empty(t, o.Open, "not for long yet")

		for i := range marketplace.OperationsLines {
			s.paidOutOfTurn(s.newJob(marketplace.Expired), marketplace.Attempt{ID: fmt.Sprintf("02%02d", i), JobID: s.job, CreatedAt: noon, UpdatedAt: noon})
		}
		o, err = s.Operations(t.Context(), noon)
		require.NoError(t, err)
		require.Len(t, o.Odd, marketplace.OperationsLines)
		require.Len(t, o.News, marketplace.OperationsLines)
		require.Equal(t, marketplace.Expired, o.Odd[0].From)
	})
}

// plan is how the database goes about a query.
func (s *fixture) plan(query string) (plan []string) {
	s.t.Helper()
	if s.db.Dialect() == database.Postgres {
		// A small table is read whole, unless that is forbidden.
		require.NoError(s.t, s.db.Transact(s.t.Context(), func(tx *gorm.DB) error {
			if err := tx.Exec("SET LOCAL enable_seqscan = off").Error; err != nil {
				return err
			}
			return tx.Raw("EXPLAIN " + query).Scan(&plan).Error
		}))
		return plan
	}
	var steps []struct{ Detail string }
	require.NoError(s.t, s.db.Read(s.t.Context()).Raw("EXPLAIN QUERY PLAN "+query).Scan(&steps).Error)
	for _, step := range steps {
		plan = append(plan, step.Detail)
	}
	return plan
}

// TestOperations_HaveTheirIndexes: those of the migrations are for the very events that the rules list. A history is long, and these are few.
func TestOperations_HaveTheirIndexes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		for index, events := range map[string][]string{"job_history_odd": marketplace.OddEvents, "job_history_payments": marketplace.PaymentEvents} {
			query := "SELECT id FROM job_history WHERE event IN ('" + strings.Join(events, "', '") + "') ORDER BY id DESC LIMIT 50"
			require.Contains(t, strings.Join(s.plan(query), "\n"), index)
		}
	})
}

func TestRecord_StaleIsRefusedWhole(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		job, err := s.Job(t.Context(), s.job)
		require.NoError(t, err)
		change, err := job.Do(marketplace.Pay, 0, "", noon.Add(time.Hour))
		require.NoError(t, err)
		change.Told = marketplace.Told{WebhookID: "w1", Digest: "d1", JobState: marketplace.Complete}
		require.NoError(t, s.Record(t.Context(), change))
		again := change
		again.Told.WebhookID = "w2"
		require.ErrorIs(t, s.Record(t.Context(), again), marketplace.ErrStale)
		again.Entries = nil
		require.ErrorIs(t, s.Record(t.Context(), again), marketplace.ErrStale, "nothing to do, decided upon what is no more")
		view, err := s.AnyJob(t.Context(), s.job)
		require.NoError(t, err)
		require.Len(t, view.History, 2)
		require.EqualValues(t, 2, view.Version)
		require.Equal(t, noon.Add(time.Hour), view.UpdatedAt)
		var seen []string
		require.NoError(t, s.db.Read(t.Context()).Raw("SELECT webhook_id FROM webhooks_seen").Scan(&seen).Error)
		require.Equal(t, []string{"w1"}, seen)
	})
}

// TestTold_IsKeptAsItWasFirst: whoever decided second upon the same webhook has to look again.
func TestTold_IsKeptAsItWasFirst(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		told, err := s.Told(t.Context(), "w1")
		require.NoError(t, err)
		require.Nil(t, told)
		job, err := s.Job(t.Context(), s.job)
		require.NoError(t, err)
		nothing := marketplace.Change{At: noon, Before: job, After: job, Told: marketplace.Told{WebhookID: "w1", Digest: "d1", JobState: marketplace.Reviewing}}
		require.NoError(t, s.Record(t.Context(), nothing))
		second := nothing
		second.Told.Digest, second.Told.JobState = "d2", marketplace.Complete
		require.ErrorIs(t, s.Record(t.Context(), second), marketplace.ErrStale)
		told, err = s.Told(t.Context(), "w1")
		require.NoError(t, err)
		require.Equal(t, nothing.Told, *told)

		// One that an older program has seen: nothing is known of it but the id.
		databasetest.Exec(t, s.db, "INSERT INTO webhooks_seen (webhook_id, job_id, received_at) VALUES ('w0', ?, ?)", int64(s.job), noon)
		told, err = s.Told(t.Context(), "w0")
		require.NoError(t, err)
		require.Nil(t, told)
		old := nothing
		old.Told.WebhookID = "w0"
		require.NoError(t, s.Record(t.Context(), old))
		told, err = s.Told(t.Context(), "w0")
		require.NoError(t, err)
		require.Equal(t, old.Told, *told)
	})
}

// TestRecord_Overpaid: of an attempt that was there, and of one that comes with the news.
func TestRecord_Overpaid(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		over, err := money.ParseDecimal("5.00", "MXN", 2)
		require.NoError(t, err)
		a := s.attempt("01A", "s", noon)
		a.PendingID, a.State = "P1", marketplace.AttemptAwaiting
		require.NoError(t, s.SaveStarted(t.Context(), a, marketplace.Entry{At: noon, Event: "payment_started"}, noon))
		other := a
		other.ID, other.PendingID = "01B", "P2"
		for _, attempt := range []marketplace.Attempt{a, other} {
			job, err := s.Job(t.Context(), s.job)
			require.NoError(t, err)
			attempt.State, attempt.Overpaid = marketplace.AttemptPaid, over
			require.NoError(t, s.Record(t.Context(), marketplace.Change{At: noon, Before: job, After: job, Attempt: &attempt}))
			got, err := s.AttemptByPendingID(t.Context(), attempt.PendingID)
			require.NoError(t, err)
			require.Equal(t, over, got.Overpaid)
		}
	})
}

func TestRecord_AtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		job, err := s.Job(t.Context(), s.job)
		require.NoError(t, err)
		change, err := job.Do(marketplace.Pay, 0, "", noon)
		require.NoError(t, err)
		results := make(chan error, 20)
		var all sync.WaitGroup
		for range cap(results) {
			all.Go(func() { results <- s.Record(context.WithoutCancel(t.Context()), change) })
		}
		all.Wait()
		close(results)
		recorded := 0
		for err := range results {
			if err == nil {
				recorded++
				continue
			}
			require.ErrorIs(t, err, marketplace.ErrStale)
		}
		require.Equal(t, 1, recorded)
	})
}

func TestSaveStarted_AgainTiesThePaymentToTheNewSession(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		first := s.attempt("01A", "session-1", noon)
		first.PendingID, first.State, first.ExpiresAt = "P1", marketplace.AttemptAwaiting, noon.Add(time.Hour)
		entry := marketplace.Entry{At: noon, By: s.funder, Event: marketplace.EventPaymentStarted}
		require.NoError(t, s.SaveStarted(t.Context(), first, entry, noon))
		second := s.attempt("01B", "session-2", noon)
		second.PendingID, second.State = "P1", marketplace.AttemptAwaiting
		require.NoError(t, s.SaveStarted(t.Context(), second, entry, noon))

		got, err := s.AttemptByPendingID(t.Context(), "P1")
		require.NoError(t, err)
		require.Equal(t, "01A", got.ID)
		require.Equal(t, "session-2", got.SessionID)
		require.Equal(t, noon.Add(time.Hour), got.ExpiresAt)
		view, err := s.AnyJob(t.Context(), s.job)
		require.NoError(t, err)
		require.Equal(t, "01A", view.Attempt.ID, "the replaced one is not shown")
		require.Len(t, view.History, 2)
		require.Equal(t, marketplace.Reviewing, view.History[1].From)

		other := s.newJob(marketplace.Reviewing)
		foreign := marketplace.Attempt{ID: "01C", JobID: other, PendingID: "P1", State: marketplace.AttemptAwaiting, CreatedAt: noon, UpdatedAt: noon}
		require.Equal(t, marketplace.CodeForeignPayment, marketplace.CodeOf(s.SaveStarted(t.Context(), foreign, entry, noon)))
		_, err = s.AttemptByPendingID(t.Context(), "")
		require.Equal(t, marketplace.CodeNotFound, marketplace.CodeOf(err))
	})
}

func TestCloseAndConfirm_LeaveAloneWhatHasEnded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		a := s.attempt("01A", "s", noon)
		a.PendingID, a.State = "P1", marketplace.AttemptAwaiting
		require.NoError(t, s.SaveStarted(t.Context(), a, marketplace.Entry{At: noon, Event: "payment_started"}, noon))
		closed := a
		closed.State = marketplace.AttemptFailed
		require.NoError(t, s.CloseAttempt(t.Context(), closed))
		got, err := s.AttemptByPendingID(t.Context(), "P1")
		require.NoError(t, err)
		require.Equal(t, marketplace.AttemptAwaiting, got.State)

		job, err := s.Job(t.Context(), s.job)
		require.NoError(t, err)
		a.State = marketplace.AttemptPaid
		require.NoError(t, s.Record(t.Context(), marketplace.Change{At: noon, Before: job, After: job, Attempt: &a}))
		require.NoError(t, s.Confirming(t.Context(), a, noon, noon))
		got, err = s.AttemptByPendingID(t.Context(), "P1")
		require.NoError(t, err)
		require.Equal(t, marketplace.AttemptPaid, got.State)
	})
}

func TestClaimAttempts_EachOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		for i := range 30 {
			s.attempt(fmt.Sprintf("01%02d", i), "s", noon.Add(time.Duration(i)*time.Microsecond))
		}
		s.attempt("01LATER", "s", noon.Add(time.Hour))
		now, lease := noon.Add(time.Minute), noon.Add(2*time.Minute)
		var mu sync.Mutex
		seen := map[string]int{}
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				for {
					claimed, err := s.ClaimAttempts(context.WithoutCancel(t.Context()), 4, now, lease)
					if err != nil || len(claimed) == 0 {
						if err != nil {
							t.Errorf("claim: %v", err)
						}
						return
					}
					mu.Lock()
					for _, a := range claimed {
						seen[a.ID]++
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
		// A claimer that skips others' locked rows may see none and leave early; another gets the rest.
		require.Len(t, seen, 30)
		for id, n := range seen {
			require.Equal(t, 1, n, id)
		}
		again, err := s.ClaimAttempts(t.Context(), 100, lease, lease.Add(time.Minute))
		require.NoError(t, err)
		require.Len(t, again, 30, "a lease that ran out")
		require.Equal(t, 2, again[0].Polls)

		require.NoError(t, s.AskAgainAt(t.Context(), "0100", lease, noon), "not the lease any more")
		require.NoError(t, s.AskAgainAt(t.Context(), "0101", lease.Add(time.Minute), noon))
		again, err = s.ClaimAttempts(t.Context(), 100, now, lease)
		require.NoError(t, err)
		require.Len(t, again, 1)
		require.Equal(t, "0101", again[0].ID)
	})
}

func TestKnownPendingIDs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		a := s.attempt("01A", "s", noon)
		a.PendingID, a.State = "P1", marketplace.AttemptAwaiting
		require.NoError(t, s.SaveStarted(t.Context(), a, marketplace.Entry{At: noon, Event: "payment_started"}, noon))
		s.attempt("01B", "s", noon)
		known, err := s.KnownPendingIDs(t.Context(), s.job)
		require.NoError(t, err)
		require.Equal(t, map[string]bool{"P1": true}, known)
	})
}

func TestWalletAddresses_TheNewestPeoples(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		require.NoError(t, s.SetWallet(t.Context(), s.funder, "https://w.example/b"))
		s.person("ada@example.com")
		nobody := s.person("bea@example.com")
		require.NoError(t, s.SetWallet(t.Context(), nobody, ""))
		all, err := s.WalletAddresses(t.Context(), 5)
		require.NoError(t, err)
		require.Equal(t, []string{"https://w.example/a", "https://w.example/b"}, all, "each once")
		all, err = s.WalletAddresses(t.Context(), 1)
		require.NoError(t, err)
		require.Equal(t, []string{"https://w.example/a"}, all)
	})
}
