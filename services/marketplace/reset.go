package marketplace

import (
	"context"
	"fmt"
	"time"
)

// resetLife is how long the link of a reset works.
const resetLife = time.Hour

// LinkKind is what a link in a mail does to an account.
type LinkKind string

// The kinds.
const (
	LinkReset LinkKind = "reset" // a new password may be chosen
	LinkEmail LinkKind = "email" // the address to which it was sent becomes the account's
)

// Link is a link that was sent by mail. The mail holds its token; the store holds the token's hash only.
type Link struct {
	TokenHash string
	Kind      LinkKind
	User      UserID // 0 when nobody has the e-mail: the row is kept all the same, so that it takes as long
	Email     string // that it was sent to
	CreatedAt time.Time
	ExpiresAt time.Time
}

// linkStore is what links need of a store.
type linkStore interface {
	// UserByEmail returns CodeNotFound when nobody has this e-mail.
	UserByEmail(ctx context.Context, email string) (User, error)
	// KeepLink keeps a link and the letter that goes out with it, nil for none, and forgets links that have expired.
	KeepLink(ctx context.Context, l Link, letter *Message) error
	// Link returns CodeLinkExpired when there is none of this kind with this token.
	Link(ctx context.Context, kind LinkKind, tokenHash string) (Link, error)
}

// AskReset sends a link with which a new password can be chosen, if somebody has this e-mail. A nil error does not say whether
// somebody has. Codes: CodeMailOff, CodeTooManyTries, and CodeInvalidInput for what is no e-mail address.
func (m *Market) AskReset(ctx context.Context, email string, from Device) error {
	if !m.Mails() {
		return &Error{Code: CodeMailOff, Message: "This marketplace sends no mail. Ask whoever runs it for a new password."}
	}
	email, wrong := checkEmail(email)
	if wrong != nil {
		return field(FieldEmail, wrong)
	}
	if err := m.try(ctx, tryingReset, email, from.Peer); err != nil {
		return err
	}
	user, err := m.store.UserByEmail(ctx, email)
	if err != nil && CodeOf(err) != CodeNotFound {
		return fmt.Errorf("look the person up: %w", err)
	}
	now, token := m.clock.Now(), NewToken()
	link := Link{TokenHash: HashToken(token), Kind: LinkReset, User: user.ID, Email: email, CreatedAt: now, ExpiresAt: now.Add(resetLife)}
	var sent *Message
	if user.ID != 0 {
		reset := letter(NotifyPasswordReset, user.Email, user.Language, linkTo("/reset", token), now, link.ExpiresAt)
		reset.UserID, reset.Name = user.ID, user.Name
		sent = &reset
	}
	if err := m.store.KeepLink(ctx, link, sent); err != nil {
		return fmt.Errorf("keep the link: %w", err)
	}
	return nil
}

// linked is the account of a link that can still be followed; CodeLinkExpired otherwise.
func (m *Market) linked(ctx context.Context, kind LinkKind, token string) (Link, User, error) {
	link, err := m.store.Link(ctx, kind, HashToken(token))
	if err != nil {
		return Link{}, User{}, fmt.Errorf("read the link: %w", err)
	}
	if link.User == 0 || !m.clock.Now().Before(link.ExpiresAt) {
		return Link{}, User{}, LinkExpired()
	}
	user, err := m.store.User(ctx, link.User)
	if err != nil {
		return Link{}, User{}, fmt.Errorf("read the person: %w", err)
	}
	if kind == LinkReset && user.Email != link.Email { // sent to an address that is not the account's any more
		return Link{}, User{}, LinkExpired()
	}
	return link, user, nil
}

// ResetBy is who may choose a new password with a link; CodeLinkExpired for one that cannot be followed.
func (m *Market) ResetBy(ctx context.Context, token string) (User, error) {
	_, user, err := m.linked(ctx, LinkReset, token)
	return user, err
}

// Reset gives the account of a link a new password, and ends all its sessions. It opens none: the new password is to be typed once
// more, where a password manager sees it. Codes: CodeLinkExpired, and CodeInvalidInput of the field.
func (m *Market) Reset(ctx context.Context, token, password string, from Device) error {
	link, user, err := m.linked(ctx, LinkReset, token)
	if err != nil {
		return err
	}
	release, err := m.hashingTurn(ctx)
	if err != nil {
		return err
	}
	c, err := user.SetPassword(password, AccountPasswordReset, from.Peer, m.clock.Now())
	release()
	if err != nil {
		return err
	}
	c.UseUp = link.TokenHash
	return m.change(ctx, c)
}
