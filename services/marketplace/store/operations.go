package store

import (
	"context"
	"strings"
	"time"

	"tianguis.example/marketplace"
)

// The events in SQL's words: the indexes are for exactly these, and a parameter would not tell the database.
var (
	oddEvents     = "('" + strings.Join(marketplace.OddEvents, "', '") + "')"
	paymentEvents = "('" + strings.Join(marketplace.PaymentEvents, "', '") + "')"
)

// Operations is what an operator looks at. Attempts are open for long when they began before openSince.
func (s *Store) Operations(ctx context.Context, openSince time.Time) (o marketplace.Operations, err error) {
	if o.Odd, err = s.news(ctx, oddEvents+" AND NOT EXISTS (SELECT 1 FROM looked_into l WHERE l.history_id = h.id)"); err != nil {
		return o, err
	}
	if o.Open, err = s.openAttempts(ctx, openSince); err != nil {
		return o, err
	}
	o.News, err = s.news(ctx, paymentEvents)
	return o, err
}

// news are lines of history whose event is in, or what else stands in which.
func (s *Store) news(ctx context.Context, which string) ([]marketplace.PaymentNews, error) {
	var rows []struct {
		EntryID int64
		Line    lineRow  `gorm:"embedded"`
		Entry   entryRow `gorm:"embedded"`
	}
	err := s.db.Read(ctx).Raw(`SELECT h.id AS entry_id, `+lineColumns+`, `+entryColumns+` FROM job_history h JOIN jobs j ON j.id = h.job_id `+linePeople+`
		LEFT JOIN users u ON u.id = h.user_id WHERE h.event IN `+which+` ORDER BY h.id DESC LIMIT ?`, marketplace.OperationsLines).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	all := make([]marketplace.PaymentNews, len(rows))
	for i, row := range rows {
		if all[i].JobLine, err = row.Line.line(); err != nil {
			return nil, err
		}
		all[i].EntryID, all[i].EntryView = row.EntryID, row.Entry.entry()
	}
	return all, nil
}

// AttemptsOpen are how many attempts are open, and when the first of them began; zero without one.
func (s *Store) AttemptsOpen(ctx context.Context) (n int, oldest time.Time, err error) {
	if err := s.db.Read(ctx).Raw("SELECT COUNT(*) FROM payment_attempts WHERE state IN " + openStates).Scan(&n).Error; err != nil {
		return 0, time.Time{}, err
	}
	var first []time.Time
	err = s.db.Read(ctx).Raw("SELECT created_at FROM payment_attempts WHERE state IN " + openStates + " ORDER BY created_at LIMIT 1").Scan(&first).Error
	if err != nil || len(first) == 0 {
		return n, time.Time{}, err
	}
	return n, first[0].UTC(), nil
}

func (s *Store) openAttempts(ctx context.Context, since time.Time) ([]marketplace.PaymentLine, error) {
	var rows []attemptRow
	err := s.db.Read(ctx).Raw("SELECT "+attemptColumns+" FROM payment_attempts WHERE state IN "+openStates+
		" AND created_at < ? ORDER BY created_at LIMIT ?", since, marketplace.OperationsLines).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	return s.withJobs(ctx, rows)
}

// withJobs are attempts with what they pay for.
func (s *Store) withJobs(ctx context.Context, rows []attemptRow) ([]marketplace.PaymentLine, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	ids := make([]int64, len(rows))
	for i, row := range rows {
		ids[i] = row.JobID
	}
	lines, err := s.lines(ctx, "WHERE j.id IN ?", ids)
	if err != nil {
		return nil, err
	}
	jobs := make(map[int64]marketplace.JobLine, len(lines))
	for _, line := range lines {
		jobs[int64(line.ID)] = line
	}
	all := make([]marketplace.PaymentLine, len(rows))
	for i, row := range rows {
		all[i].Job = jobs[row.JobID]
		if all[i].Attempt, err = row.attempt(); err != nil {
			return nil, err
		}
	}
	return all, nil
}
