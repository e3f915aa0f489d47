package marketplace

import (
	"context"
	"fmt"
	"time"
)

// SignUp is an account that waits for its e-mail to be proved.
type SignUp struct {
	TokenHash string // of the link in the mail
	User      User   // as it is to be, without a number
	CreatedAt time.Time
	ExpiresAt time.Time
}

// signUpLife is how long the link of a sign-up works.
const signUpLife = 24 * time.Hour

// signUpStore is what signing up needs of a store.
type signUpStore interface {
	// Register adds a person. It returns CodeTaken when somebody has the e-mail. With useUp, the hash of a sign-up's token, that sign-up is used up: CodeLinkExpired
	// when it is gone.
	Register(ctx context.Context, u User, peer, useUp string) (UserID, error)
	// KeepSignUp keeps a sign-up, and one of the two letters: that for an e-mail which somebody has already, or else the other. It forgets
	// sign-ups that have expired.
	KeepSignUp(ctx context.Context, s SignUp, free, taken Message) error
	// SignUp returns CodeLinkExpired when there is none with this token.
	SignUp(ctx context.Context, tokenHash string) (SignUp, error)
}

// SignUp makes an account, or begins to: with mail, when the link in it is followed (ConfirmSignUp). A nil error does not say whether there was an account
// with this e-mail, nor does the time that it takes: see decision 8. Errors name the fields that are wrong; or it is CodeTooManyTries.
func (m *Market) SignUp(ctx context.Context, r Registration, from Device) error {
	now := m.clock.Now()
	u, err := r.User(now)
	if err != nil {
		return err
	}
	if err := m.try(ctx, tryingSignUp, u.Email, from.Peer); err != nil {
		return err
	}
	if u.WalletAddressURL != "" {
		if _, u.Wallet, err = m.CheckWallet(ctx, u.WalletAddressURL); err != nil {
			return err
		}
	}
	if u.PasswordHash, err = m.hashPassword(ctx, r.Password); err != nil {
		return err
	}
	if !m.Mails() {
		_, err := m.store.Register(ctx, u, from.Peer, "")
		if err != nil && CodeOf(err) != CodeTaken {
			return fmt.Errorf("make the account: %w", err)
		}
		return nil
	}
	token := NewToken()
	s := SignUp{TokenHash: HashToken(token), User: u, CreatedAt: now, ExpiresAt: now.Add(signUpLife)}
	free := letter(NotifySignUp, u.Email, u.Language, linkTo("/signup/confirm", token), now, s.ExpiresAt)
	taken := letter(NotifyHaveAccount, u.Email, u.Language, "/login", now, s.ExpiresAt)
	if err := m.store.KeepSignUp(ctx, s, free, taken); err != nil {
		return fmt.Errorf("keep the sign-up: %w", err)
	}
	return nil
}

// PendingSignUp is the sign-up of a link that can still be followed; CodeLinkExpired otherwise.
func (m *Market) PendingSignUp(ctx context.Context, token string) (SignUp, error) {
	s, err := m.store.SignUp(ctx, HashToken(token))
	if err != nil {
		return SignUp{}, fmt.Errorf("read the sign-up: %w", err)
	}
	if !m.clock.Now().Before(s.ExpiresAt) {
		return SignUp{}, LinkExpired()
	}
	return s, nil
}

// ConfirmSignUp makes the account of a link, and opens a session. It wants the password too: whoever reads the mail has proved the address, and
// must not be given an account whose password somebody else has chosen. Codes: CodeLinkExpired, CodeSignInFailed, CodeTooManyTries.
func (m *Market) ConfirmSignUp(ctx context.Context, token, password string, from Device) (sessionToken string, s Session, err error) {
	pending, err := m.PendingSignUp(ctx, token)
	if err != nil {
		return "", Session{}, err
	}
	if err := m.try(ctx, tryingPassword, pending.User.Email, from.Peer); err != nil {
		return "", Session{}, err
	}
	if !m.passwordMatches(ctx, pending.User.PasswordHash, password) {
		return "", Session{}, &Error{Code: CodeSignInFailed, Message: "This is not the password that was chosen when signing up."}
	}
	u := pending.User
	u.CreatedAt = m.clock.Now()
	u.ID, err = m.store.Register(ctx, u, from.Peer, pending.TokenHash)
	switch {
	case CodeOf(err) == CodeTaken: // somebody else has proved the same address in the meantime, or the same person did it twice
		return "", Session{}, LinkExpired()
	case err != nil:
		return "", Session{}, fmt.Errorf("make the account: %w", err)
	}
	m.log.InfoContext(ctx, "account made", "user_id", u.ID.String())
	return m.openSession(ctx, u, from)
}
