package store

import (
	"context"
	"time"
)

// TrySealed opens what the newest payments that have not ended, whose tokens are still needed, and all webhook endpoints have sealed, and says how many
// rows that were. The error names one that none of the keys opens.
func (s *Store) TrySealed(ctx context.Context, newest int) (rows int, err error) {
	var payments []paymentRow
	query := s.db.Read(ctx).Where("state NOT IN ('paid', 'failed', 'paid_late')").Order("id DESC").Limit(newest)
	if err := query.Find(&payments).Error; err != nil {
		return 0, err
	}
	for _, row := range payments {
		if _, err := s.payment(row); err != nil {
			return rows, err
		}
		rows++
	}
	var secrets []secretRow
	if err := s.db.Read(ctx).Find(&secrets).Error; err != nil {
		return rows, err
	}
	_, err = s.secrets(secrets)
	return rows + len(secrets), err
}

// Overdue counts what was due before a time, and nobody took: payments, and webhooks for endpoints that are enabled.
func (s *Store) Overdue(ctx context.Context, before time.Time) (payments, webhooks int64, err error) {
	if err := s.db.Read(ctx).Model(&paymentRow{}).Where("next_step_at < ?", before).Count(&payments).Error; err != nil {
		return 0, 0, err
	}
	err = s.db.Read(ctx).Model(&deliveryRow{}).
		Where("next_at < ? AND endpoint_id IN (SELECT id FROM webhook_endpoints WHERE disabled_at IS NULL)", before).Count(&webhooks).Error
	return payments, webhooks, err
}
