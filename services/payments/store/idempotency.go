package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tianguis.example/chassis/logging"
	"tianguis.example/payments"
)

type idempotencyRow struct {
	Scope     string
	Key       string
	Request   string
	Status    int
	Answer    string
	BusyUntil *time.Time
	CreatedAt time.Time `gorm:"autoCreateTime:false"`
}

func (idempotencyRow) TableName() string { return "idempotency_keys" }

// BeginIdempotent makes the caller the one who works on a request, and returns true; or it returns what is known of it: an answer, another
// request under the same key, or one that somebody works on. A row older than payments.IdempotencyLifetime counts as none.
func (s *Store) BeginIdempotent(ctx context.Context, r payments.Idempotent) (known payments.Idempotent, mine bool, err error) {
	// Nearly every request is the first of its key: then this one statement is all.
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		row := idempotencyRow{Scope: r.Scope, Key: r.Key, Request: r.Request, BusyUntil: maybe(r.BusyUntil), CreatedAt: r.CreatedAt}
		made := tx.Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "scope"}, {Name: "key"}},
			DoUpdates: clause.AssignmentColumns([]string{"request", "status", "answer", "busy_until", "created_at"}),
			Where:     clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: "idempotency_keys.created_at <= ?", Vars: []any{r.CreatedAt.Add(-payments.IdempotencyLifetime)}}}},
		}).Create(&row)
		mine = made.RowsAffected == 1
		return made.Error
	})
	if err != nil || mine {
		return payments.Idempotent{}, mine && err == nil, err
	}
	err = s.db.Transact(ctx, func(tx *gorm.DB) error {
		known, mine = payments.Idempotent{}, false
		// Whoever was at it may have died: then it is the next one's.
		taken := tx.Model(&idempotencyRow{}).
			Where("scope = ? AND key = ? AND request = ? AND status = 0 AND busy_until <= ?", r.Scope, r.Key, r.Request, r.CreatedAt).
			Updates(map[string]any{"busy_until": maybe(r.BusyUntil)})
		if taken.Error != nil {
			return taken.Error
		}
		mine = taken.RowsAffected == 1
		var found idempotencyRow
		err := tx.Where("scope = ? AND key = ?", r.Scope, r.Key).Take(&found).Error
		if errors.Is(err, gorm.ErrRecordNotFound) { // released in between: like one that is busy, for the moment
			known = r
			return nil
		}
		if err != nil {
			return err
		}
		answer, err := s.openAnswer(found)
		known = payments.Idempotent{
			Scope: found.Scope, Key: found.Key, Request: found.Request, Status: found.Status, Answer: answer,
			BusyUntil: certain(found.BusyUntil), CreatedAt: found.CreatedAt.UTC(),
		}
		return err
	})
	return known, mine, err
}

// EndIdempotent keeps the answer of a request that the caller works on: no other has taken it over since, which its BusyUntil tells.
func (s *Store) EndIdempotent(ctx context.Context, r payments.Idempotent) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Model(&idempotencyRow{}).Where("scope = ? AND key = ? AND request = ? AND busy_until = ?", r.Scope, r.Key, r.Request, r.BusyUntil).
			Updates(map[string]any{"status": r.Status, "answer": s.closeAnswer(r), "busy_until": nil}).Error
	})
}

func (s *Store) closeAnswer(r payments.Idempotent) string {
	if !r.Secret {
		return string(r.Answer)
	}
	return s.keys.close(logging.Secret(r.Answer), answerPlace(r.Scope, r.Key))
}

func (s *Store) openAnswer(row idempotencyRow) ([]byte, error) {
	if !isSealed(row.Answer) {
		return []byte(row.Answer), nil
	}
	answer, err := s.keys.open(row.Answer, answerPlace(row.Scope, row.Key))
	return []byte(answer.Reveal()), err
}

func answerPlace(scope, key string) string { return "idempotency_keys/" + scope + "/" + key }

// ReleaseIdempotent forgets a request of the caller's that came to nothing, so that it can be made again under the same key.
func (s *Store) ReleaseIdempotent(ctx context.Context, r payments.Idempotent) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Where("scope = ? AND key = ? AND request = ? AND status = 0 AND busy_until = ?", r.Scope, r.Key, r.Request, r.BusyUntil).Delete(&idempotencyRow{}).Error
	})
}

// PruneIdempotent deletes what is older than payments.IdempotencyLifetime.
func (s *Store) PruneIdempotent(ctx context.Context, now time.Time) error {
	for before, more := now.Add(-payments.IdempotencyLifetime), true; more; {
		var last []time.Time // of a batch
		err := s.db.Read(ctx).Model(&idempotencyRow{}).Where("created_at <= ?", before).Order("created_at").Offset(pruneBatch-1).Limit(1).Pluck("created_at", &last).Error
		if err != nil {
			return err
		}
		upTo := before
		if more = len(last) > 0; more {
			upTo = last[0]
		}
		err = s.db.Write(ctx, func(tx *gorm.DB) error { return tx.Where("created_at <= ?", upTo).Delete(&idempotencyRow{}).Error })
		if err != nil {
			return err
		}
	}
	return nil
}

// pruneBatch is about how many keys are deleted in one statement.
const pruneBatch = 1000
