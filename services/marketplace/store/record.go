package store

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"tianguis.example/marketplace"
)

// Record commits all of a change together: the job, its history, the attempt, and the webhook that
// told it. It returns marketplace.ErrStale when the job has moved on since Before was read.
func (s *Store) Record(ctx context.Context, c marketplace.Change) error {
	if len(c.Entries) == 0 && c.Attempt == nil {
		return s.recordNothing(ctx, c)
	}
	err := s.db.Transact(ctx, func(tx *gorm.DB) error {
		if err := insertTold(tx, c); err != nil {
			return err
		}
		return recordJob(tx, c)
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return marketplace.ErrStale // somebody else has just kept the same pendingID
	}
	return err
}

// recordNothing keeps a webhook that changed nothing. That there is nothing to do was decided upon what was read, and that must still hold: somebody
// else may have applied the same news.
func (s *Store) recordNothing(ctx context.Context, c marketplace.Change) error {
	if c.Told.WebhookID == "" {
		var version int64
		if err := s.db.Read(ctx).Raw("SELECT version FROM jobs WHERE id = ?", int64(c.Before.ID)).Scan(&version).Error; err != nil {
			return err
		}
		if version != c.Before.Version {
			return marketplace.ErrStale
		}
		return nil
	}
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return keepTold(tx, c, "FROM jobs WHERE id = ? AND version = ?", int64(c.Before.ID), c.Before.Version)
	})
}

// recordJob writes what a change makes of the job and of what belongs to it. Even when only that changes, the job's version does: it is
// what keeps two deciders apart.
func recordJob(tx *gorm.DB, c marketplace.Change) error {
	updated := tx.Exec(`UPDATE jobs SET state = ?, worker_id = ?, deadline = ?, next_at = ?, accepted_at = ?, payment_id = ?, contract_completed = ?,
		updated_at = ?, version = version + 1 WHERE id = ? AND version = ?`,
		string(c.After.State), orNull(c.After.Worker), timeOrNull(c.After.Deadline), timeOrNull(c.After.Deadline), timeOrNull(c.After.AcceptedAt),
		c.After.PaymentID, c.After.ContractCompleted, c.After.UpdatedAt, int64(c.Before.ID), c.Before.Version)
	if updated.Error != nil {
		return updated.Error
	}
	if updated.RowsAffected == 0 {
		return marketplace.ErrStale
	}
	for _, write := range []func(*gorm.DB, marketplace.Change) error{recordTerms, recordApplication, recordSubmission} {
		if err := write(tx, c); err != nil {
			return err
		}
	}
	if c.Operator != nil {
		if _, err := appendActions(tx, *c.Operator); err != nil {
			return err
		}
	}
	if err := insertHistory(tx, c.Before.ID, c.Entries); err != nil || c.Attempt == nil {
		return err
	}
	return recordAttempt(tx, *c.Attempt)
}

// recordTerms writes the terms when they have changed: their words are indexed.
func recordTerms(tx *gorm.DB, c marketplace.Change) error {
	t := c.After.Terms()
	if t == c.Before.Terms() {
		return nil
	}
	return tx.Exec(`UPDATE jobs SET title = ?, description = ?, budget_value = ?, budget_asset_code = ?, budget_asset_scale = ?,
		max_applications = ?, recruit_days = ?, submit_days = ? WHERE id = ?`,
		t.Title, t.Description, t.Budget.Value(), t.Budget.AssetCode(), t.Budget.AssetScale(),
		t.MaxApplications, t.RecruitDays, t.SubmitDays, int64(c.Before.ID)).Error
}

func recordApplication(tx *gorm.DB, c marketplace.Change) error {
	a := c.Application
	if a == nil {
		return nil
	}
	return tx.Exec(`INSERT INTO job_applications (job_id, worker_id, message, applied_at, withdrawn_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (job_id, worker_id) DO UPDATE SET message = excluded.message, applied_at = excluded.applied_at, withdrawn_at = excluded.withdrawn_at`,
		int64(c.Before.ID), int64(a.Worker), a.Message, a.AppliedAt, timeOrNull(a.WithdrawnAt)).Error
}

func recordSubmission(tx *gorm.DB, c marketplace.Change) error {
	w := c.Submission
	if w == nil {
		return nil
	}
	err := tx.Exec(`INSERT INTO job_submissions (id, job_id, worker_id, text, at, rejected_at, reason) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET rejected_at = excluded.rejected_at, reason = excluded.reason`,
		w.ID, int64(c.Before.ID), int64(w.Worker), w.Text, w.At, timeOrNull(w.RejectedAt), w.Reason).Error
	if err != nil || w.Rejected() {
		return err // what is sent back has its files already
	}
	return insertFiles(tx, *w)
}

// insertTold keeps a webhook with its answer, if it was one that told the change.
func insertTold(tx *gorm.DB, c marketplace.Change) error {
	if c.Told.WebhookID == "" {
		return nil
	}
	return keepTold(tx, c, "WHERE TRUE") // which SQLite needs, to tell ON CONFLICT from a join's
}

// keepTold keeps a webhook with its answer, if the condition holds. One that somebody else has just kept is answered as that one decided.
func keepTold(tx *gorm.DB, c marketplace.Change, condition string, args ...any) error {
	kept := tx.Exec(`INSERT INTO webhooks_seen (webhook_id, job_id, body_digest, job_state, received_at) SELECT ?, ?, ?, ?, ? `+condition+`
		ON CONFLICT (webhook_id) DO UPDATE SET body_digest = excluded.body_digest, job_state = excluded.job_state WHERE webhooks_seen.body_digest = ''`,
		append([]any{c.Told.WebhookID, int64(c.Before.ID), c.Told.Digest, string(c.Told.JobState), c.At}, args...)...)
	if kept.Error == nil && kept.RowsAffected == 0 {
		return marketplace.ErrStale
	}
	return kept.Error
}

// Told returns a webhook that was taken before, or nil.
func (s *Store) Told(ctx context.Context, webhookID string) (*marketplace.Told, error) {
	var row struct{ BodyDigest, JobState string }
	found, err := one(s.db.Read(ctx), &row, "SELECT body_digest, job_state FROM webhooks_seen WHERE webhook_id = ? AND body_digest <> ''", webhookID)
	if err != nil || !found {
		return nil, err
	}
	return &marketplace.Told{WebhookID: webhookID, Digest: row.BodyDigest, JobState: marketplace.State(row.JobState)}, nil
}

func recordAttempt(tx *gorm.DB, a marketplace.Attempt) error {
	updated := tx.Exec(`UPDATE payment_attempts SET state = ?, reason = ?, message = ?, outgoing_payment_id = ?,
		overpaid_value = ?, overpaid_asset_code = ?, overpaid_asset_scale = ?,
		paid_at = ?, received_value = ?, received_asset_code = ?, received_asset_scale = ?, updated_at = ? WHERE id = ?`,
		string(a.State), a.Reason, a.Message, a.OutgoingPaymentID,
		a.Overpaid.Value(), a.Overpaid.AssetCode(), a.Overpaid.AssetScale(),
		timeOrNull(a.PaidAt), a.Received.Value(), a.Received.AssetCode(), a.Received.AssetScale(), a.UpdatedAt, a.ID)
	if updated.Error != nil || updated.RowsAffected > 0 {
		return updated.Error
	}
	return insertAttempt(tx, a, a.ExpiresAt)
}
