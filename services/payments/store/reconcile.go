package store

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tianguis.example/payments"
)

// PaymentsToCompare are up to limit payments with an id above after, in the order of their ids and without their secrets: those that have
// not ended, and those that changed since changedSince; all of them for the zero time.
func (s *Store) PaymentsToCompare(ctx context.Context, changedSince time.Time, after payments.PaymentID, limit int) ([]payments.Payment, error) {
	query := s.db.Read(ctx).Where("id > ?", string(after))
	if !changedSince.IsZero() {
		// Each kind by its own index: for an OR, the database reads every payment there is. Materialized: or else it takes the few that changed
		// for evenly spread, and looks for them in the order of the ids.
		query = s.db.Read(ctx).Where(`id IN (WITH changed AS MATERIALIZED (SELECT id FROM payments WHERE updated_at >= ?)
			SELECT id FROM (SELECT id FROM payments WHERE `+pending+` AND id > ? ORDER BY id LIMIT ?) pending
			UNION SELECT id FROM (SELECT id FROM changed WHERE id > ? ORDER BY id LIMIT ?) changed)`, changedSince, string(after), limit, string(after), limit)
	}
	return s.views(query.Order("id").Limit(limit))
}

type periodicRow struct {
	Name   string
	NextAt time.Time
}

func (periodicRow) TableName() string { return "periodic_tasks" }

// ClaimPeriodic reports whether the caller is the one process that runs a task now: it is due, and it is next due at next. A task that has
// never been claimed is due. Whoever dies while running one leaves the rest of it to the next time.
func (s *Store) ClaimPeriodic(ctx context.Context, name string, now, next time.Time) (bool, error) {
	var mine bool
	err := s.db.Transact(ctx, func(tx *gorm.DB) error {
		made := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&periodicRow{Name: name, NextAt: next})
		if made.Error != nil || made.RowsAffected == 1 {
			mine = made.RowsAffected == 1
			return made.Error
		}
		claimed := tx.Model(&periodicRow{}).Where("name = ? AND next_at <= ?", name, now).Updates(map[string]any{"next_at": next})
		mine = claimed.RowsAffected == 1
		return claimed.Error
	})
	return mine && err == nil, err
}
