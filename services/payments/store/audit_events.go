package store

import (
	"context"
	"time"

	"tianguis.example/payments"
)

func (r eventRow) event() payments.AuditEvent {
	return payments.AuditEvent{
		PaymentID: payments.PaymentID(r.PaymentID), At: r.At.UTC(), Actor: payments.Actor(r.Actor),
		From: payments.State(r.FromState), To: payments.State(r.ToState), Reason: payments.Reason(r.Reason), Detail: r.Detail, Number: r.Number,
	}
}

// AuditTrail is the story of a payment, in its order.
func (s *Store) AuditTrail(ctx context.Context, id payments.PaymentID) ([]payments.AuditEvent, error) {
	var rows []eventRow
	if err := s.db.Read(ctx).Where("payment_id = ?", string(id)).Order("id").Find(&rows).Error; err != nil {
		return nil, err
	}
	all := make([]payments.AuditEvent, len(rows))
	for i, r := range rows {
		all[i] = r.event()
	}
	return all, nil
}

// AuditEvents are up to limit events of all payments from since on and before until, in the order of their times, after one that was given before; the zero
// AuditRecord to begin with.
func (s *Store) AuditEvents(ctx context.Context, since, until time.Time, after payments.AuditRecord, limit int) ([]payments.AuditRecord, error) {
	if after.ID > 0 {
		since = after.At
	}
	var rows []eventRow
	err := s.db.Read(ctx).Where("(at, id) > (?, ?) AND at < ?", since, after.ID, until).Order("at, id").Limit(limit).Find(&rows).Error
	if err != nil {
		return nil, err
	}
	all := make([]payments.AuditRecord, len(rows))
	for i, r := range rows {
		all[i] = payments.AuditRecord{ID: r.ID, AuditEvent: r.event(), KeyID: r.KeyID, Hash: r.Hash}
	}
	return all, nil
}

// Checkpoints are the newest of the audit trail, newest first.
func (s *Store) Checkpoints(ctx context.Context, limit int) ([]payments.Checkpoint, error) {
	var rows []checkpointRow
	if err := s.db.Read(ctx).Order("number DESC").Limit(limit).Find(&rows).Error; err != nil {
		return nil, err
	}
	all := make([]payments.Checkpoint, len(rows))
	for i, r := range rows {
		all[i] = r.checkpoint()
	}
	return all, nil
}
