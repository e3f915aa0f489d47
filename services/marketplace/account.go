package marketplace

import (
	"context"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// UserID is a person's number.
type UserID int64

func (id UserID) String() string { return strconv.FormatInt(int64(id), 10) }

// Role is what a person does here.
type Role string

// The roles.
const (
	Funder Role = "funder" // pays for jobs
	Worker Role = "worker" // is paid for them
	Both   Role = "both"
)

// Roles are all of them.
var Roles = []Role{Funder, Worker, Both}

// Funds reports whether the role may pay for jobs.
func (r Role) Funds() bool { return r == Funder || r == Both }

// Word is what somebody with the role does here.
func (r Role) Word() string {
	switch r {
	case Funder:
		return "Pay for jobs"
	case Worker:
		return "Work, and be paid"
	case Both:
		return "Both"
	}
	return string(r)
}

// Works reports whether the role may apply for jobs.
func (r Role) Works() bool { return r == Worker || r == Both }

// User is a person with an account.
type User struct {
	ID               UserID
	Email            string // in lower case
	Name             string // as shown to others
	Role             Role
	WalletAddressURL string    // where the person is paid, and pays from unless told otherwise; may be ""
	Wallet           Wallet    // what stood at that address when it was looked at; zero when nobody has looked
	Language         string    // of pages and mails, such as "es"; "" for what the browser asks for
	PasswordHash     string    // a PHC string; see HashPassword
	Operator         bool      // looks after the marketplace: sees every job, and what needs a person
	DisabledAt       time.Time // when an operator closed the account; zero while it is open
	Version          int64     // counts changes; an AccountChange is made only upon the version that it was decided on
	CreatedAt        time.Time
}

// Disabled reports whether an operator has closed the account: nobody can sign in to it. Payments that are under way go on.
func (u User) Disabled() bool { return !u.DisabledAt.IsZero() }

// Operates reports whether the person can look after the marketplace.
func (u User) Operates() bool { return u.Operator && !u.Disabled() }

// Wallet is what a wallet says of itself in public.
type Wallet struct {
	PublicName string // as the wallet's owner chose it; may be ""
	AssetCode  string // "MXN"
	AssetScale uint8  // decimals of that asset
	CheckedAt  time.Time
}

// Checked reports whether a wallet has answered at the address.
func (w Wallet) Checked() bool { return !w.CheckedAt.IsZero() }

// The fields of the forms about an account, by the names that they have there.
const (
	FieldEmail           = "email"
	FieldName            = "name"
	FieldRole            = "role"
	FieldLanguage        = "language"
	FieldWallet          = "wallet_address"
	FieldPassword        = "password"
	FieldCurrentPassword = "current_password"
)

// Registration is what somebody types to get an account.
type Registration struct {
	Email, Name, Password string
	Role                  Role
	Language              string
	WalletAddress         string // as typed; may be ""
}

// User checks what was typed, and returns the account without its password's hash. The error names every field that is wrong.
func (r Registration) User(now time.Time) (User, error) {
	u := User{Role: r.Role, Language: r.Language, Version: 1, CreatedAt: now}
	var wrong fieldErrors
	var err *Error
	u.Email, err = checkEmail(r.Email)
	wrong.add(FieldEmail, err)
	u.Name, err = checkName(r.Name)
	wrong.add(FieldName, err)
	wrong.add(FieldPassword, checkPassword(r.Password, u))
	wrong.add(FieldRole, checkRole(r.Role))
	wrong.add(FieldLanguage, checkLanguage(r.Language))
	if strings.TrimSpace(r.WalletAddress) != "" {
		u.WalletAddressURL, err = parseWalletAddress(r.WalletAddress)
		wrong.add(FieldWallet, err)
	}
	return u, wrong.err()
}

// NewUser is a Registration's User with the password hashed, for those who are added by an operator.
func NewUser(email, name, password string, role Role, walletAddressURL string, now time.Time) (User, error) {
	u, err := Registration{Email: email, Name: name, Password: password, Role: role, WalletAddress: walletAddressURL}.User(now)
	if err != nil {
		return User{}, err
	}
	u.PasswordHash = HashPassword(password)
	return u, nil
}

// fieldErrors gathers what is wrong with a form.
type fieldErrors []FieldError

func (f *fieldErrors) add(field string, err *Error) {
	if err != nil {
		*f = append(*f, FieldError{field, err})
	}
}

func (f fieldErrors) err() error {
	if len(f) == 0 {
		return nil
	}
	return &Error{Code: f[0].Code, Message: f[0].Message, Args: f[0].Args, Fields: f}
}

// field is the error of a form of which one field is wrong.
func field(name string, err *Error) error { return fieldErrors{{name, err}}.err() }

const maxEmail = 254 // characters: RFC 5321 section 4.5.3.1.3, less the angle brackets

// NormalEmail is the spelling under which an e-mail address is kept and looked up.
func NormalEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// ParseEmail returns the normal spelling of an e-mail address; CodeInvalidInput for what is none.
func ParseEmail(text string) (string, error) {
	email, err := checkEmail(text)
	if err != nil {
		return "", err
	}
	return email, nil
}

func checkEmail(text string) (string, *Error) {
	email := NormalEmail(text)
	if parsed, err := mail.ParseAddress(email); err != nil || parsed.Address != email || len(email) > maxEmail || clean(email, maxEmail) != email {
		return "", &Error{Code: CodeInvalidInput, Message: "This is not an e-mail address."}
	}
	return email, nil
}

const maxName = 100 // characters

func checkName(text string) (string, *Error) {
	name := strings.TrimSpace(clean(text, 4*maxName+1))
	if name == "" || utf8.RuneCountInString(name) > maxName {
		return "", &Error{Code: CodeInvalidInput, Message: "A name has between %d and %d characters.", Args: []any{1, maxName}}
	}
	return name, nil
}

func checkRole(r Role) *Error {
	if r != Funder && r != Worker && r != Both {
		return &Error{Code: CodeInvalidInput, Message: "Choose what you want to do: pay for jobs, work, or both."}
	}
	return nil
}

// checkLanguage wants the form of a language tag (RFC 5646); which ones there are, the catalogue knows.
func checkLanguage(tag string) *Error {
	if len(tag) > 35 || strings.Trim(tag, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
		return &Error{Code: CodeInvalidInput, Message: "There is no such language here."}
	}
	return nil
}

const maxWalletAddress = 500 // characters

// ParseWalletAddress reads a wallet address as people write it, "https://wallet.example/alice" or
// the payment pointer "$wallet.example/alice", and returns its URL. Anything else is CodeInvalidWallet.
// Whether a wallet answers there, and may be asked, is the payments service's to find out.
func ParseWalletAddress(text string) (string, error) {
	address, err := parseWalletAddress(text)
	if err != nil {
		return "", err
	}
	return address, nil
}

func parseWalletAddress(text string) (string, *Error) {
	text = strings.TrimSpace(text)
	if pointer, ok := strings.CutPrefix(text, "$"); ok {
		// paymentpointers.org: "$host" stands for https://host/.well-known/pay, "$host/path" for https://host/path
		if !strings.Contains(pointer, "/") {
			pointer += "/.well-known/pay"
		}
		text = "https://" + pointer
	}
	u, err := url.Parse(text)
	// What the payments service refuses is refused here too: whoever has such an address could not be paid.
	if err != nil || len(text) > maxWalletAddress || u.String() != text || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '?' || r == '#' }) ||
		u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
		return "", &Error{
			Code:    CodeInvalidWallet,
			Message: "This is not a wallet address. It looks like https://wallet.example/alice or $wallet.example/alice.",
		}
	}
	return text, nil
}

// The events of an account: what the audit table tells, and what a person is told of.
const (
	AccountSignUp          = "sign_up"
	AccountPasswordChanged = "password_changed" // by whoever knew the one before
	AccountPasswordReset   = "password_reset"   // by whoever had the mail, or by an operator
	AccountEmailChanged    = "email_changed"
	AccountWalletChanged   = "wallet_changed"
	AccountRoleChanged     = "role_changed"
	AccountNameChanged     = "name_changed"
	AccountSessionsEnded   = "sessions_ended" // signed out everywhere
	AccountOperatorAdded   = "operator_added"
	AccountOperatorRemoved = "operator_removed"
	AccountDisabled        = "disabled" // by an operator, like the next one
	AccountEnabled         = "enabled"
)

// The peers of what an operator does: with the command, and on the pages.
const (
	CommandLine  = "command line"
	ByAnOperator = "operator"
)

// AccountEvent is a line of an account's audit trail.
type AccountEvent struct {
	At     time.Time
	Event  string
	Peer   string // from where it was asked for: a network address, CommandLine or ByAnOperator
	Detail string // what it was, and what it is; never a secret
}

// ByOperator reports whether an operator did it.
func (e AccountEvent) ByOperator() bool { return e.Peer == CommandLine || e.Peer == ByAnOperator }

// Word is what happened.
func (e AccountEvent) Word() string {
	switch e.Event {
	case AccountSignUp:
		return "Account made"
	case AccountPasswordChanged:
		return "Password changed"
	case AccountPasswordReset:
		return "Password reset"
	case AccountEmailChanged:
		return "E-mail changed"
	case AccountWalletChanged:
		return "Wallet address changed"
	case AccountRoleChanged:
		return "Role changed"
	case AccountNameChanged:
		return "Name changed"
	case AccountSessionsEnded:
		return "Signed out everywhere"
	case AccountOperatorAdded:
		return "Became an operator"
	case AccountOperatorRemoved:
		return "No operator any more"
	case AccountDisabled:
		return "Account disabled"
	case AccountEnabled:
		return "Account enabled again"
	}
	return e.Event
}

// AccountChange is one decided step of an account. Deciding it touches nothing; a store makes it so, all of it together, if the
// account is still at Before.Version. Tries to guess the account's password are forgotten with it.
type AccountChange struct {
	Before, After User
	Events        []AccountEvent
	Actions       []OperatorAction // as the operators' audit trail tells it; none when the person did it

	UseUp       string   // the hash of a link's token that is used up by this; CodeLinkExpired when that is gone
	EndSessions bool     // of this person, all but Keep; and all links that were sent to them
	Keep        *Session // stays, and gets this token's hash; nil for none
}

// edit begins a change of an account that touches nothing yet.
func (u User) edit() AccountChange { return AccountChange{Before: u, After: u} }

func (c *AccountChange) happened(event, detail, peer string, now time.Time) {
	c.Events = append(c.Events, AccountEvent{At: now, Event: event, Peer: peer, Detail: detail})
}

// SetPassword decides a new password that somebody with the right to do so has chosen: every session ends. It takes the time of a hash.
func (u User) SetPassword(password, event, peer string, now time.Time) (AccountChange, error) {
	if err := checkPassword(password, u); err != nil {
		return AccountChange{}, field(FieldPassword, err)
	}
	c := u.edit()
	c.After.PasswordHash, c.EndSessions = HashPassword(password), true
	c.happened(event, "", peer, now)
	return c, nil
}

// SetEmail decides another e-mail address, which somebody has proved to be the person's, or an operator vouches for.
func (u User) SetEmail(email, peer string, now time.Time) AccountChange {
	c := u.edit()
	c.After.Email = email
	c.happened(AccountEmailChanged, u.Email+" → "+email, peer, now)
	return c
}

// SetWallet decides where the person is paid; "" for nowhere.
func (u User) SetWallet(address string, wallet Wallet, peer string, now time.Time) AccountChange {
	c := u.edit()
	c.After.WalletAddressURL, c.After.Wallet = address, wallet
	if address != u.WalletAddressURL {
		c.happened(AccountWalletChanged, u.WalletAddressURL+" → "+address, peer, now)
	}
	return c
}

// changeStore is what changing an account needs of a store.
type changeStore interface {
	// User returns CodeNotFound when there is none.
	User(ctx context.Context, id UserID) (User, error)
	// ChangeAccount returns ErrStale when the account has changed since, CodeTaken for somebody else's e-mail, and CodeLinkExpired.
	ChangeAccount(ctx context.Context, c AccountChange) error
}
