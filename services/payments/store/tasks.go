package store

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tianguis.example/payments"
	"tianguis.example/payments/operator"
)

type taskRow struct {
	ID        string
	Kind      string
	AskedBy   string
	AskedAt   time.Time
	BusyUntil *time.Time
	BegunAt   *time.Time
	EndedAt   *time.Time
	Failure   string
	Result    string
}

func (taskRow) TableName() string { return "tasks" }

func (r taskRow) task() payments.Task {
	return payments.Task{
		ID: r.ID, Kind: payments.TaskKind(r.Kind), AskedBy: r.AskedBy, AskedAt: r.AskedAt.UTC(), BusyUntil: certain(r.BusyUntil),
		BegunAt: certain(r.BegunAt), EndedAt: certain(r.EndedAt), Failure: r.Failure, Result: []byte(r.Result),
	}
}

func tasks(rows []taskRow) []payments.Task {
	all := make([]payments.Task, len(rows))
	for i, r := range rows {
		all[i] = r.task()
	}
	return all
}

// AskTask keeps a task for whoever takes it up, with who asked for it; nil when that was no person. It reports false, and keeps nothing, when one of its kind
// has not ended yet.
func (s *Store) AskTask(ctx context.Context, t payments.Task, asked *operator.Action) (bool, error) {
	row := taskRow{ID: t.ID, Kind: string(t.Kind), AskedBy: plain(t.AskedBy), AskedAt: t.AskedAt, BusyUntil: &t.AskedAt}
	var made bool
	err := s.db.Transact(ctx, func(tx *gorm.DB) error {
		created := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if made = created.RowsAffected == 1; created.Error != nil || !made || asked == nil {
			return created.Error
		}
		return s.insertAction(tx, *asked)
	})
	return made && err == nil, err
}

// ClaimTasks leases up to n tasks until until: those that wait, and those whose process is gone.
func (s *Store) ClaimTasks(ctx context.Context, n int, now, until time.Time) ([]payments.Task, error) {
	var rows []taskRow
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		rows = nil
		return tx.Raw(`WITH due AS MATERIALIZED (SELECT id FROM tasks WHERE ended_at IS NULL AND busy_until <= ? ORDER BY id LIMIT ?`+s.lockDue()+`)
			UPDATE tasks SET busy_until = ?, begun_at = ? WHERE id IN (SELECT id FROM due) RETURNING `+columnsOf(tx, &taskRow{}), now, n, until, now).Scan(&rows).Error
	})
	return tasks(rows), err
}

// KeepTask renews the lease of a task until until. It returns payments.ErrStale when another process has it.
func (s *Store) KeepTask(ctx context.Context, t payments.Task, until time.Time) error {
	return s.changeTask(ctx, t, map[string]any{"busy_until": until})
}

// keptTasks is how many of a kind are kept.
const keptTasks = 100

// EndTask keeps what came of a task, and forgets the oldest of its kind. It returns payments.ErrStale when another process has it.
func (s *Store) EndTask(ctx context.Context, t payments.Task) error {
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		err := changeTask(tx, t, map[string]any{"busy_until": nil, "ended_at": t.EndedAt, "failure": plain(t.Failure), "result": string(t.Result)})
		if err != nil {
			return err
		}
		var older []string
		if err := tx.Model(&taskRow{}).Where("kind = ?", string(t.Kind)).Order("id DESC").Offset(keptTasks).Limit(keptTasks).Pluck("id", &older).Error; err != nil || len(older) == 0 {
			return err
		}
		return tx.Where("id IN ?", older).Delete(&taskRow{}).Error
	})
}

func (s *Store) changeTask(ctx context.Context, t payments.Task, change map[string]any) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error { return changeTask(tx, t, change) })
}

// changeTask changes a task that is still in the hand that the lease says.
func changeTask(tx *gorm.DB, t payments.Task, change map[string]any) error {
	updated := tx.Model(&taskRow{}).Where("id = ? AND ended_at IS NULL AND busy_until = ?", t.ID, t.BusyUntil).Updates(change)
	if updated.Error == nil && updated.RowsAffected == 0 {
		return payments.ErrStale
	}
	return updated.Error
}

// Tasks are the newest of a kind, newest first.
func (s *Store) Tasks(ctx context.Context, kind payments.TaskKind, limit int) ([]payments.Task, error) {
	var rows []taskRow
	err := s.db.Read(ctx).Where("kind = ?", string(kind)).Order("id DESC").Limit(limit).Find(&rows).Error
	return tasks(rows), err
}
