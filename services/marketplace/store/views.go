package store

import (
	"context"
	"time"

	"tianguis.example/marketplace"
)

const allPage = 1000 // of everything, read in one statement

type lineRow struct {
	Job        jobRow `gorm:"embedded"`
	FunderName string
	WorkerName string
}

const (
	lineColumns = jobColumns + ", f.name AS funder_name, COALESCE(w.name, '') AS worker_name"
	linePeople  = "JOIN users f ON f.id = j.funder_id LEFT JOIN users w ON w.id = j.worker_id"
)

func (r lineRow) line() (marketplace.JobLine, error) {
	job, err := r.Job.job()
	return marketplace.JobLine{Job: job, FunderName: r.FunderName, WorkerName: r.WorkerName}, err
}

func (s *Store) lines(ctx context.Context, where string, args ...any) ([]marketplace.JobLine, error) {
	var rows []lineRow
	err := s.db.Read(ctx).Raw("SELECT "+lineColumns+" FROM jobs j "+linePeople+" "+where, args...).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	all := make([]marketplace.JobLine, len(rows))
	for i, row := range rows {
		if all[i], err = row.line(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// AllJobs lists every job by its number, for the operator.
func (s *Store) AllJobs(ctx context.Context) ([]marketplace.JobLine, error) {
	var all []marketplace.JobLine
	for after := int64(0); ; {
		page, err := s.lines(ctx, "WHERE j.id > ? ORDER BY j.id LIMIT ?", after, allPage)
		all = append(all, page...)
		if err != nil || len(page) < allPage {
			return all, err
		}
		after = int64(page[len(page)-1].ID)
	}
}

// JobFor returns a job as the viewer may see it; CodeNotFound when there is none, or none for them.
func (s *Store) JobFor(ctx context.Context, id marketplace.JobID, viewer marketplace.User) (marketplace.JobView, error) {
	view, err := s.AnyJob(ctx, id)
	if err != nil {
		return marketplace.JobView{}, err
	}
	return seenBy(view, viewer)
}

// AnyJob returns a job with all that is known of it, for the operator.
func (s *Store) AnyJob(ctx context.Context, id marketplace.JobID) (marketplace.JobView, error) {
	view, err := s.standing(ctx, id)
	if err != nil {
		return marketplace.JobView{}, err
	}
	if view.Applications, err = s.applications(ctx, id); err != nil {
		return view, err
	}
	if view.Submissions, err = s.submissions(ctx, id); err != nil {
		return view, err
	}
	if err = s.withFiles(ctx, id, view.Submissions); err != nil {
		return view, err
	}
	view.History, err = s.history(ctx, id)
	return view, err
}

// standing is the job with those whom it is about, and with the attempt that tells how its payment stands: an open one, before a later one that was
// refused because of it.
func (s *Store) standing(ctx context.Context, id marketplace.JobID) (marketplace.JobView, error) {
	var row struct {
		Line         lineRow `gorm:"embedded"`
		FunderWallet string
		WorkerWallet string
		Attempt      attemptRow `gorm:"embedded;embeddedPrefix:attempt_"`
	}
	found, err := one(s.db.Read(ctx), &row, "SELECT "+lineColumns+", f.wallet_address_url AS funder_wallet, COALESCE(w.wallet_address_url, '') AS worker_wallet, "+
		renamed(attemptColumns, "a", "attempt_")+" FROM jobs j "+linePeople+` LEFT JOIN payment_attempts a ON a.id = (
			SELECT id FROM payment_attempts WHERE job_id = j.id AND state <> 'replaced'
			ORDER BY CASE WHEN state IN ('awaiting', 'confirming') THEN 0 ELSE 1 END, created_at DESC, id DESC LIMIT 1)
		WHERE j.id = ?`, int64(id))
	if err != nil {
		return marketplace.JobView{}, err
	}
	if !found {
		return marketplace.JobView{}, marketplace.NotFound("There is no such job.")
	}
	line, err := row.Line.line()
	view := marketplace.JobView{
		Job:          line.Job,
		FunderPerson: marketplace.Person{ID: line.Funder, Name: line.FunderName, WalletAddressURL: row.FunderWallet},
		WorkerPerson: marketplace.Person{ID: line.Worker, Name: line.WorkerName, WalletAddressURL: row.WorkerWallet},
	}
	if err != nil || row.Attempt.ID == "" {
		return view, err
	}
	a, err := row.Attempt.attempt()
	view.Attempt = &a
	return view, err
}

// StandingFor returns a job with how its payment stands, and without all else that is known of it, as the viewer may see it; CodeNotFound when there is
// none, or none for them.
func (s *Store) StandingFor(ctx context.Context, id marketplace.JobID, viewer marketplace.User) (marketplace.JobView, error) {
	view, err := s.standing(ctx, id)
	if err != nil {
		return marketplace.JobView{}, err
	}
	if !marketplace.CanView(viewer, view.Job) { // whoever has applied may
		if view.Applications, err = s.applications(ctx, id); err != nil {
			return marketplace.JobView{}, err
		}
	}
	return seenBy(view, viewer)
}

func seenBy(view marketplace.JobView, viewer marketplace.User) (marketplace.JobView, error) {
	if !view.Case().CanView(viewer) {
		return marketplace.JobView{}, marketplace.NotFound("There is no such job.")
	}
	return view.SeenBy(viewer), nil
}

type entryRow struct {
	At        time.Time
	UserID    *int64
	Name      string
	Event     string
	FromState string
	ToState   string
	Detail    string
}

const entryColumns = "h.at, h.user_id, COALESCE(u.name, '') AS name, h.event, h.from_state, h.to_state, h.detail"

func (r entryRow) entry() marketplace.EntryView {
	e := marketplace.EntryView{ByName: r.Name, Entry: marketplace.Entry{
		At: r.At.UTC(), Event: r.Event, From: marketplace.State(r.FromState), To: marketplace.State(r.ToState), Detail: r.Detail,
	}}
	if r.UserID != nil {
		e.By = marketplace.UserID(*r.UserID)
	}
	return e
}

func (s *Store) history(ctx context.Context, id marketplace.JobID) ([]marketplace.EntryView, error) {
	var rows []entryRow
	err := s.db.Read(ctx).Raw("SELECT "+entryColumns+" FROM job_history h LEFT JOIN users u ON u.id = h.user_id WHERE h.job_id = ? ORDER BY h.id",
		int64(id)).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	all := make([]marketplace.EntryView, len(rows))
	for i, row := range rows {
		all[i] = row.entry()
	}
	return all, nil
}
