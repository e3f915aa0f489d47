package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"tianguis.example/payments"
	"tianguis.example/payments/outbox"
)

type deliveryRow struct {
	ID        string
	PendingID string
	OfferID   string
	EventType string
	Body      string
	State     string
	Attempts  int
	NextAt    *time.Time
	CreatedAt time.Time `gorm:"autoCreateTime:false"`
	EndedAt   *time.Time
}

func (deliveryRow) TableName() string { return "deliveries" }

func (r deliveryRow) delivery() outbox.Delivery {
	return outbox.Delivery{
		ID: r.ID, PendingID: r.PendingID, OfferID: r.OfferID, EventType: r.EventType, Body: []byte(r.Body), State: outbox.State(r.State),
		Attempts: r.Attempts, NextAt: certain(r.NextAt), CreatedAt: r.CreatedAt.UTC(), EndedAt: certain(r.EndedAt),
	}
}

type attemptRow struct {
	DeliveryID string
	Number     int
	At         time.Time
	Status     int
	DurationUs int64
	Excerpt    string
	Error      string
}

func (attemptRow) TableName() string { return "delivery_attempts" }

// ClaimDeliveries leases up to n due deliveries until until.
func (s *Store) ClaimDeliveries(ctx context.Context, n int, now, until time.Time) ([]outbox.Delivery, error) {
	var rows []deliveryRow
	err := s.db.Transact(ctx, func(tx *gorm.DB) error {
		rows = nil
		return tx.Raw(`WITH due AS MATERIALIZED (SELECT id FROM deliveries WHERE next_at <= ? ORDER BY next_at LIMIT ?`+s.lockDue()+`)
			UPDATE deliveries SET next_at = ? WHERE id IN (SELECT id FROM due)
			RETURNING *`, now, n, until).Scan(&rows).Error
	})
	if err != nil {
		return nil, err
	}
	return deliveries(rows), nil
}

// RecordAttempt keeps an attempt and what became of the delivery. When another process, whose lease was
// newer, has recorded this attempt already, it changes nothing.
func (s *Store) RecordAttempt(ctx context.Context, d outbox.Delivery, a outbox.Attempt) error {
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		updated := tx.Model(&deliveryRow{}).
			Where("id = ? AND state = ? AND attempts = ?", d.ID, string(outbox.Pending), a.Number-1).
			Updates(map[string]any{"state": string(d.State), "attempts": d.Attempts, "next_at": maybe(d.NextAt), "ended_at": maybe(d.EndedAt)})
		if updated.Error != nil || updated.RowsAffected == 0 {
			return updated.Error
		}
		return tx.Create(&attemptRow{
			DeliveryID: a.DeliveryID, Number: a.Number, At: a.At, Status: a.Status,
			DurationUs: a.Duration.Microseconds(), Excerpt: a.Excerpt, Error: a.Error,
		}).Error
	})
}

// Deliveries are those of a payment, oldest first.
func (s *Store) Deliveries(ctx context.Context, id payments.PaymentID) ([]outbox.Delivery, error) {
	var rows []deliveryRow
	if err := s.db.Read(ctx).Where("pending_id = ?", string(id)).Order("id").Find(&rows).Error; err != nil {
		return nil, err
	}
	return deliveries(rows), nil
}

// RecentDeliveries are the newest, newest first; of one state, or of all for "".
func (s *Store) RecentDeliveries(ctx context.Context, state outbox.State, limit int) ([]outbox.Delivery, error) {
	query := s.db.Read(ctx).Order("id DESC").Limit(limit)
	if state != "" {
		query = query.Where("state = ?", string(state))
	}
	var rows []deliveryRow
	if err := query.Find(&rows).Error; err != nil {
		return nil, err
	}
	return deliveries(rows), nil
}

func deliveries(rows []deliveryRow) []outbox.Delivery {
	all := make([]outbox.Delivery, len(rows))
	for i, row := range rows {
		all[i] = row.delivery()
	}
	return all
}

// Attempts are those of a delivery, in their order.
func (s *Store) Attempts(ctx context.Context, deliveryID string) ([]outbox.Attempt, error) {
	var rows []attemptRow
	if err := s.db.Read(ctx).Where("delivery_id = ?", deliveryID).Order("number").Find(&rows).Error; err != nil {
		return nil, err
	}
	all := make([]outbox.Attempt, len(rows))
	for i, r := range rows {
		all[i] = outbox.Attempt{
			DeliveryID: r.DeliveryID, Number: r.Number, At: r.At.UTC(), Status: r.Status,
			Duration: time.Duration(r.DurationUs) * time.Microsecond, Excerpt: r.Excerpt, Error: r.Error,
		}
	}
	return all, nil
}
