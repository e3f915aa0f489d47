package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"tianguis.example/payments/operator"
	"tianguis.example/payments/outbox"
)

// Deliveries are replayed, and pruned, so many in one transaction.
const deliveryBatch = 1000

// due makes a delivery that has ended one that is due.
func due(now time.Time) map[string]any {
	return map[string]any{"state": string(outbox.Pending), "failures": 0, "next_at": now, "ended_at": nil}
}

// ReplayOne makes a delivery due, whatever its state. When somebody is sending it just now, and is refused, it is due all the same. It returns outbox.CodeUnknownDelivery, or
// outbox.CodeUnknownEndpoint for one whose endpoint was removed.
func (s *Store) ReplayOne(ctx context.Context, id string, done operator.Action) (again outbox.Delivery, err error) {
	err = s.db.Transact(ctx, func(tx *gorm.DB) error {
		d, err := oneDelivery(tx, id)
		if err != nil {
			return err
		}
		if _, err := endpoint(tx, d.EndpointID); err != nil {
			return outbox.Errorf(outbox.CodeUnknownEndpoint, "the endpoint that this webhook was for was removed")
		}
		if err := tx.Model(&deliveryRow{}).Where("id = ?", id).Updates(due(done.At)).Error; err != nil {
			return err
		}
		if again, err = oneDelivery(tx, id); err != nil {
			return err
		}
		return s.insertAction(tx, done)
	})
	return again, err
}

// Replay makes those due that the filter picks, whose endpoint is still there, and that had ended by now: what ends meanwhile is not sent
// again for ever. It returns how many that were, also with an error.
func (s *Store) Replay(ctx context.Context, f outbox.Filter, now time.Time) (replayed int, err error) {
	for after := ""; ; {
		var ids []string
		var n int64
		err := s.db.Transact(ctx, func(tx *gorm.DB) error {
			ids = nil
			ended := tx.Model(&deliveryRow{}).Where("id > ? AND ended_at <= ? AND endpoint_id IN (SELECT id FROM webhook_endpoints)", after, now)
			if err := filtered(ended, f).Order("id").Limit(deliveryBatch).Pluck("id", &ids).Error; err != nil || len(ids) == 0 {
				return err
			}
			updated := tx.Model(&deliveryRow{}).Where("id IN ? AND ended_at <= ?", ids, now).Updates(due(now))
			n = updated.RowsAffected
			return updated.Error
		})
		if err != nil || len(ids) == 0 {
			return replayed, err
		}
		after = ids[len(ids)-1]
		replayed += int(n)
	}
}

// PruneDeliveries deletes deliveries that ended before before, with their attempts, and ends those whose endpoint is gone.
func (s *Store) PruneDeliveries(ctx context.Context, before time.Time) (pruned int, err error) {
	// What was written, or replayed, while its endpoint was being removed: nobody sends it.
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Model(&deliveryRow{}).
			Where("state = ? AND endpoint_id NOT IN (SELECT id FROM webhook_endpoints)", string(outbox.Pending)).Where(undelivered).
			Updates(map[string]any{"state": string(outbox.Dead), "next_at": nil, "ended_at": before}).Error
	})
	if err != nil {
		return 0, err
	}
	for {
		var n int64
		err := s.db.Transact(ctx, func(tx *gorm.DB) error {
			n = 0
			var ids []string // locked, so that none is replayed meanwhile
			err := tx.Raw("SELECT id FROM deliveries WHERE ended_at < ? ORDER BY ended_at LIMIT ?"+s.lockDue(), before, deliveryBatch).Scan(&ids).Error
			if err != nil || len(ids) == 0 {
				return err
			}
			if err := tx.Where("delivery_id IN ?", ids).Delete(&attemptRow{}).Error; err != nil {
				return err
			}
			deleted := tx.Where("id IN ?", ids).Delete(&deliveryRow{})
			n = deleted.RowsAffected
			return deleted.Error
		})
		if err != nil || n == 0 {
			return pruned, err
		}
		pruned += int(n)
	}
}
