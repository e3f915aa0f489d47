package marketplace

import "context"

// LetterKind is what a letter about an account is about.
type LetterKind string

// The kinds.
const (
	LetterSignUp      LetterKind = "sign_up"        // a link with which the account is made
	LetterHaveAccount LetterKind = "have_account"   // somebody wanted an account with an e-mail that has one
	LetterReset       LetterKind = "password_reset" // a link with which a password is chosen
	LetterNewEmail    LetterKind = "new_email"      // to the new address: a link with which it becomes the account's
	LetterChanged     LetterKind = "account_changed"
)

// Letter is a mail about an account, to be put into words.
type Letter struct {
	Kind     LetterKind
	To, Name string
	Language string // that the person chose; may be ""
	Token    string // of the link, a secret: nothing else may keep it, or log it; "" where there is no link
	Change   AccountEvent
}

// Mailer takes letters, to be sent later: it answers as soon as a letter is kept, so that nobody can tell from the time that an answer
// takes whether there was one.
type Mailer interface {
	Mail(ctx context.Context, l Letter) error
}

// Mails reports whether the marketplace sends mail. Where it does not, accounts are made without proof of the e-mail, and passwords
// are reset by an operator.
func (m *Market) Mails() bool { return m.mail != nil }

// post hands a letter over. One that is lost changes nothing of what was done: the person can ask again.
func (m *Market) post(ctx context.Context, l Letter) {
	if m.mail == nil {
		return
	}
	if err := m.mail.Mail(ctx, l); err != nil {
		m.log.ErrorContext(ctx, "letter not kept", "kind", string(l.Kind), "error", err)
	}
}

// told are the events of which the person gets a letter, wherever they were caused: each of them opens the account or moves its money.
var told = map[string]bool{EventPasswordChanged: true, EventPasswordReset: true, EventEmailChanged: true, EventWalletChanged: true}

// tellChange writes to the address that the account had before: whoever took the account over must not be the only one to read it.
func (m *Market) tellChange(ctx context.Context, c AccountChange) {
	for _, e := range c.Events {
		if told[e.Event] {
			m.post(ctx, Letter{Kind: LetterChanged, To: c.Before.Email, Name: c.Before.Name, Language: c.After.Language, Change: e})
		}
	}
}
