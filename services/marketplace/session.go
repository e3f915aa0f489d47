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
	Device    Device // in which it was opened
	CreatedAt time.Time
	SeenAt    time.Time // when it was last used, give or take SeenEvery
	ExpiresAt time.Time
}

// SeenEvery is how often it is written down that a session is in use.
const SeenEvery = 5 * time.Minute

// Device is what sends a request, as far as it can be told.
type Device struct {
	Peer string // the network that it comes from, which tries are counted by
	Name string // in a person's words, such as "Firefox, Linux"; may be ""
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

// trying is what may be tried so often only, before the account, or the place that it comes from, has to wait.
type trying struct {
	kind            string // of Try
	byEmail, byPeer int
	within          time.Duration
	refusal         Error
}

// The limits. Those for each peer are generous, since a whole school may share an address; the links are mails, which nobody wants many of.
var (
	tryingPassword = trying{
		kind: TryPassword, byEmail: 10, byPeer: 100, within: 15 * time.Minute,
		refusal: Error{Code: CodeTooManyTries, Message: "There were too many tries with a wrong password. Wait a quarter of an hour, then try again."},
	}
	tryingSignUp = trying{
		kind: "sign_up", byEmail: 5, byPeer: 30, within: time.Hour,
		refusal: Error{Code: CodeTooManyTries, Message: "There were too many sign-ups for this e-mail, or from where you are. Wait an hour, then try again."},
	}
	tryingReset = trying{
		kind: "reset", byEmail: 5, byPeer: 30, within: time.Hour,
		refusal: Error{Code: CodeTooManyTries, Message: "There were too many requests for this e-mail, or from where you are. Wait an hour, then try again."},
	}
	tryingWallet = trying{
		kind: "wallet", byEmail: 30, byPeer: 100, within: 15 * time.Minute,
		refusal: Error{Code: CodeTooManyTries, Message: "You have looked at many wallet addresses. Wait a quarter of an hour, then try again."},
	}
)

// TryPassword is the kind of a try with a password. Those of a person are forgotten when one succeeds.
const TryPassword = "password"

// Try is one try of something that is limited.
type Try struct {
	Kind, Email, Peer string
	At                time.Time
}

// try counts a try, and returns CodeTooManyTries when there were too many for this e-mail or from this peer. The try counts before
// anything is looked at: tries at the same time all count.
func (m *Market) try(ctx context.Context, t trying, email, peer string) error {
	now := m.clock.Now()
	byEmail, byPeer, err := m.store.AddTry(ctx, Try{Kind: t.kind, Email: email, Peer: peer, At: now}, now.Add(-t.within))
	if err != nil {
		return fmt.Errorf("count the try: %w", err)
	}
	if byEmail > t.byEmail || byPeer > t.byPeer {
		refusal := t.refusal
		return &refusal
	}
	return nil
}

// accountStore is what signing in needs of a store.
type accountStore interface {
	// UserByEmail returns CodeNotFound when nobody has this e-mail.
	UserByEmail(ctx context.Context, email string) (User, error)
	// AddTry counts this try among those of its kind since, and forgets older ones.
	AddTry(ctx context.Context, t Try, since time.Time) (byEmail, byPeer int, err error)
	// CreateSession also forgets the tries with a password for the person's e-mail, and sessions that have expired.
	CreateSession(ctx context.Context, s Session, email string) error
}

// nobodysHash is compared with when nobody has the e-mail, so that the answer takes as long.
var nobodysHash = HashPassword(NewToken())

// SignIn checks e-mail and password and opens a session, whose token it returns. It returns CodeSignInFailed, CodeDisabled for
// an account that an operator has closed, and CodeTooManyTries when there were too many for this e-mail or from this peer, even with the right password.
func (m *Market) SignIn(ctx context.Context, email, password string, from Device) (token string, s Session, err error) {
	email = NormalEmail(clean(email, maxEmail))
	if err := m.try(ctx, tryingPassword, email, from.Peer); err != nil {
		return "", Session{}, err
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
	if user.Disabled() { // said to whoever knows the password, and to nobody else
		return "", Session{}, &Error{
			Code:    CodeDisabled,
			Message: "This account was disabled by whoever runs the marketplace, and nobody can sign in to it. Payments that are under way go on. Write to them if you think that this is a mistake.",
		}
	}
	return m.openSession(ctx, user, from)
}

// openSession is always a new one, with a token that no browser has had before: a session cannot be fixed by whoever
// was at this browser earlier.
func (m *Market) openSession(ctx context.Context, user User, from Device) (token string, s Session, err error) {
	now := m.clock.Now()
	token = NewToken()
	from.Name = clean(from.Name, maxDevice)
	s = Session{ID: newID(now), TokenHash: HashToken(token), UserID: user.ID, Device: from, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(m.sessionLife)}
	if err := m.store.CreateSession(ctx, s, user.Email); err != nil {
		return "", Session{}, fmt.Errorf("open a session: %w", err)
	}
	return token, s, nil
}

const maxDevice = 100 // bytes

// hashingTurn waits until a hash may be made, and returns what lets the next one go: each takes 19 MiB, so only so many are made at a time.
func (m *Market) hashingTurn(ctx context.Context) (release func(), err error) {
	select {
	case m.hashing <- struct{}{}:
		return func() { <-m.hashing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (m *Market) passwordMatches(ctx context.Context, hash, password string) bool {
	release, err := m.hashingTurn(ctx)
	if err != nil {
		return false
	}
	defer release()
	return PasswordMatches(hash, password)
}

func (m *Market) hashPassword(ctx context.Context, password string) (string, error) {
	release, err := m.hashingTurn(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	return HashPassword(password), nil
}
