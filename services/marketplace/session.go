package marketplace

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"
)

// Session is one browser in which somebody is signed in. The browser holds the token; the store
// holds the token's hash only, so that a stolen database opens no session.
type Session struct {
	ID        string // a ULID: names the session in an Attempt, opens nothing
	TokenHash string
	UserID    UserID
	CreatedAt time.Time
	ExpiresAt time.Time
}

// NewToken makes the secret of a session: 256 random bits.
func NewToken() string {
	token := make([]byte, 32)
	_, _ = rand.Read(token) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(token)
}

// HashToken is what is kept of a token. A fast hash does: nobody guesses 256 random bits.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// How often passwords may be tried before the account, or the place they come from, has to wait.
const (
	tryWindow    = 15 * time.Minute
	triesByEmail = 10
	triesByPeer  = 100
)

// accountStore is what signing in needs of a store.
type accountStore interface {
	// UserByEmail returns CodeNotFound when nobody has this e-mail.
	UserByEmail(ctx context.Context, email string) (User, error)
	// AddSignInTry counts this try among those since, and forgets older ones.
	AddSignInTry(ctx context.Context, email, peer string, at, since time.Time) (byEmail, byPeer int, err error)
	// CreateSession also forgets the tries of the person's e-mail, and sessions that have expired.
	CreateSession(ctx context.Context, s Session, email string) error
}

// nobodysHash is compared with when nobody has the e-mail, so that the answer takes as long.
var nobodysHash = HashPassword(NewToken())

// SignIn checks e-mail and password and opens a session, whose token it returns. It returns CodeSignInFailed, and
// CodeTooManyTries when there were too many for this e-mail or from this peer, even with the right password.
func (m *Market) SignIn(ctx context.Context, email, password, peer string) (token string, s Session, err error) {
	now := m.clock.Now()
	email = NormalEmail(clean(email, maxEmail))
	// The try counts before the password is looked at: tries at the same time all count.
	byEmail, byPeer, err := m.store.AddSignInTry(ctx, email, peer, now, now.Add(-tryWindow))
	if err != nil {
		return "", Session{}, fmt.Errorf("count the try: %w", err)
	}
	if byEmail > triesByEmail || byPeer > triesByPeer {
		return "", Session{}, &Error{Code: CodeTooManyTries, Message: "There were too many tries to sign in. Wait a quarter of an hour, then try again."}
	}
	user, err := m.store.UserByEmail(ctx, email)
	hash := user.PasswordHash
	switch {
	case CodeOf(err) == CodeNotFound:
		hash = nobodysHash
	case err != nil:
		return "", Session{}, fmt.Errorf("look the person up: %w", err)
	}
	if !m.passwordMatches(ctx, hash, password) || user.ID == 0 {
		return "", Session{}, &Error{Code: CodeSignInFailed, Message: "E-mail and password do not fit together."}
	}
	token = NewToken()
	s = Session{ID: newID(now), TokenHash: HashToken(token), UserID: user.ID, CreatedAt: now, ExpiresAt: now.Add(m.sessionLife)}
	if err := m.store.CreateSession(ctx, s, email); err != nil {
		return "", Session{}, fmt.Errorf("open a session: %w", err)
	}
	return token, s, nil
}

// passwordMatches lets only so many hashes be made at a time: each takes 19 MiB.
func (m *Market) passwordMatches(ctx context.Context, hash, password string) bool {
	select {
	case m.hashing <- struct{}{}:
		defer func() { <-m.hashing }()
		return PasswordMatches(hash, password)
	case <-ctx.Done():
		return false
	}
}
