package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tianguis.example/chassis/canonical"
	"tianguis.example/chassis/database"
	"tianguis.example/payments"
)

type checkpointRow struct {
	Number int64
	At     time.Time
	UpTo   int64
	Events int64
	Digest string
	KeyID  string
	Hash   string
}

func (checkpointRow) TableName() string { return "audit_checkpoints" }

func (r checkpointRow) checkpoint() payments.Checkpoint {
	return payments.Checkpoint{Number: r.Number, At: r.At.UTC(), UpTo: r.UpTo, Events: r.Events, Digest: r.Digest}
}

func (k key) ofCheckpoint(r checkpointRow) string {
	return k.sum("checkpoint", r.Number, r.At.UnixMicro(), r.UpTo, r.Events, r.Digest)
}

// AuditFrontier is the newest event at a moment, and what must have passed before every event up to it is there for good: transactions that
// ran at that moment may still commit an event with a smaller id.
type AuditFrontier struct {
	UpTo int64
	Next int64 // Postgres: a transaction's number, above those of all that had begun by then
}

// AuditFrontier is where a checkpoint can be set in a moment. On Postgres it takes a number as a transaction that writes does, after the newest event was
// seen: the snapshot's own end is no bound, since it is one above the last transaction that has ended, and younger ones may run
// (https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT, pg_snapshot_xmax).
func (s *Store) AuditFrontier(ctx context.Context) (AuditFrontier, error) {
	var f AuditFrontier
	query := "SELECT COALESCE(MAX(id), 0) AS up_to, 0 AS next FROM payment_events"
	if s.db.Dialect() == database.Postgres {
		query = "SELECT COALESCE(MAX(id), 0) AS up_to, pg_current_xact_id()::text::bigint AS next FROM payment_events"
	}
	return f, s.db.Read(ctx).Raw(query).Scan(&f).Error
}

// ErrUnsettled says that transactions still run which began before the frontier was taken: try again in a moment.
var ErrUnsettled = errors.New("transactions from before are still running")

// WriteCheckpoint pins the trail up to a frontier. It returns the zero payments.Checkpoint when there is nothing new to pin, or when somebody else has just
// done so; and ErrUnsettled.
func (s *Store) WriteCheckpoint(ctx context.Context, f AuditFrontier, now time.Time) (payments.Checkpoint, error) {
	if settled, err := s.settled(ctx, f); err != nil || !settled {
		return payments.Checkpoint{}, errors.Join(err, ErrUnsettled)
	}
	var before checkpointRow
	err := s.db.Read(ctx).Order("number DESC").Limit(1).Find(&before).Error
	if err != nil {
		return payments.Checkpoint{}, err
	}
	k := s.keys.current()
	next := checkpointRow{Number: before.Number + 1, At: now, UpTo: max(f.UpTo, before.UpTo), KeyID: k.id}
	if next.UpTo == 0 || next.UpTo == before.UpTo && before.KeyID == k.id {
		return payments.Checkpoint{}, nil
	}
	if next.Events, next.Digest, err = s.digest(ctx, before, next.UpTo); err != nil {
		return payments.Checkpoint{}, err
	}
	next.Hash = k.ofCheckpoint(next)
	made := false
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		created := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&next)
		made = created.RowsAffected == 1
		return created.Error
	})
	if err != nil || !made {
		return payments.Checkpoint{}, err
	}
	return next.checkpoint(), nil
}

func (s *Store) settled(ctx context.Context, f AuditFrontier) (bool, error) {
	if s.db.Dialect() != database.Postgres {
		return true, nil // one writer at a time: ids appear in their order
	}
	var settled bool
	err := s.db.Read(ctx).Raw("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint >= ?", f.Next).Scan(&settled).Error
	return settled, err
}

// digest counts and digests the events after a checkpoint, up to one.
func (s *Store) digest(ctx context.Context, before checkpointRow, upTo int64) (events int64, digest string, err error) {
	sum := sha256.New()
	canonical.Write(sum, before.Digest)
	for after := before.UpTo; ; {
		var page []eventRow
		if err := s.db.Read(ctx).Where("id > ? AND id <= ?", after, upTo).Order("id").Limit(eventBatch).Find(&page).Error; err != nil {
			return 0, "", err
		}
		for _, e := range page {
			canonical.Write(sum, e.ID, e.PaymentID, e.At.UnixMicro(), e.Actor, e.FromState, e.ToState, e.Reason, e.Detail, e.Number, e.KeyID, e.Hash)
			after = e.ID
		}
		if events += int64(len(page)); len(page) < eventBatch {
			return events, hexSum(sum), nil
		}
	}
}

// eventBatch is how many events are read in one statement: there may be millions.
const eventBatch = 1000
