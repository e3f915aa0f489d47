package marketplace

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tianguis.example/payments/api"
	"tianguis.example/payments/money"
)

// profileStore is what a profile needs of a store.
type profileStore interface {
	changeStore
	linkStore
}

// profilePayments is what a profile asks of the payments service.
type profilePayments interface {
	Profile(ctx context.Context, walletAddressURL string) (api.Profile, error)
}

// emailLinkLife is how long the link works that proves a new e-mail address.
const emailLinkLife = 24 * time.Hour

// Profile is what a person may change of their account without a password.
type Profile struct {
	Name     string
	Role     Role
	Language string
}

// SetProfile decides what a person is called, does and reads. The error names every field that is wrong.
func (u User) SetProfile(p Profile, peer string, now time.Time) (AccountChange, error) {
	var wrong fieldErrors
	name, err := checkName(p.Name)
	wrong.add(FieldName, err)
	wrong.add(FieldRole, checkRole(p.Role))
	wrong.add(FieldLanguage, checkLanguage(p.Language))
	if err := wrong.err(); err != nil {
		return AccountChange{}, err
	}
	c := u.edit()
	c.After.Name, c.After.Role, c.After.Language = name, p.Role, p.Language
	if name != u.Name {
		c.happened(AccountNameChanged, u.Name+" → "+name, peer, now)
	}
	if p.Role != u.Role {
		c.happened(AccountRoleChanged, string(u.Role)+" → "+string(p.Role), peer, now)
	}
	return c, nil
}

// ChangeProfile changes what needs no password.
func (m *Market) ChangeProfile(ctx context.Context, id UserID, p Profile, from Device) error {
	user, err := m.store.User(ctx, id)
	if err != nil {
		return fmt.Errorf("read the person: %w", err)
	}
	c, err := user.SetProfile(p, from.Peer, m.clock.Now())
	if err != nil {
		return err
	}
	return m.change(ctx, c)
}

// change makes a decided change.
func (m *Market) change(ctx context.Context, c AccountChange) error {
	switch err := m.store.ChangeAccount(ctx, c); {
	case errors.Is(err, ErrStale):
		// Two tabs, or somebody else: what was typed may have been typed in view of what is not so any more.
		return &Error{Code: CodeWrongState, Message: "Your account was changed at the same time elsewhere. Reload the page, and look before you try again.", Err: err}
	case err != nil:
		return fmt.Errorf("change the account: %w", err)
	}
	for _, e := range c.Events {
		m.log.InfoContext(ctx, "account changed", "user_id", c.Before.ID.String(), "event", e.Event)
	}
	return nil
}

// proved is the person if the password is theirs: what gives an account or its money away is not to be had with a session alone, which may be stolen.
// Tries count with those to sign in.
func (m *Market) proved(ctx context.Context, id UserID, password string, from Device) (User, error) {
	user, err := m.store.User(ctx, id)
	if err != nil {
		return User{}, fmt.Errorf("read the person: %w", err)
	}
	if err := m.try(ctx, tryingPassword, user.Email, from.Peer); err != nil {
		return User{}, err
	}
	if !m.passwordMatches(ctx, user.PasswordHash, password) {
		return User{}, field(FieldCurrentPassword, &Error{Code: CodeSignInFailed, Message: "This is not your password."})
	}
	return user, nil
}

// ChangePassword ends all other sessions, and gives the one that asks a new token, which it returns: whoever had the old one has nothing.
func (m *Market) ChangePassword(ctx context.Context, id UserID, sessionID, current, password string, from Device) (token string, err error) {
	user, err := m.proved(ctx, id, current, from)
	if err != nil {
		return "", err
	}
	release, err := m.hashingTurn(ctx)
	if err != nil {
		return "", err
	}
	c, err := user.SetPassword(password, AccountPasswordChanged, from.Peer, m.clock.Now())
	release()
	if err != nil {
		return "", err
	}
	token = NewToken()
	c.Keep = &Session{ID: sessionID, TokenHash: HashToken(token)}
	return token, m.change(ctx, c)
}

// ChangeWallet changes where a person is paid, to an address at which a wallet answers, or to none. It returns what the wallet says of itself.
// Codes: those of CheckWallet, CodeSignInFailed for a wrong password, CodeTooManyTries.
func (m *Market) ChangeWallet(ctx context.Context, id UserID, address, password string, from Device) (Wallet, error) {
	user, err := m.proved(ctx, id, password, from)
	if err != nil {
		return Wallet{}, err
	}
	var wallet Wallet
	if address != "" {
		if address, wallet, err = m.CheckWallet(ctx, address); err != nil {
			return Wallet{}, err
		}
	}
	return wallet, m.change(ctx, user.SetWallet(address, wallet, from.Peer, m.clock.Now()))
}

// LookAtWallet is CheckWallet for somebody who wants to see it before it is saved. It may be done now and then only, since it makes the payments
// service call an address that the person chose.
func (m *Market) LookAtWallet(ctx context.Context, who User, address string, from Device) (string, Wallet, error) {
	if _, err := parseWalletAddress(address); err != nil {
		return "", Wallet{}, field(FieldWallet, err)
	}
	if err := m.try(ctx, tryingWallet, who.Email, from.Peer); err != nil {
		return "", Wallet{}, err
	}
	return m.CheckWallet(ctx, address)
}

// CheckWallet has the payments service look at a wallet address, as typed, and returns its URL and what the wallet says of itself. An address at which no wallet
// answers now is refused, whoever is to blame: what stands in a profile is where money goes. The error is of the field: CodeInvalidWallet,
// CodePaymentsRefused, CodePaymentsDown.
func (m *Market) CheckWallet(ctx context.Context, text string) (string, Wallet, error) {
	address, wrong := parseWalletAddress(text)
	if wrong != nil {
		return "", Wallet{}, field(FieldWallet, wrong)
	}
	ctx, cancel := context.WithTimeout(ctx, m.longest)
	defer cancel()
	answer, err := m.payments.Profile(ctx, address)
	if err != nil {
		verdict := walletVerdict(err)
		m.log.InfoContext(ctx, "wallet address not taken", "code", string(verdict.Code), "error", err)
		return "", Wallet{}, field(FieldWallet, verdict)
	}
	w := answer.Wallet
	if _, err := money.New(1, w.AssetCode, w.AssetScale); err != nil {
		return "", Wallet{}, field(FieldWallet, &Error{Code: CodeInvalidWallet, Message: "The wallet at this address does not say which currency it holds.", Err: err})
	}
	return address, Wallet{PublicName: clean(w.PublicName, 2*maxName), AssetCode: w.AssetCode, AssetScale: w.AssetScale, CheckedAt: m.clock.Now()}, nil
}

// codeWalletTimeout is the payments service's word for a wallet that did not answer in time.
const codeWalletTimeout = "wallet_timeout"

func walletVerdict(err error) *Error {
	said, _ := errors.AsType[*api.Error](err)
	if said == nil {
		said = &api.Error{}
	}
	switch said.Code {
	case api.CodeInvalidWallet:
		return &Error{Code: CodeInvalidWallet, Message: "No Open Payments wallet answers at this address. Check it letter by letter; your wallet shows it.", Err: err}
	case api.CodeWalletRefused:
		return &Error{Code: CodePaymentsRefused, Message: "The wallet at this address refused to answer. Use another one, or ask your wallet.", Err: err}
	case api.CodeWalletDown, codeWalletTimeout:
		return &Error{Code: CodePaymentsDown, Message: "There is no answer from this wallet. Check the address, or try again in a moment. Nothing was saved.", Err: err}
	default:
		return &Error{Code: CodePaymentsDown, Message: "Wallet addresses cannot be checked right now, and only a checked one is saved. Try again in a moment.", Err: err}
	}
}

// AskEmail sends a link to the new address, with which it becomes the account's. A nil error does not say whether somebody else has it.
// Codes: CodeMailOff, CodeSignInFailed for a wrong password, CodeTooManyTries, CodeInvalidInput.
func (m *Market) AskEmail(ctx context.Context, id UserID, email, password string, from Device) error {
	if !m.Mails() {
		return &Error{Code: CodeMailOff, Message: "This marketplace sends no mail. Ask whoever runs it to change your e-mail."}
	}
	email, wrong := checkEmail(email)
	if wrong != nil {
		return field(FieldEmail, wrong)
	}
	user, err := m.proved(ctx, id, password, from)
	if err != nil {
		return err
	}
	if email == user.Email {
		return field(FieldEmail, &Error{Code: CodeInvalidInput, Message: "This is your e-mail address already."})
	}
	if err := m.try(ctx, tryingReset, email, from.Peer); err != nil {
		return err
	}
	_, err = m.store.UserByEmail(ctx, email)
	if err != nil && CodeOf(err) != CodeNotFound {
		return fmt.Errorf("look the person up: %w", err)
	}
	taken := err == nil
	now, token := m.clock.Now(), NewToken()
	link := Link{TokenHash: HashToken(token), Kind: LinkEmail, User: user.ID, Email: email, CreatedAt: now, ExpiresAt: now.Add(emailLinkLife)}
	sent := letter(NotifyNewEmail, email, user.Language, linkTo("/profile/email/confirm", token), now, link.ExpiresAt)
	if taken {
		sent = letter(NotifyHaveAccount, email, user.Language, "/login", now, link.ExpiresAt)
	}
	if err := m.store.KeepLink(ctx, link, &sent); err != nil {
		return fmt.Errorf("keep the link: %w", err)
	}
	return nil
}

// NewEmailBy is whose new address a link proves, and which; CodeLinkExpired for one that cannot be followed.
func (m *Market) NewEmailBy(ctx context.Context, token string) (User, string, error) {
	link, user, err := m.linked(ctx, LinkEmail, token)
	return user, link.Email, err
}

// ConfirmEmail makes the address, to which the link was sent, the account's. Only the person who asked for it can: id is who is signed in.
func (m *Market) ConfirmEmail(ctx context.Context, id UserID, token string, from Device) error {
	link, user, err := m.linked(ctx, LinkEmail, token)
	if err != nil {
		return err
	}
	if user.ID != id {
		return LinkExpired()
	}
	c := user.SetEmail(link.Email, from.Peer, m.clock.Now())
	c.UseUp = link.TokenHash
	if err := m.change(ctx, c); CodeOf(err) == CodeTaken {
		return LinkExpired()
	} else if err != nil {
		return err
	}
	return nil
}

// SignOutEverywhere ends all sessions of a person.
func (m *Market) SignOutEverywhere(ctx context.Context, id UserID, from Device) error {
	user, err := m.store.User(ctx, id)
	if err != nil {
		return fmt.Errorf("read the person: %w", err)
	}
	c := user.edit()
	c.EndSessions = true
	c.happened(AccountSessionsEnded, "", from.Peer, m.clock.Now())
	return m.change(ctx, c)
}
