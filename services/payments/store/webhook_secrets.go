package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tianguis.example/chassis/logging"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/webhook"
)

type secretRow struct {
	EndpointID   string `gorm:"primaryKey"`
	Fingerprint  string `gorm:"primaryKey"`
	Version      string // "v1" or "v1a"
	SecretSealed string
	Configured   bool      // the configuration names it, as it was at the last start of a replica
	Rotated      bool      // it was made to replace others
	CreatedAt    time.Time `gorm:"autoCreateTime:false"`
	ExpiresAt    *time.Time
}

func (secretRow) TableName() string { return "webhook_secrets" }

func secretPlace(endpointID, fingerprint string) string {
	return "webhook_secrets/" + endpointID + "/" + fingerprint
}

func (s *Store) secretToRow(secret outbox.Secret) secretRow {
	fingerprint := secret.Secret.Fingerprint()
	return secretRow{
		EndpointID: secret.EndpointID, Fingerprint: fingerprint, Version: secret.Secret.Version(),
		SecretSealed: s.keys.close(logging.Secret(secret.Secret.Text()), secretPlace(secret.EndpointID, fingerprint)),
		Configured:   secret.Configured, CreatedAt: secret.CreatedAt, ExpiresAt: maybe(secret.ExpiresAt),
	}
}

// secrets are those that can be read; the error names the others.
func (s *Store) secrets(rows []secretRow) ([]outbox.Secret, error) {
	all := make([]outbox.Secret, 0, len(rows))
	var unreadable []error
	for _, row := range rows {
		text, err := s.keys.open(row.SecretSealed, secretPlace(row.EndpointID, row.Fingerprint))
		var secret webhook.Secret
		if err == nil {
			secret, err = webhook.ParseSecret(text.Reveal())
		}
		if err != nil {
			unreadable = append(unreadable, fmt.Errorf("secret %s of endpoint %s: %w", row.Fingerprint, row.EndpointID, err))
			continue
		}
		all = append(all, outbox.Secret{
			EndpointID: row.EndpointID, Secret: secret, Configured: row.Configured, CreatedAt: row.CreatedAt.UTC(), ExpiresAt: certain(row.ExpiresAt),
		})
	}
	return all, errors.Join(unreadable...)
}

// ActiveSecrets are what is signed with at now, of all endpoints, the newest first. With an error it returns those that can be read all the same.
func (s *Store) ActiveSecrets(ctx context.Context, now time.Time) ([]outbox.Secret, error) {
	var rows []secretRow
	if err := s.db.Read(ctx).Where("expires_at IS NULL OR expires_at > ?", now).Order("created_at DESC, fingerprint").Find(&rows).Error; err != nil {
		return nil, err
	}
	return s.secrets(rows)
}

// EndpointSecrets are all of an endpoint that are kept, the newest first.
func (s *Store) EndpointSecrets(ctx context.Context, endpointID string) ([]outbox.Secret, error) {
	var rows []secretRow
	if err := s.db.Read(ctx).Where("endpoint_id = ?", endpointID).Order("created_at DESC, fingerprint").Find(&rows).Error; err != nil {
		return nil, err
	}
	return s.secrets(rows)
}

// ReplaceSecret adds a secret to its endpoint, and lets the others of its version that do not expire sooner expire at oldUntil. Those that expired long ago
// are deleted, but for the configuration's: it could still name them.
func (s *Store) ReplaceSecret(ctx context.Context, secret outbox.Secret, oldUntil time.Time, done operator.Action) error {
	row := s.secretToRow(secret)
	row.Rotated = true
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		ofItsKind := tx.Where("endpoint_id = ? AND version = ?", row.EndpointID, row.Version).Session(&gorm.Session{})
		if err := ofItsKind.Model(&secretRow{}).Where("expires_at IS NULL OR expires_at > ?", oldUntil).Updates(map[string]any{"expires_at": oldUntil}).Error; err != nil {
			return err
		}
		if err := ofItsKind.Where("configured = ? AND expires_at <= ?", false, secret.CreatedAt.Add(-outbox.MaxOverlap)).Delete(&secretRow{}).Error; err != nil {
			return err
		}
		if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error; err != nil {
			return err
		}
		return s.insertAction(tx, done)
	})
}
