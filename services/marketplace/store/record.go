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
		if c.WebhookID != "" {
			// Kept as evidence. That news applies once is the rule's doing, which does not trust ids to be unique.
			err := tx.Exec("INSERT INTO webhooks_seen (webhook_id, job_id, received_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
				c.WebhookID, int64(c.Before.ID), c.At).Error
			if err != nil {
				return err
			}
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

func recordAttempt(tx *gorm.DB, a marketplace.Attempt) error {
	updated := tx.Exec("UPDATE payment_attempts SET state = ?, reason = ?, message = ?, outgoing_payment_id = ?, updated_at = ? WHERE id = ?",
		string(a.State), a.Reason, a.Message, a.OutgoingPaymentID, a.UpdatedAt, a.ID)
	if updated.Error != nil || updated.RowsAffected > 0 {
		return updated.Error
	}
	return insertAttempt(tx, a, a.ExpiresAt)
}
