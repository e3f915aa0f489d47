package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"tianguis.example/chassis/database"
	"tianguis.example/marketplace"
)

type messageRow struct {
	ID       string
	Channel  string
	Kind     string
	UserID   *int64 // NULL for somebody who has no account yet
	Address  string
	Name     string
	Language string
	Facts    string
	State    string
	Attempts int
	NextAt   time.Time
	Until    time.Time
	Error    string
	At       time.Time
	EndedAt  *time.Time
}

const messageColumns = "id, channel, kind, user_id, address, name, language, facts, state, attempts, next_at, until, error, at, ended_at"

func (r messageRow) message() (marketplace.Message, error) {
	m := marketplace.Message{
		ID: r.ID, Channel: marketplace.Channel(r.Channel), Kind: marketplace.NotificationKind(r.Kind),
		To: r.Address, Name: r.Name, Language: r.Language, State: marketplace.MessageState(r.State), Attempts: r.Attempts,
		NextAt: r.NextAt.UTC(), Until: r.Until.UTC(), Error: r.Error, At: r.At.UTC(),
	}
	if r.UserID != nil {
		m.UserID = marketplace.UserID(*r.UserID)
	}
	if r.EndedAt != nil {
		m.EndedAt = r.EndedAt.UTC()
	}
	if err := json.Unmarshal([]byte(r.Facts), &m.Facts); err != nil {
		return m, fmt.Errorf("the facts of message %s: %w", r.ID, err)
	}
	return m, nil
}

func messagesOf(rows []messageRow) ([]marketplace.Message, error) {
	all := make([]marketplace.Message, len(rows))
	for i, row := range rows {
		var err error
		if all[i], err = row.message(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// insertMessages keeps messages that are to go out.
func insertMessages(tx *gorm.DB, all ...marketplace.Message) error {
	rows := make([][]any, len(all))
	for i, m := range all {
		facts, err := json.Marshal(m.Facts)
		if err != nil {
			return err
		}
		rows[i] = []any{
			m.ID, string(m.Channel), string(m.Kind), orNull(m.UserID), m.To, m.Name, m.Language, string(facts), string(m.State), m.Attempts,
			m.NextAt, m.Until, m.Error, m.At,
		}
	}
	return insertRows(tx, "messages (id, channel, kind, user_id, address, name, language, facts, state, attempts, next_at, until, error, at)", rows)
}

// ClaimMessages leases up to n messages that are due by a channel, until leaseUntil, the longest due first. The attempt
// counts from here, so that a message which ends the process each time comes to an end itself.
func (s *Store) ClaimMessages(ctx context.Context, c marketplace.Channel, n int, now, leaseUntil time.Time) ([]marketplace.Message, error) {
	var rows []messageRow
	err := s.db.Transact(ctx, func(tx *gorm.DB) error {
		rows = nil
		skip := ""
		if s.db.Dialect() == database.Postgres {
			skip = " FOR UPDATE SKIP LOCKED" // on SQLite the immediate transaction is alone
		}
		err := tx.Raw("SELECT "+messageColumns+" FROM messages WHERE channel = ? AND state = 'pending' AND next_at <= ? ORDER BY next_at, id LIMIT ?"+skip,
			string(c), now, n).Scan(&rows).Error
		if err != nil || len(rows) == 0 {
			return err
		}
		ids := make([]string, len(rows))
		for i := range rows {
			ids[i], rows[i].NextAt, rows[i].Attempts = rows[i].ID, leaseUntil, rows[i].Attempts+1
		}
		return tx.Exec("UPDATE messages SET next_at = ?, attempts = attempts + 1 WHERE id IN ?", leaseUntil, ids).Error
	})
	if err != nil {
		return nil, err
	}
	return messagesOf(rows)
}

// EndAttempt keeps what became of an attempt, if the claim that ended at leaseUntil is still the message's. What a message
// says is forgotten once it is sent, and when it is dead and holds a secret.
func (s *Store) EndAttempt(ctx context.Context, m marketplace.Message, leaseUntil time.Time) error {
	forget := m.State == marketplace.MessageSent || m.State == marketplace.MessageDead && m.Kind.Secret()
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Exec(`UPDATE messages SET state = ?, next_at = ?, error = ?, ended_at = ?, facts = CASE WHEN ? THEN '{}' ELSE facts END
			WHERE id = ? AND state = 'pending' AND next_at = ?`,
			string(m.State), m.NextAt, m.Error, timeOrNull(m.EndedAt), forget, m.ID, leaseUntil).Error
	})
}

// MessageFilter chooses messages; what is empty chooses all.
type MessageFilter struct {
	State   marketplace.MessageState
	Channel marketplace.Channel
	Before  string // only older ones than the message of this id
}

// Messages are up to n messages, the newest first, for the operator.
func (s *Store) Messages(ctx context.Context, f MessageFilter, n int) ([]marketplace.Message, error) {
	query := s.db.Read(ctx).Table("messages").Select(messageColumns)
	if f.State != "" {
		query = query.Where("state = ?", string(f.State))
	}
	if f.Channel != "" {
		query = query.Where("channel = ?", string(f.Channel))
	}
	if f.Before != "" {
		query = query.Where("id < ?", f.Before)
	}
	var rows []messageRow
	if err := query.Order("id DESC").Limit(n).Scan(&rows).Error; err != nil {
		return nil, err
	}
	return messagesOf(rows)
}

// RetryMessages makes dead messages due again, as if they had just been written, and returns how many: those with the ids,
// or all when there are none. One whose content is forgotten stays dead.
func (s *Store) RetryMessages(ctx context.Context, ids []string, now time.Time) (n int64, err error) {
	err = s.db.Transact(ctx, func(tx *gorm.DB) error {
		query, args := `UPDATE messages SET state = 'pending', attempts = 0, next_at = ?, until = ?, ended_at = NULL WHERE state = 'dead' AND facts <> '{}'`,
			[]any{now, now.Add(marketplace.MessageLife)}
		if len(ids) > 0 {
			query, args = query+" AND id IN ?", append(args, ids)
		}
		done := tx.Exec(query, args...)
		n = done.RowsAffected
		return done.Error
	})
	return n, err
}

// MessagesPending are how many messages wait to be sent by a channel, and since when the oldest of them does; zero without one.
func (s *Store) MessagesPending(ctx context.Context, c marketplace.Channel) (n int, oldest time.Time, err error) {
	read := s.db.Read(ctx)
	if err := read.Raw("SELECT COUNT(*) FROM messages WHERE channel = ? AND state = 'pending'", string(c)).Scan(&n).Error; err != nil {
		return 0, time.Time{}, err
	}
	var first []time.Time
	err = s.db.Read(ctx).Raw("SELECT at FROM messages WHERE channel = ? AND state = 'pending' ORDER BY at LIMIT 1", string(c)).Scan(&first).Error
	if err != nil || len(first) == 0 {
		return n, time.Time{}, err
	}
	return n, first[0].UTC(), nil
}

// How long what people were told is kept.
const (
	keepSent          = 30 * 24 * time.Hour
	keepDead          = 90 * 24 * time.Hour
	keepNotifications = 365 * 24 * time.Hour
)

// pruneBatch is how many rows of each kind are deleted in one transaction: few enough that the index is the shortest way to them.
const pruneBatch = 200

// PruneMessages ends what nobody can use any more, and forgets what is old. It is safe at any time, by any replica, and
// reports whether there is more to do.
func (s *Store) PruneMessages(ctx context.Context, now time.Time) (more bool, err error) {
	err = s.db.Transact(ctx, func(tx *gorm.DB) error {
		more = false
		// Of a channel that is not set up, too: nobody claims those.
		late := tx.Exec(`UPDATE messages SET state = 'dead', error = CASE WHEN error = '' THEN 'not sent in time' ELSE error END, ended_at = ?,
			facts = CASE WHEN kind IN ? THEN '{}' ELSE facts END
			WHERE id IN (SELECT id FROM messages WHERE state = 'pending' AND until < ? AND next_at < ? LIMIT ?)`,
			now, marketplace.SecretKinds, now, now, pruneBatch)
		if late.Error != nil {
			return late.Error
		}
		more = late.RowsAffected == pruneBatch
		for _, old := range []struct {
			query string
			until time.Time
		}{
			// Once as the index has it, for SQLite, which does not conclude that what is sent is not pending.
			{"DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE state <> 'pending' AND state = 'sent' AND ended_at < ? LIMIT ?)", now.Add(-keepSent)},
			{"DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE state <> 'pending' AND state = 'dead' AND ended_at < ? LIMIT ?)", now.Add(-keepDead)},
			{"DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE at < ? LIMIT ?)", now.Add(-keepNotifications)},
		} {
			deleted := tx.Exec(old.query, old.until, pruneBatch)
			if deleted.Error != nil {
				return deleted.Error
			}
			more = more || deleted.RowsAffected == pruneBatch
		}
		return nil
	})
	return more, err
}
