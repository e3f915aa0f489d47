package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"tianguis.example/marketplace"
)

// Case returns a job with what is looked at when somebody wants to do something with it; CodeNotFound when there is none.
func (s *Store) Case(ctx context.Context, id marketplace.JobID) (marketplace.Case, error) {
	// The job first: whatever changes the rest afterwards raises the job's version, and Record notices.
	job, err := s.Job(ctx, id)
	if err != nil {
		return marketplace.Case{}, err
	}
	c := marketplace.Case{Job: job}
	if c.Applications, err = s.applications(ctx, id); err != nil {
		return c, err
	}
	submissions, err := s.submissions(ctx, id)
	if err != nil {
		return c, err
	}
	if n := len(submissions); n > 0 {
		c.Submission = &submissions[n-1]
	}
	c.Attempt, err = s.openAttempt(ctx, id)
	return c, err
}

// openAttempt is the attempt that stands most in the way: one that was approved, before one of which nothing is known, before one that can be called off.
func (s *Store) openAttempt(ctx context.Context, id marketplace.JobID) (*marketplace.Attempt, error) {
	return attemptWhere(s.db.Read(ctx), "job_id = ? AND state IN "+openStates+
		" ORDER BY CASE state WHEN 'confirming' THEN 0 WHEN 'starting' THEN 1 ELSE 2 END, created_at DESC, id DESC LIMIT 1", int64(id))
}

func (s *Store) applications(ctx context.Context, id marketplace.JobID) ([]marketplace.Application, error) {
	var rows []struct {
		WorkerID    int64
		Name        string
		Message     string
		AppliedAt   time.Time
		WithdrawnAt *time.Time
	}
	err := s.db.Read(ctx).Raw(`SELECT a.worker_id, u.name, a.message, a.applied_at, a.withdrawn_at
		FROM job_applications a JOIN users u ON u.id = a.worker_id WHERE a.job_id = ? ORDER BY a.applied_at, a.worker_id`, int64(id)).Scan(&rows).Error
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	all := make([]marketplace.Application, len(rows))
	for i, r := range rows {
		all[i] = marketplace.Application{
			JobID: id, Worker: marketplace.UserID(r.WorkerID), WorkerName: r.Name, Message: r.Message,
			AppliedAt: r.AppliedAt.UTC(), WithdrawnAt: timeOrNone(r.WithdrawnAt),
		}
	}
	return all, nil
}

func (s *Store) submissions(ctx context.Context, id marketplace.JobID) ([]marketplace.Submission, error) {
	var rows []struct {
		ID         string
		WorkerID   int64
		Text       string
		At         time.Time
		RejectedAt *time.Time
		Reason     string
	}
	err := s.db.Read(ctx).Raw("SELECT id, worker_id, text, at, rejected_at, reason FROM job_submissions WHERE job_id = ? ORDER BY at, id", int64(id)).Scan(&rows).Error
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	all := make([]marketplace.Submission, len(rows))
	for i, r := range rows {
		all[i] = marketplace.Submission{
			ID: r.ID, JobID: id, Worker: marketplace.UserID(r.WorkerID), Text: r.Text, At: r.At.UTC(),
			RejectedAt: timeOrNone(r.RejectedAt), Reason: r.Reason,
		}
	}
	return all, nil
}

// ClaimOverdue leases up to n jobs whose time has run out, until leaseUntil. What becomes of a job ends the lease; should nothing become of it, it is
// due again when the lease has run out.
func (s *Store) ClaimOverdue(ctx context.Context, n int, now, leaseUntil time.Time) ([]marketplace.JobID, error) {
	var claimed []marketplace.JobID
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		claimed = nil
		// Materialized: Postgres may run a plain subquery once for each row, and claim more than n.
		return tx.Raw("WITH due AS MATERIALIZED (SELECT id FROM jobs WHERE next_at <= ? ORDER BY next_at LIMIT ?"+s.lockDue()+`)
			UPDATE jobs SET next_at = ? WHERE id IN (SELECT id FROM due) RETURNING id`, now, n, leaseUntil).Scan(&claimed).Error
	})
	return claimed, err
}
