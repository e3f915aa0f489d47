package store

import (
	"context"
	"time"
)

// TrySealed opens what the newest payments and all webhook endpoints have sealed, and says of how many rows that was. An error names one that none of
// the keys opens.
func (s *Store) TrySealed(ctx context.Context, newest int) (rows int, err error) {
	var payments []paymentRow
	query := s.db.Read(ctx)
	for _, column := range sealedColumns {
		query = query.Or(column + " <> ''")
	}
	if err := query.Order("id DESC").Limit(newest).Find(&payments).Error; err != nil {
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
