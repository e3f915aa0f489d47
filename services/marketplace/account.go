package marketplace

import (
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"
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

// Funds reports whether the role may pay for jobs.
func (r Role) Funds() bool { return r == Funder || r == Both }

// Works reports whether the role may apply for jobs.
func (r Role) Works() bool { return r == Worker || r == Both }

// User is a person with an account.
type User struct {
	ID               UserID
	Email            string // in lower case
	Name             string // as shown to others
	Role             Role
	WalletAddressURL string // where the person is paid, and pays from unless told otherwise; may be ""
	PasswordHash     string // a PHC string; see HashPassword
	Operator         bool   // looks after the marketplace: sees every job, and what needs a person
	CreatedAt        time.Time
}

// NewUser checks what a new account is made of and hashes its password. It returns CodeInvalidInput
// with a sentence, or CodeInvalidWallet.
func NewUser(email, name, password string, role Role, walletAddressURL string, now time.Time) (User, error) {
	email = NormalEmail(email)
	if parsed, err := mail.ParseAddress(email); err != nil || parsed.Address != email || len(email) > maxEmail || clean(email, maxEmail) != email {
		return User{}, &Error{Code: CodeInvalidInput, Message: "This is not an e-mail address."}
	}
	name = strings.TrimSpace(clean(name, 101))
	if name == "" || len(name) > 100 {
		return User{}, &Error{Code: CodeInvalidInput, Message: "A name has between 1 and 100 characters."}
	}
	if role != Funder && role != Worker && role != Both {
		return User{}, &Error{Code: CodeInvalidInput, Message: "A role is funder, worker or both."}
	}
	if len(password) < MinPassword || len(password) > MaxPassword {
		return User{}, &Error{Code: CodeInvalidInput, Message: "A password has between %d and %d characters.", Args: []any{MinPassword, MaxPassword}}
	}
	if walletAddressURL != "" {
		var err error
		if walletAddressURL, err = ParseWalletAddress(walletAddressURL); err != nil {
			return User{}, err
		}
	}
	return User{
		Email: email, Name: name, Role: role, WalletAddressURL: walletAddressURL,
		PasswordHash: HashPassword(password), CreatedAt: now,
	}, nil
}

const maxEmail = 254 // characters: RFC 5321 section 4.5.3.1.3, less the angle brackets

// NormalEmail is the spelling under which an e-mail address is kept and looked up.
func NormalEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

const maxWalletAddress = 500 // characters

// ParseWalletAddress reads a wallet address as people write it, "https://wallet.example/alice" or
// the payment pointer "$wallet.example/alice", and returns its URL. Anything else is CodeInvalidWallet.
// Whether a wallet answers there, and may be asked, is the payments service's to find out.
func ParseWalletAddress(text string) (string, error) {
	text = strings.TrimSpace(text)
	if pointer, ok := strings.CutPrefix(text, "$"); ok {
		// paymentpointers.org: "$host" stands for https://host/.well-known/pay, "$host/path" for https://host/path
		if !strings.Contains(pointer, "/") {
			pointer += "/.well-known/pay"
		}
		text = "https://" + pointer
	}
	u, err := url.Parse(text)
	if err != nil || clean(text, maxWalletAddress) != text || u.Scheme != "https" && u.Scheme != "http" ||
		u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", &Error{
			Code:    CodeInvalidWallet,
			Message: "This is not a wallet address. It looks like https://wallet.example/alice or $wallet.example/alice.",
		}
	}
	return text, nil
}
