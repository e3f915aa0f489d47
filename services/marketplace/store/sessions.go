package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"tianguis.example/marketplace"
)

// AddTry counts a try, and returns how many of its kind there were since, this one included.
func (s *Store) AddTry(ctx context.Context, t marketplace.Try, since time.Time) (byEmail, byPeer int, err error) {
	var count struct{ ByEmail, ByPeer int }
	err = s.db.Transact(ctx, func(tx *gorm.DB) error {
		if err := tx.Exec("DELETE FROM sign_in_tries WHERE kind = ? AND at < ?", t.Kind, since).Error; err != nil {
			return err
		}
		if err := tx.Exec("INSERT INTO sign_in_tries (kind, email, peer, at) VALUES (?, ?, ?, ?)", t.Kind, t.Email, t.Peer, t.At).Error; err != nil {
			return err
		}
		return tx.Raw(`SELECT (SELECT COUNT(*) FROM sign_in_tries WHERE kind = ? AND email = ? AND at >= ?) AS by_email,
			(SELECT COUNT(*) FROM sign_in_tries WHERE kind = ? AND peer = ? AND at >= ?) AS by_peer`,
			t.Kind, t.Email, since, t.Kind, t.Peer, since).Scan(&count).Error
	})
	return count.ByEmail, count.ByPeer, err
}

// forgetSessions is how many expired sessions a new one forgets at most: nobody waits at sign-in while thousands are deleted.
const forgetSessions = 100

// CreateSession opens a session, and forgets the tries with a password for the e-mail and sessions that have expired.
func (s *Store) CreateSession(ctx context.Context, session marketplace.Session, email string) error {
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		if err := tx.Exec("DELETE FROM sign_in_tries WHERE kind = ? AND email = ?", marketplace.TryPassword, email).Error; err != nil {
			return err
		}
		err := tx.Exec("DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < ? ORDER BY expires_at LIMIT ?"+s.lockDue()+")",
			session.CreatedAt, forgetSessions).Error
		if err != nil {
			return err
		}
		return tx.Exec("INSERT INTO sessions (id, token_hash, user_id, peer, device, created_at, seen_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			session.ID, session.TokenHash, int64(session.UserID), session.Device.Peer, session.Device.Name,
			session.CreatedAt, session.SeenAt, session.ExpiresAt).Error
	})
}

type sessionRow struct {
	SessionID string
	TokenHash string
	UserID    int64
	Peer      string
	Device    string
	StartedAt time.Time
	SeenAt    *time.Time
	ExpiresAt time.Time
}

const sessionColumns = "s.id AS session_id, s.token_hash, s.user_id, s.peer, s.device, s.created_at AS started_at, s.seen_at, s.expires_at"

func (r sessionRow) session() marketplace.Session {
	session := marketplace.Session{
		ID: r.SessionID, TokenHash: r.TokenHash, UserID: marketplace.UserID(r.UserID), Device: marketplace.Device{Peer: r.Peer, Name: r.Device},
		CreatedAt: r.StartedAt.UTC(), SeenAt: r.StartedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
	}
	if r.SeenAt != nil {
		session.SeenAt = r.SeenAt.UTC()
	}
	return session
}

// Session returns a session and whose it is, with how many notifications that person has not seen, counted up to mostUnread; CodeNotFound when no
// session has this token's hash.
func (s *Store) Session(ctx context.Context, tokenHash string, mostUnread int) (marketplace.SessionUser, error) {
	var row struct {
		Session sessionRow `gorm:"embedded"`
		User    userRow    `gorm:"embedded"`
		Unread  int
	}
	columns, args := sessionColumns+", "+userColumns, []any{tokenHash}
	if mostUnread > 0 {
		columns += ", (SELECT COUNT(*) FROM (SELECT 1 FROM notifications n WHERE n.user_id = s.user_id AND n.read_at IS NULL LIMIT ?) unseen) AS unread"
		args = []any{mostUnread, tokenHash}
	}
	found, err := one(s.db.Read(ctx), &row, "SELECT "+columns+" FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.token_hash = ?", args...)
	if err != nil {
		return marketplace.SessionUser{}, err
	}
	if !found {
		return marketplace.SessionUser{}, marketplace.NotFound("There is no such session.")
	}
	return marketplace.SessionUser{Session: row.Session.session(), User: row.User.user(), Unread: row.Unread}, nil
}

// SeenSession writes down that a session is in use.
func (s *Store) SeenSession(ctx context.Context, id string, at time.Time) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Exec("UPDATE sessions SET seen_at = ? WHERE id = ?", at, id).Error
	})
}

// SessionsOf lists where a person is signed in, the one that was used last first.
func (s *Store) SessionsOf(ctx context.Context, id marketplace.UserID, now time.Time) ([]marketplace.Session, error) {
	var rows []sessionRow
	err := s.db.Read(ctx).Raw("SELECT "+sessionColumns+" FROM sessions s WHERE s.user_id = ? AND s.expires_at > ? ORDER BY COALESCE(s.seen_at, s.created_at) DESC, s.id DESC",
		int64(id), now).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	all := make([]marketplace.Session, len(rows))
	for i, row := range rows {
		all[i] = row.session()
	}
	return all, nil
}

// DeleteSession signs a session of a person out; somebody else's stays.
func (s *Store) DeleteSession(ctx context.Context, id string, of marketplace.UserID) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Exec("DELETE FROM sessions WHERE id = ? AND user_id = ?", id, int64(of)).Error
	})
}
