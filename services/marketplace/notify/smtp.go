package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/logging"
)

// Security is how the way to a mail server is kept from others.
type Security string

// The ways.
const (
	StartTLS    Security = "starttls" // begins in the open, and refuses to go on so (RFC 3207)
	ImplicitTLS Security = "tls"      // from the first byte (RFC 8314 section 3.3)
	NoTLS       Security = "none"     // for a server on this machine, or in a network of its own
)

// SMTP is a mail server that takes mails for everybody.
type SMTP struct {
	Address  string // host:port
	Security Security
	Username string // "" when the server asks for none
	Password logging.Secret
	From     string      // an address, with a name or without
	ReplyTo  string      // the same; "" for none
	TLS      *tls.Config // nil for the usual one; a test has other roots
	Timeout  time.Duration
	Clock    clock.Clock
}

// DefaultTimeout bounds each of the three parts of an attempt: to connect, to introduce ourselves, to send.
const DefaultTimeout = 15 * time.Second

// Deliver hands a mail to the server. ErrRefused is the server's no to this mail or its receiver (RFC 5321 section 4.2.1:
// 5yz); ErrDown is everything that would happen to any other mail as well.
func (s *SMTP) Deliver(ctx context.Context, m Mail) error {
	msg, err := s.message(m)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	client, err := s.client()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDown, err)
	}
	if err := client.DialWithContext(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrDown, err)
	}
	err = client.Send(msg)
	_ = client.Close() // the server has taken it, or not; how it says goodbye changes nothing
	if msg.IsDelivered() {
		return nil
	}
	return verdict(err)
}

// verdict decides what a server's answer says of the mail.
func verdict(err error) error {
	said, ok := errors.AsType[*mail.SendError](err)
	if !ok {
		return fmt.Errorf("%w: %w", ErrDown, err)
	}
	code := said.ErrorCode()
	switch {
	case code == 0, code == 421, // no answer, or a server that is about to stop
		code == 530, code == 535, // it wants to be told who we are, or does not believe it: not this mail's fault
		said.Reason == mail.ErrSMTPMailFrom: // it takes nothing from this sender
		return fmt.Errorf("%w: %w", ErrDown, err)
	case code >= 500:
		return fmt.Errorf("%w: %w", ErrRefused, err)
	default:
		return err
	}
}

func (s *SMTP) client() (*mail.Client, error) {
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	timeout := s.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	options := []mail.Option{mail.WithTimeout(timeout), mail.WithPort(number), mail.WithoutNoop()}
	switch s.Security {
	case ImplicitTLS:
		options = append(options, mail.WithSSL())
	case NoTLS:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	case StartTLS:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if s.TLS != nil {
		options = append(options, mail.WithTLSConfig(s.TLS))
	}
	if s.Username != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.Username), mail.WithPassword(s.Password.Reveal()))
	}
	return mail.NewClient(host, options...)
}

func (s *SMTP) message(m Mail) (*mail.Msg, error) {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := msg.From(s.From); err != nil {
		return nil, err
	}
	if s.ReplyTo != "" {
		if err := msg.ReplyTo(s.ReplyTo); err != nil {
			return nil, err
		}
	}
	// Parsed, and never put together from texts: an address cannot bring a header along.
	to, err := netmail.ParseAddress(m.To)
	if err != nil {
		return nil, fmt.Errorf("the receiver's address: %w", err)
	}
	msg.ToMailAddress(&netmail.Address{Address: to.Address})
	msg.Subject(m.Subject)
	msg.SetDateWithValue(s.Clock.Now())
	msg.SetMessageIDWithValue(s.MessageID(m.ID))
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 section 5: no out-of-office note answers it
	if m.Unsubscribe != "" {
		msg.SetListUnsubscribe(m.Unsubscribe) // RFC 2369 section 3.2
	}
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	return msg, nil
}

// MessageID is the name of a mail in the world (RFC 5322 section 3.6.4): the same each time it is sent.
func (s *SMTP) MessageID(id string) string {
	domain := "localhost"
	if from, err := netmail.ParseAddress(s.From); err == nil {
		domain = from.Address[strings.LastIndex(from.Address, "@")+1:]
	}
	return id + "@" + domain
}
