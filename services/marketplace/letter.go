package marketplace

import (
	"net/url"
	"time"
)

// Mails reports whether the marketplace sends mail. Where it does not, accounts are made without proof of the e-mail, and passwords
// are reset by an operator.
func (m *Market) Mails() bool { return m.mails }

// letter is a message to a mailbox, whoever reads it: about an account, and not to the person who has it. It greets an address, and nobody by
// a name that a stranger may have typed.
func letter(kind NotificationKind, to, language, path string, at, until time.Time) Message {
	return Message{
		ID: newID(at), Channel: Email, Kind: kind, To: to, Name: to, Language: language, Facts: Facts{Path: path}, State: MessagePending, NextAt: at, Until: until, At: at,
	}
}

// linkTo is the path of a link: the mail is the only place where its token stands, and forgets it once it is sent.
func linkTo(path, token string) string { return path + "?" + url.Values{"token": {token}}.Encode() }

// Tellings are what the person is told of a change, wherever it was caused: each of it opens the account, or moves its money. A store keeps them
// before it makes the change, so that they go to the address that the account had: whoever takes one over is not the only one to read it.
func (c AccountChange) Tellings() []Notification {
	var all []Notification
	for _, e := range c.Events {
		n := Notification{To: c.Before.ID, At: e.At}
		switch e.Event {
		case AccountPasswordChanged, AccountPasswordReset:
			n.Kind = NotifyPasswordChanged
		case AccountEmailChanged:
			n.Kind, n.Facts.Detail = NotifyEmailChanged, c.After.Email
		case AccountWalletChanged:
			n.Kind, n.Facts.Detail = NotifyWalletChanged, c.After.WalletAddressURL
		default:
			continue
		}
		all = append(all, n)
	}
	return all
}
