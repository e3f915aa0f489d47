package deadline_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/deadline"
	"tianguis.example/marketplace/store"
	"tianguis.example/payments/money"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// world is a database with people, and a clock that stands at noon until a test moves it.
type world struct {
	*store.Store
	t              *testing.T
	db             *database.DB
	clock          *clock.Held
	funder, worker marketplace.User
}

func each(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	databasetest.Each(t, store.Migrations(), func(t *testing.T, db *database.DB) {
		w := &world{Store: store.New(db), t: t, db: db, clock: clock.NewHeld(noon)}
		w.funder, w.worker = w.person("funder@example.com"), w.person("worker@example.com")
		f(t, w)
	})
}

func (w *world) person(email string) marketplace.User {
	id, err := w.CreateUser(w.t.Context(), marketplace.User{
		Email: email, Name: email, Role: marketplace.Both, WalletAddressURL: "https://w.example/a", PasswordHash: "$h", CreatedAt: noon,
	})
	require.NoError(w.t, err)
	u, err := w.User(w.t.Context(), id)
	require.NoError(w.t, err)
	return u
}

func (w *world) market() *marketplace.Market {
	return marketplace.New(w, nil, w.clock, slog.New(slog.DiscardHandler), marketplace.Options{})
}

func (w *world) keeper() *deadline.Keeper {
	return &deadline.Keeper{Market: w.market(), Jobs: w, Clock: w.clock, Log: slog.New(slog.DiscardHandler), Every: time.Minute}
}

// published is a job that recruits until seven days after noon.
func (w *world) published(applied bool) marketplace.JobID {
	w.t.Helper()
	budget, err := money.ParseDecimal("10.00", "MXN", 2)
	require.NoError(w.t, err)
	terms := marketplace.Terms{Title: "T", Description: "D", Budget: budget, MaxApplications: 10, RecruitDays: 7, SubmitDays: 3}
	id, err := w.market().Create(w.t.Context(), w.funder.ID, terms)
	require.NoError(w.t, err)
	w.act(id, w.funder, marketplace.Command{Action: marketplace.Publish})
	if applied {
		w.act(id, w.worker, marketplace.Command{Action: marketplace.Apply, Text: "Me"})
	}
	return id
}

func (w *world) act(id marketplace.JobID, who marketplace.User, cmd marketplace.Command) {
	w.t.Helper()
	require.NoError(w.t, w.market().Act(w.t.Context(), id, who.ID, cmd))
}

func (w *world) events(id marketplace.JobID) (all []string) {
	view, err := w.AnyJob(w.t.Context(), id)
	require.NoError(w.t, err)
	for _, e := range view.History {
		all = append(all, e.Event)
	}
	return all
}

func (w *world) state(id marketplace.JobID) marketplace.State {
	job, err := w.Job(w.t.Context(), id)
	require.NoError(w.t, err)
	return job.State
}

// run runs keepers until stop; while it lasts, pass moves the clock by small steps, since who waits waits by it.
func (w *world) run(keepers int) (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	var all sync.WaitGroup
	for range keepers {
		all.Go(func() { w.keeper().Run(ctx) })
	}
	return func() { cancel(); all.Wait() }
}

// becomes moves the clock on by the keepers' interval until the job is in a state.
func (w *world) becomes(id marketplace.JobID, state marketplace.State) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		w.clock.Advance(time.Minute)
		return w.state(id) == state
	}, 20*time.Second, 5*time.Millisecond)
}

// TestKeeper_LetsTimeRunOut: whatever a job waits for, and however many replicas keep the deadlines, it happens once.
func TestKeeper_LetsTimeRunOut(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		empty, wanted := w.published(false), w.published(true)
		working := w.published(true)
		w.act(working, w.funder, marketplace.Command{Action: marketplace.Close})
		w.act(working, w.funder, marketplace.Command{Action: marketplace.Select, Worker: w.worker.ID})
		draft, err := w.market().Duplicate(t.Context(), working, w.funder.ID)
		require.NoError(t, err)

		stop := w.run(3)
		defer stop()
		w.clock.Set(noon.Add(3*24*time.Hour - time.Second))
		require.Equal(t, marketplace.Submitting, w.state(working), "not before the deadline")
		w.becomes(working, marketplace.Expired)
		require.Equal(t, marketplace.Recruiting, w.state(empty))
		w.clock.Set(noon.Add(7 * 24 * time.Hour))
		w.becomes(empty, marketplace.Expired)
		w.becomes(wanted, marketplace.Selecting)
		job, err := w.Job(t.Context(), wanted)
		require.NoError(t, err)
		require.WithinDuration(t, noon.Add(7*24*time.Hour+marketplace.SelectTime), job.Deadline, time.Hour)
		w.clock.Set(job.Deadline)
		w.becomes(wanted, marketplace.Expired)
		require.Equal(t, []string{"created", "publish", "expire"}, w.events(empty))
		require.Equal(t, []string{"created", "publish", "apply", "close", "expire"}, w.events(wanted))
		require.Equal(t, []string{"created", "publish", "apply", "close", "select", "expire"}, w.events(working))
		require.Equal(t, []string{"created"}, w.events(draft), "a draft has no deadline")
	})
}

// TestKeeper_AnotherGoesOnWhereOneDied: a claim that nothing came of is a lease that runs out.
func TestKeeper_AnotherGoesOnWhereOneDied(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		id := w.published(false)
		w.clock.Set(noon.Add(7 * 24 * time.Hour))
		now := w.clock.Now()
		claimed, err := w.ClaimOverdue(t.Context(), 10, now, now.Add(time.Minute))
		require.NoError(t, err)
		require.Equal(t, []marketplace.JobID{id}, claimed) // and here its process dies
		stop := w.run(1)
		defer stop()
		w.becomes(id, marketplace.Expired)
		require.False(t, w.clock.Now().Before(now.Add(time.Minute)), "only when the lease had run out")
		require.Equal(t, []string{"created", "publish", "expire"}, w.events(id))
	})
}

// TestKeeper_WaitsForThePayment: a job of which a payment may be under way does not expire; it does when the payment has failed.
func TestKeeper_WaitsForThePayment(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		id := w.published(true)
		w.act(id, w.funder, marketplace.Command{Action: marketplace.Close})
		w.act(id, w.funder, marketplace.Command{Action: marketplace.Select, Worker: w.worker.ID})
		attempt := func(state string) {
			require.NoError(t, w.db.Read(t.Context()).Exec(`INSERT INTO payment_attempts (id, job_id, pending_id, state, created_at, updated_at) VALUES ('01', ?, 'P', ?, ?, ?)
				ON CONFLICT (id) DO UPDATE SET state = excluded.state`, int64(id), state, noon, noon).Error)
		}
		attempt("confirming")
		w.clock.Set(noon.Add(3 * 24 * time.Hour))
		require.Equal(t, marketplace.CodePaymentInFlight, marketplace.CodeOf(w.market().RunOut(t.Context(), id)))
		require.Equal(t, marketplace.Submitting, w.state(id))
		attempt("failed")
		stop := w.run(1)
		defer stop()
		w.becomes(id, marketplace.Expired)
	})
}

// TestAct_TooLate: nobody has seen to the deadline yet, and it holds all the same.
func TestAct_TooLate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		rival := w.person("rival@example.com")
		late := func(id marketplace.JobID, who marketplace.User, cmd marketplace.Command) marketplace.Code {
			err := w.market().Act(t.Context(), id, who.ID, cmd)
			require.Error(t, err)
			return marketplace.CodeOf(err)
		}
		empty, wanted, untouched := w.published(false), w.published(true), w.published(false)
		working := w.published(true)
		w.act(working, w.funder, marketplace.Command{Action: marketplace.Close})
		w.act(working, w.funder, marketplace.Command{Action: marketplace.Select, Worker: w.worker.ID})

		w.clock.Set(noon.Add(7*24*time.Hour - time.Microsecond))
		w.act(untouched, rival, marketplace.Command{Action: marketplace.Apply, Text: "Just in time"})
		w.clock.Set(noon.Add(7 * 24 * time.Hour))
		apply := marketplace.Command{Action: marketplace.Apply, Text: "Me"}
		require.Equal(t, marketplace.CodeNotFound, late(empty, rival, apply), "it is expired, and nobody's but its funder's")
		require.Equal(t, marketplace.Expired, w.state(empty))
		require.Equal(t, marketplace.CodeNotFound, late(wanted, rival, apply))
		require.Equal(t, marketplace.Selecting, w.state(wanted))
		require.Equal(t, marketplace.CodeWrongState, late(working, w.worker, marketplace.Command{Action: marketplace.Submit, Text: "Done"}))
		require.Equal(t, marketplace.Expired, w.state(working))
		w.act(wanted, w.funder, marketplace.Command{Action: marketplace.Select, Worker: w.worker.ID})
		require.Equal(t, []string{"created", "publish", "apply", "close", "select"}, w.events(wanted))
		require.NoError(t, w.market().RunOut(t.Context(), wanted), "of a job that has time, nothing becomes")
		require.Equal(t, marketplace.Submitting, w.state(wanted))
	})
}
