package store

import (
	"context"
	"strings"
	"time"

	"tianguis.example/marketplace"
)

// query gathers conditions that all must hold.
type query struct {
	conditions []string
	args       []any
}

func (q *query) when(asked bool, condition string, args ...any) {
	if asked {
		q.conditions = append(q.conditions, condition)
		q.args = append(q.args, args...)
	}
}

func (q *query) where() string {
	if len(q.conditions) == 0 {
		return ""
	}
	return "WHERE " + strings.Join(q.conditions, " AND ")
}

// People are those that an operator asks for, the newest accounts first, up to limit.
func (s *Store) People(ctx context.Context, f marketplace.PeopleFilter, limit int) ([]marketplace.PersonLine, error) {
	var q query
	q.when(f.Role != "", "u.role = ?", string(f.Role))
	q.when(f.Standing == marketplace.StandsEnabled, "u.disabled_at IS NULL")
	q.when(f.Standing == marketplace.StandsDisabled, "u.disabled_at IS NOT NULL")
	q.when(f.Standing == marketplace.StandsOperator, "u.operator")
	q.when(f.Before != 0, "u.id < ?", int64(f.Before))
	for _, w := range s.wordsOf(f.Words, "u.id IN (SELECT rowid FROM users_words WHERE users_words MATCH ?)",
		"to_tsvector('simple', folded(u.name || ' ' || u.email)) @@ to_tsquery('simple', folded(?) || ':*')") {
		q.when(true, w.where, w.args...)
	}
	return s.people(ctx, q.where()+" ORDER BY u.id DESC LIMIT ?", append(q.args, limit)...)
}

// Person is one person as operators see them; CodeNotFound when there is none.
func (s *Store) Person(ctx context.Context, id marketplace.UserID) (marketplace.PersonLine, error) {
	found, err := s.people(ctx, "WHERE u.id = ?", int64(id))
	if err == nil && len(found) == 0 {
		return marketplace.PersonLine{}, marketplace.NotFound("There is no such person.")
	}
	if err != nil {
		return marketplace.PersonLine{}, err
	}
	return found[0], nil
}

func (s *Store) people(ctx context.Context, where string, args ...any) ([]marketplace.PersonLine, error) {
	var rows []userRow
	if err := s.db.Read(ctx).Raw("SELECT "+userColumns+" FROM users u "+where, args...).Scan(&rows).Error; err != nil || len(rows) == 0 {
		return nil, err
	}
	all, ids := make([]marketplace.PersonLine, len(rows)), make([]int64, len(rows))
	for i, r := range rows {
		all[i].User, ids[i] = r.user(), r.ID
	}
	var sessions []sessionRow
	if err := s.db.Read(ctx).Raw("SELECT "+sessionColumns+" FROM sessions s WHERE s.user_id IN ?", ids).Scan(&sessions).Error; err != nil {
		return nil, err
	}
	seen := map[marketplace.UserID]time.Time{}
	for _, r := range sessions {
		if last := r.session(); last.SeenAt.After(seen[last.UserID]) {
			seen[last.UserID] = last.SeenAt
		}
	}
	for i, p := range all {
		all[i].SeenAt = seen[p.ID]
	}
	return all, nil
}

// JobsForOperator are the jobs that an operator asks for, the newest first, up to limit.
func (s *Store) JobsForOperator(ctx context.Context, f marketplace.JobsFilter, limit int) ([]marketplace.JobLine, error) {
	branches := []branch{{from: "jobs j", where: "j.id > 0"}}
	if f.Person != 0 {
		branches = []branch{funded(f.Person), worked(f.Person), applied(f.Person)}
	}
	words := s.words(f.Words)
	for i, b := range branches {
		if f.State != "" {
			b = b.in(f.State)
		}
		if f.Asset != "" {
			b = b.and("j.budget_asset_code = ?", f.Asset)
		}
		if f.Payment != "" {
			b = b.and("j.id IN (SELECT job_id FROM payment_attempts WHERE state = ?)", string(f.Payment))
		}
		if f.Before != 0 {
			b = b.and("j.id < ?", int64(f.Before))
		}
		for _, w := range words {
			b = b.and(w.where, w.args...)
		}
		branches[i] = b
	}
	return s.list(ctx, marketplace.User{ID: -1, Operator: true}, newest, limit, branches...)
}

// PaymentsForOperator are the attempts that an operator asks for, the newest first, up to limit.
func (s *Store) PaymentsForOperator(ctx context.Context, f marketplace.PaymentsFilter, limit int) ([]marketplace.PaymentLine, error) {
	var q query
	q.when(f.State != "", "state = ?", string(f.State))
	q.when(f.Open, "state IN "+openStates)
	q.when(f.Job != 0, "job_id = ?", int64(f.Job))
	q.when(f.PendingID != "", "pending_id = ? AND pending_id <> ''", f.PendingID)
	q.when(f.Person != 0, "job_id IN (SELECT id FROM jobs WHERE funder_id = ? UNION ALL SELECT id FROM jobs WHERE worker_id = ?)", int64(f.Person), int64(f.Person))
	q.when(f.Before != "", "id < ?", f.Before)
	var rows []attemptRow
	err := s.db.Read(ctx).Raw("SELECT "+attemptColumns+" FROM payment_attempts "+q.where()+" ORDER BY id DESC LIMIT ?", append(q.args, limit)...).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	return s.withJobs(ctx, rows)
}
