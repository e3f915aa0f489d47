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
	err := s.db.Transact(ctx, func(tx *gorm.DB) error {
		if err := insertTold(tx, c); err != nil {
			return err
		}
		if len(c.Entries) == 0 && c.Attempt == nil {
			// Nothing to do was decided upon what was read, and that must still hold: between reading the
			// job and the attempt, somebody else may have applied the same news.
			var version int64
			if err := tx.Raw("SELECT version FROM jobs WHERE id = ?", int64(c.Before.ID)).Scan(&version).Error; err != nil {
				return err
			}
			if version != c.Before.Version {
				return marketplace.ErrStale
			}
			return nil
		}
		// Even when only the attempt changes: the version is what keeps two deciders apart.
		updated := tx.Exec(`UPDATE jobs SET state = ?, worker_id = ?, submission = ?, payment_id = ?, contract_completed = ?,
			updated_at = ?, version = version + 1 WHERE id = ? AND version = ?`,
			string(c.After.State), orNull(c.After.Worker), c.After.Submission, c.After.PaymentID, c.After.ContractCompleted,
			c.After.UpdatedAt, int64(c.Before.ID), c.Before.Version)
		if updated.Error != nil {
			return updated.Error
		}
		if updated.RowsAffected == 0 {
			return marketplace.ErrStale
		}
		if err := insertHistory(tx, c.Before.ID, c.Entries); err != nil || c.Attempt == nil {
			return err
		}
		return recordAttempt(tx, *c.Attempt)
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return marketplace.ErrStale // somebody else has just kept the same pendingID
	}
	return err
}

// insertTold keeps a webhook with its answer. One that somebody else has just kept is answered as that one decided.
func insertTold(tx *gorm.DB, c marketplace.Change) error {
	if c.Told.WebhookID == "" {
		return nil
	}
	kept := tx.Exec(`INSERT INTO webhooks_seen (webhook_id, job_id, body_digest, job_state, received_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (webhook_id) DO UPDATE SET body_digest = excluded.body_digest, job_state = excluded.job_state WHERE webhooks_seen.body_digest = ''`,
		c.Told.WebhookID, int64(c.Before.ID), c.Told.Digest, string(c.Told.JobState), c.At)
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
