package store_test

import (
	"io/fs"
	"path"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/store"
)

// act decides and records, as the marketplace does.
func (s *fixture) act(id marketplace.JobID, cmd marketplace.Command, now time.Time) marketplace.Case {
	s.t.Helper()
	c, err := s.Case(s.t.Context(), id)
	require.NoError(s.t, err)
	user, err := s.User(s.t.Context(), cmd.By.ID)
	require.NoError(s.t, err)
	cmd.By = user
	change, err := c.Decide(cmd, now)
	require.NoError(s.t, err)
	require.NoError(s.t, s.Record(s.t.Context(), change))
	c, err = s.Case(s.t.Context(), id)
	require.NoError(s.t, err)
	return c
}

func by(id marketplace.UserID) marketplace.User { return marketplace.User{ID: id} }

func TestJob_ItsWholeLifeIsKept(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		rival := s.person("rival@example.com")
		id := s.newJob(marketplace.Draft)
		s.exec("UPDATE jobs SET worker_id = NULL WHERE id = ?", int64(id))
		c, err := s.Case(t.Context(), id)
		require.NoError(t, err)
		require.Nil(t, c.Applications)
		require.Nil(t, c.Submission)
		require.Nil(t, c.Attempt)
		require.Zero(t, c.Deadline)

		terms := c.Terms()
		terms.Title, terms.MaxApplications, terms.RecruitDays, terms.SubmitDays = "Another", 4, 2, 3
		c = s.act(id, marketplace.Command{Action: marketplace.Edit, By: by(s.funder), Terms: terms}, noon)
		require.Equal(t, terms, c.Terms())
		c = s.act(id, marketplace.Command{Action: marketplace.Publish, By: by(s.funder)}, noon)
		require.Equal(t, noon.Add(48*time.Hour), c.Deadline)
		s.act(id, marketplace.Command{Action: marketplace.Edit, By: by(s.funder), Text: "And blue."}, noon)

		s.act(id, marketplace.Command{Action: marketplace.Apply, By: by(rival), Text: "Me"}, noon.Add(time.Minute))
		s.act(id, marketplace.Command{Action: marketplace.Withdraw, By: by(rival)}, noon.Add(2*time.Minute))
		c = s.act(id, marketplace.Command{Action: marketplace.Apply, By: by(rival), Text: "Me after all"}, noon.Add(3*time.Minute))
		require.Equal(t, []marketplace.Application{
			{JobID: id, Worker: rival, WorkerName: "N rival@example.com", Message: "Me after all", AppliedAt: noon.Add(3 * time.Minute)},
		}, c.Applications, "one application for each worker")
		s.act(id, marketplace.Command{Action: marketplace.Apply, By: by(s.worker), Text: "Or me"}, noon.Add(4*time.Minute))
		s.act(id, marketplace.Command{Action: marketplace.Close, By: by(s.funder)}, noon)
		c = s.act(id, marketplace.Command{Action: marketplace.Select, By: by(s.funder), Worker: s.worker}, noon)
		require.Equal(t, s.worker, c.Worker)
		require.Equal(t, noon.Add(72*time.Hour), c.Deadline)
		s.act(id, marketplace.Command{Action: marketplace.Submit, By: by(s.worker), Text: "Done"}, noon)
		s.act(id, marketplace.Command{Action: marketplace.Reject, By: by(s.funder), Text: "Not blue"}, noon.Add(time.Minute))
		c = s.act(id, marketplace.Command{Action: marketplace.Submit, By: by(s.worker), Text: "Blue"}, noon.Add(2*time.Minute))
		require.Equal(t, "Blue", c.Submission.Text)
		require.Zero(t, c.Deadline)
		c = s.act(id, marketplace.Command{Action: marketplace.Accept, By: by(s.funder)}, noon.Add(3*time.Minute))
		require.Equal(t, noon.Add(3*time.Minute), c.AcceptedAt)

		view, err := s.jobFor(id, marketplace.User{ID: s.funder})
		require.NoError(t, err)
		require.Len(t, view.Applications, 2)
		require.Len(t, view.Submissions, 2)
		require.Equal(t, marketplace.Submission{
			ID: view.Submissions[0].ID, JobID: id, Worker: s.worker, Text: "Done", At: noon, RejectedAt: noon.Add(time.Minute), Reason: "Not blue",
		}, view.Submissions[0])
		require.Equal(t, "And blue.", view.Additions()[0].Detail)
		var events []string
		for _, e := range view.History {
			events = append(events, e.Event)
		}
		require.Equal(t, []string{
			"created", "edit", "publish", "edit", "apply", "withdraw", "apply", "apply", "close", "select", "submit", "reject", "submit", "accept",
		}, events)

		view, err = s.jobFor(id, marketplace.User{ID: rival})
		require.NoError(t, err, "whoever has applied goes on to know of the job")
		require.Len(t, view.Applications, 1)
		require.Empty(t, view.Submissions)
		_, err = s.jobFor(id, marketplace.User{ID: s.person("zoe@example.com")})
		require.Equal(t, marketplace.CodeNotFound, marketplace.CodeOf(err))
	})
}

func TestImportJob_WithALifeBehindIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		draft, err := s.Job(t.Context(), s.newJob(marketplace.Draft))
		require.NoError(t, err)
		draft.Worker, draft.Version = 0, 1
		publish, err := marketplace.Case{Job: draft}.Decide(marketplace.Command{Action: marketplace.Publish, By: by(s.funder)}, noon)
		require.NoError(t, err)
		published := publish.After
		published.Version++
		cancel, err := marketplace.Case{Job: published}.Decide(marketplace.Command{Action: marketplace.Cancel, By: by(s.funder), Text: "No"}, noon)
		require.NoError(t, err)
		id, err := s.ImportJob(t.Context(), draft, nil, []marketplace.Change{publish, cancel})
		require.NoError(t, err)
		view, err := s.AnyJob(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, marketplace.Canceled, view.State)
		require.Len(t, view.History, 2)
		require.EqualValues(t, 3, view.Version)
	})
}

// TestApply_ManyAtOnce: however many come at the same moment, no more are taken than the job has places for.
func TestApply_ManyAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		id := s.newJob(marketplace.Recruiting)
		s.exec("UPDATE jobs SET worker_id = NULL, max_applications = 3 WHERE id = ?", int64(id))
		var people []marketplace.User
		for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
			u, err := s.User(t.Context(), s.person(name+"@example.com"))
			require.NoError(t, err)
			people = append(people, u)
		}
		var all sync.WaitGroup
		for _, who := range people {
			all.Go(func() {
				for {
					c, err := s.Case(t.Context(), id)
					if err != nil {
						t.Error(err)
						return
					}
					change, err := c.Decide(marketplace.Command{Action: marketplace.Apply, By: who, Text: "Me"}, noon)
					if err != nil {
						return // too late
					}
					if err = s.Record(t.Context(), change); err == nil {
						return
					}
				}
			})
		}
		all.Wait()
		c, err := s.Case(t.Context(), id)
		require.NoError(t, err)
		require.Len(t, c.Applications, 3)
		require.Equal(t, marketplace.Selecting, c.State)
	})
}

// TestCreateAttempt_OnlyForAJobThatWaitsToBePaid: a job is called off between the page and the click.
func TestCreateAttempt_OnlyForAJobThatWaitsToBePaid(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		// The cancellation read the job before the attempt was made: it must not be recorded any more.
		c, err := s.Case(t.Context(), s.job)
		require.NoError(t, err)
		cancel, err := c.Decide(marketplace.Command{Action: marketplace.Cancel, By: by(s.funder), Text: "No"}, noon)
		require.NoError(t, err)
		s.attempt("01A", "s", noon)
		require.ErrorIs(t, s.Record(t.Context(), cancel), marketplace.ErrStale)
		c, err = s.Case(t.Context(), s.job)
		require.NoError(t, err)
		require.Equal(t, "01A", c.Attempt.ID)
		_, err = c.Decide(marketplace.Command{Action: marketplace.Cancel, By: by(s.funder), Text: "No"}, noon)
		require.Equal(t, marketplace.CodePaymentInFlight, marketplace.CodeOf(err))

		// And the other way round.
		for _, state := range marketplace.States {
			if state == marketplace.Reviewing {
				continue
			}
			s.move(s.job, state)
			err = s.CreateAttempt(t.Context(), marketplace.Attempt{ID: "01B", JobID: s.job, State: marketplace.AttemptStarting, CreatedAt: noon, UpdatedAt: noon}, noon)
			require.Equal(t, marketplace.CodeWrongState, marketplace.CodeOf(err), state)
		}
	})
}

// TestCase_TheAttemptThatStandsMostInTheWay: one that was approved counts before one that can be called off.
func TestCase_TheAttemptThatStandsMostInTheWay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		for i, state := range []marketplace.AttemptState{marketplace.AttemptFailed, marketplace.AttemptAwaiting, marketplace.AttemptStarting, marketplace.AttemptConfirming} {
			id := string(rune('A' + i))
			s.exec("INSERT INTO payment_attempts (id, job_id, pending_id, state, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
				id, int64(s.job), id, string(state), noon, noon)
			c, err := s.Case(t.Context(), s.job)
			require.NoError(t, err)
			if state == marketplace.AttemptFailed {
				require.Nil(t, c.Attempt)
				continue
			}
			require.Equal(t, state, c.Attempt.State)
		}
	})
}

func TestClaimOverdue(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		var ids []marketplace.JobID
		for i := range 3 {
			budget, err := s.Job(t.Context(), s.job)
			require.NoError(t, err)
			job := budget
			job.State, job.Worker, job.Deadline = marketplace.Recruiting, 0, noon.Add(time.Duration(i)*time.Hour)
			id, err := s.CreateJob(t.Context(), job, nil)
			require.NoError(t, err)
			ids = append(ids, id)
		}
		claim := func(n int, now time.Time) []marketplace.JobID {
			claimed, err := s.ClaimOverdue(t.Context(), n, now, now.Add(time.Minute))
			require.NoError(t, err)
			return claimed
		}
		require.Empty(t, claim(9, noon.Add(-time.Microsecond)))
		require.Equal(t, ids[:1], claim(9, noon))
		require.Empty(t, claim(9, noon), "it is in somebody's hand")
		require.Equal(t, ids[:1], claim(9, noon.Add(time.Minute)), "who has died")
		require.Equal(t, ids[:1], claim(1, noon.Add(2*time.Hour)), "one at a time")

		c, err := s.Case(t.Context(), ids[0])
		require.NoError(t, err)
		change, err := c.RunOut(noon.Add(2 * time.Hour))
		require.NoError(t, err, "a claim is no change of the job")
		require.NoError(t, s.Record(t.Context(), change))
		require.Equal(t, ids[1:], claim(9, noon.Add(100*24*time.Hour)), "an expired job is never due again")
	})
}

func TestFindJobs_WordsStateScopeAndPages(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		rival := s.person("rival@example.com")
		template, err := s.Job(t.Context(), s.job)
		require.NoError(t, err)
		add := func(title, description string, state marketplace.State, funder, worker marketplace.UserID) marketplace.JobID {
			job := template
			job.Title, job.Description, job.State, job.Funder, job.Worker = title, description, state, funder, worker
			id, err := s.CreateJob(t.Context(), job, nil)
			require.NoError(t, err)
			return id
		}
		sign := add("Rótulo for a JUICE-stand", "Colours: ¡azúl! y/o red", marketplace.Recruiting, s.funder, 0)
		menu := add("Proofread a menu", "Two pages, 46 dishes, ÉCLAIRS and juices", marketplace.Recruiting, s.funder, 0)
		draft := add("Juice, still being thought about", "-", marketplace.Draft, s.funder, 0)
		ended := add("Paint", "Juicy green", marketplace.Complete, s.funder, s.worker)
		other := add("Of somebody else", "juice", marketplace.Draft, rival, 0)

		find := func(who marketplace.UserID, words string) []marketplace.JobID {
			return s.found(who, marketplace.JobFilter{Words: words})
		}
		require.Equal(t, []marketplace.JobID{ended, draft, menu, sign}, find(s.funder, "JUIC"))
		require.Equal(t, []marketplace.JobID{sign}, find(s.funder, "  juice   STAND "), "every word")
		for _, words := range []string{"rotulo", "RÓTULO", "r\u006f\u0301tulo", "azul", "Ázul red", "juice-stand", "y/o", "rotulo?!"} {
			require.Equal(t, []marketplace.JobID{sign}, find(s.funder, words), words)
		}
		require.Equal(t, []marketplace.JobID{menu}, find(s.funder, "eclairs 46"))
		for _, words := range []string{"tand", "nothing", `"`, `' OR 1=1 --`, "juice:*", "title:menu", "a & b | !c", "NEAR(a b)", "*", "\u0301", "\x00"} {
			if found := find(s.funder, words); len(found) > 0 { // no error, and no word but those that there are
				require.Contains(t, []string{`"`, "juice:*", "*", "\u0301", "\x00"}, words)
			}
		}
		require.Equal(t, []marketplace.JobID{other, menu, sign}, find(rival, "juic"), "what recruits; the drafts of others nobody finds")
		require.Equal(t, []marketplace.JobID{other}, s.found(rival, marketplace.JobFilter{Words: "somebody", Scope: marketplace.ScopeFunder}))

		terms := template.Terms()
		terms.Title, terms.Description = "Carrots", "Orange"
		s.act(draft, marketplace.Command{Action: marketplace.Edit, By: by(s.funder), Terms: terms}, noon)
		require.Equal(t, []marketplace.JobID{draft}, find(s.funder, "carrot"), "the index follows an edit")
		require.Equal(t, []marketplace.JobID{ended, menu, sign}, find(s.funder, "juic"))

		require.Equal(t, []marketplace.JobID{ended, s.job}, s.found(s.worker, marketplace.JobFilter{Scope: marketplace.ScopeWorker}))
		require.Equal(t, []marketplace.JobID{menu, sign}, s.found(s.worker, marketplace.JobFilter{Scope: marketplace.ScopeOpen}))
		s.act(sign, marketplace.Command{Action: marketplace.Apply, By: by(s.worker), Text: "Me"}, noon)
		require.Equal(t, []marketplace.JobID{ended, sign, s.job}, s.found(s.worker, marketplace.JobFilter{Scope: marketplace.ScopeWorker}))
		require.Equal(t, []marketplace.JobID{menu}, s.found(s.worker, marketplace.JobFilter{Scope: marketplace.ScopeOpen}))
		s.act(sign, marketplace.Command{Action: marketplace.Withdraw, By: by(s.worker)}, noon)
		require.Equal(t, []marketplace.JobID{menu, sign}, s.found(s.worker, marketplace.JobFilter{Scope: marketplace.ScopeOpen}))
		require.Equal(t, []marketplace.JobID{s.job}, s.found(s.worker, marketplace.JobFilter{State: marketplace.Reviewing}))

		var all []marketplace.JobID
		for range 2*marketplace.JobLines + 1 {
			all = append(all, add("Many", "-", marketplace.Recruiting, s.funder, 0))
		}
		slices.Reverse(all)
		var read []marketplace.JobID
		for f := (marketplace.JobFilter{Words: "many", Scope: marketplace.ScopeFunder}); ; {
			found, err := s.FindJobs(t.Context(), marketplace.User{ID: s.funder}, f)
			require.NoError(t, err)
			require.LessOrEqual(t, len(found.Lines), marketplace.JobLines)
			for _, line := range found.Lines {
				read = append(read, line.ID)
			}
			if f.Before = found.Next; f.Before == 0 {
				break
			}
		}
		require.Equal(t, all, read, "each once, the newest first")
	})
}

func TestJobsOf_WhatWaitsForWhom(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		ids := map[marketplace.State]marketplace.JobID{}
		for _, state := range marketplace.States {
			ids[state] = s.newJob(state)
			if state == marketplace.Draft || state == marketplace.Recruiting || state == marketplace.Selecting {
				s.exec("UPDATE jobs SET worker_id = NULL WHERE id = ?", int64(ids[state]))
			}
		}
		kinds := func(who marketplace.UserID) (all [4][]marketplace.JobID) {
			jobs, err := s.JobsOf(t.Context(), marketplace.User{ID: who})
			require.NoError(t, err)
			for i, lines := range [][]marketplace.JobLine{jobs.Waiting, jobs.Going, jobs.Open, jobs.Ended} {
				for _, line := range lines {
					require.Equal(t, i == 0, line.NeedsViewer(who))
					all[i] = append(all[i], line.ID)
				}
			}
			return all
		}
		ended := []marketplace.JobID{ids[marketplace.Expired], ids[marketplace.Canceled], ids[marketplace.Complete]}
		require.Equal(t, [4][]marketplace.JobID{
			{ids[marketplace.Reviewing], s.job, ids[marketplace.Selecting], ids[marketplace.Draft]},
			{ids[marketplace.Submitting], ids[marketplace.Recruiting]}, nil, ended,
		}, kinds(s.funder))
		require.Equal(t, [4][]marketplace.JobID{
			{ids[marketplace.Submitting]}, {ids[marketplace.Reviewing], s.job}, {ids[marketplace.Recruiting]}, ended,
		}, kinds(s.worker))
		s.act(ids[marketplace.Recruiting], marketplace.Command{Action: marketplace.Apply, By: by(s.worker), Text: "Me"}, noon)
		require.Equal(t, []marketplace.JobID{ids[marketplace.Reviewing], ids[marketplace.Recruiting], s.job}, kinds(s.worker)[1])
		require.Equal(t, [4][]marketplace.JobID{nil, nil, {ids[marketplace.Recruiting]}, nil}, kinds(s.person("zoe@example.com")))
	})
}

// TestMigration_JobsFromBefore: what was kept in the job's own row, and by another word, is where it is now looked for.
func TestMigration_JobsFromBefore(t *testing.T) {
	t.Parallel()
	migrateFrom(t, "0005_jobs.sql", func(exec func(string)) {
		exec(`INSERT INTO users (id, email, name, role, password_hash, created_at) VALUES (1, 'f', 'F', 'funder', '', '2026-01-01 00:00:00+00:00'), (2, 'w', 'W', 'worker', '', '2026-01-01 00:00:00+00:00')`)
		exec(`INSERT INTO jobs (id, title, description, state, budget_value, budget_asset_code, budget_asset_scale, funder_id, worker_id, submission, created_at, updated_at)
			VALUES (5, 'An old sign', 'D', 'reviewing', 100, 'MXN', 2, 1, 2, 'Done long ago', '2026-01-02 00:00:00+00:00', '2026-01-03 00:00:00+00:00')`)
		exec(`INSERT INTO job_history (job_id, at, user_id, event, from_state, to_state) VALUES (5, '2026-01-02 00:00:00+00:00', 1, 'accept', 'selecting', 'submitting')`)
	}, func(s *fixture) {
		view, err := s.jobFor(5, marketplace.User{ID: 1})
		require.NoError(t, err)
		require.Equal(t, "select", view.History[0].Event)
		require.Equal(t, "Done long ago", view.Submissions[0].Text)
		require.Equal(t, marketplace.UserID(2), view.Applications[0].Worker)
		require.Equal(t, marketplace.MaxApplications, view.MaxApplications)
		require.Equal(t, []marketplace.JobID{5}, s.found(1, marketplace.JobFilter{Words: "old sign"}))
	})
}

// migrateFrom fills a database that has the migrations before the named one, applies the others, and looks.
func migrateFrom(t *testing.T, name string, fill func(exec func(string)), look func(s *fixture)) {
	t.Helper()
	for _, dialect := range []string{database.SQLite, database.Postgres} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			address := databasetest.SQLiteAddress(t)
			if dialect == database.Postgres {
				address = databasetest.PostgresAddress(t)
			}
			before := fstest.MapFS{}
			require.NoError(t, fs.WalkDir(store.Migrations(), dialect, func(file string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() && path.Base(file) < name {
					content, err := fs.ReadFile(store.Migrations(), file)
					require.NoError(t, err)
					before[file] = &fstest.MapFile{Data: content}
				}
				return err
			}))
			db := databasetest.Open(t, address, clock.System(), before)
			fill(func(statement string) { require.NoError(t, db.Read(t.Context()).Exec(statement).Error) })
			_, err := database.Migrate(t.Context(), db, store.Migrations())
			require.NoError(t, err)
			look(&fixture{Store: store.New(db), t: t, db: db})
		})
	}
}
