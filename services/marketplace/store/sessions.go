package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"tianguis.example/marketplace"
)

// AddSignInTry counts a try to sign in, and returns how many there were since, this one included.
func (s *Store) AddSignInTry(ctx context.Context, email, peer string, at, since time.Time) (byEmail, byPeer int, err error) {
	var count struct{ ByEmail, ByPeer int }
	err = s.db.Transact(ctx, func(tx *gorm.DB) error {
		if err := tx.Exec("DELETE FROM sign_in_tries WHERE at < ?", since).Error; err != nil {
			return err
		}
		if err := tx.Exec("INSERT INTO sign_in_tries (email, peer, at) VALUES (?, ?, ?)", email, peer, at).Error; err != nil {
			return err
		}
		return tx.Raw(`SELECT (SELECT COUNT(*) FROM sign_in_tries WHERE email = ? AND at >= ?) AS by_email,
			(SELECT COUNT(*) FROM sign_in_tries WHERE peer = ? AND at >= ?) AS by_peer`, email, since, peer, since).Scan(&count).Error
	})
	return count.ByEmail, count.ByPeer, err
}

// forgetSessions is how many expired sessions a new one forgets at most: nobody waits at sign-in while thousands are deleted.
const forgetSessions = 100

// CreateSession opens a session, and forgets the tries for the e-mail and sessions that have expired.
func (s *Store) CreateSession(ctx context.Context, session marketplace.Session, email string) error {
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		if err := tx.Exec("DELETE FROM sign_in_tries WHERE email = ?", email).Error; err != nil {
			return err
		}
		err := tx.Exec("DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < ? ORDER BY expires_at LIMIT ?"+s.lockDue()+")",
			session.CreatedAt, forgetSessions).Error
		if err != nil {
			return err
		}
		return tx.Exec("INSERT INTO sessions (id, token_hash, user_id, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
			session.ID, session.TokenHash, int64(session.UserID), session.CreatedAt, session.ExpiresAt).Error
	})
}

// Session returns a session and whose it is; CodeNotFound when no session has this token's hash.
func (s *Store) Session(ctx context.Context, tokenHash string) (marketplace.SessionUser, error) {
	var row struct {
		SessionID string
		StartedAt time.Time
		ExpiresAt time.Time
		User      userRow `gorm:"embedded"`
	}
	found, err := one(s.db.Read(ctx), &row, `SELECT s.id AS session_id, s.created_at AS started_at, s.expires_at,
		u.id, u.email, u.name, u.role, u.wallet_address_url, u.operator, u.created_at
		FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.token_hash = ?`, tokenHash)
	if err != nil {
		return marketplace.SessionUser{}, err
	}
	if !found {
		return marketplace.SessionUser{}, marketplace.NotFound("There is no such session.")
	}
	user := row.User.user()
	return marketplace.SessionUser{User: user, Session: marketplace.Session{
		ID: row.SessionID, TokenHash: tokenHash, UserID: user.ID, CreatedAt: row.StartedAt.UTC(), ExpiresAt: row.ExpiresAt.UTC(),
	}}, nil
}

// DeleteSession signs a session out.
func (s *Store) DeleteSession(ctx context.Context, id string) error {
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		return tx.Exec("DELETE FROM sessions WHERE id = ?", id).Error
	})
}
