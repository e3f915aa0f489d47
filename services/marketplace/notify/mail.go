package notify

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	htmltemplate "html/template"
	"strings"
	texttemplate "text/template"
	"unicode"

	"tianguis.example/marketplace"
	"tianguis.example/marketplace/language"
)

// PreferencesPath is the page where people choose what they are told.
const PreferencesPath = "/notifications/preferences"

// Mail is a message as an e-mail.
type Mail struct {
	ID          string // the message's
	Kind        marketplace.NotificationKind
	To          string
	Subject     string
	Text        string
	HTML        string
	Unsubscribe string // the address of the page where such mails are turned off; "" when they cannot be
}

// Mailbox takes mails.
type Mailbox interface {
	Deliver(ctx context.Context, m Mail) error
}

// Mailer is the sender of e-mails: it writes them, and a Mailbox takes them.
type Mailer struct {
	box  Mailbox
	base string
	all  *language.Catalogue
	html *htmltemplate.Template
	text *texttemplate.Template
}

//go:embed templates
var templates embed.FS

// NewMailer makes a sender whose mails lead to the marketplace at baseURL.
func NewMailer(box Mailbox, baseURL string, all *language.Catalogue) (*Mailer, error) {
	html, err := htmltemplate.ParseFS(templates, "templates/mail.html")
	if err != nil {
		return nil, fmt.Errorf("parse the mails' layout: %w", err)
	}
	text, err := texttemplate.ParseFS(templates, "templates/mail.txt")
	if err != nil {
		return nil, fmt.Errorf("parse the mails' text: %w", err)
	}
	return &Mailer{box: box, base: baseURL, all: all, html: html, text: text}, nil
}

// Send is a Sender's.
func (s *Mailer) Send(ctx context.Context, m marketplace.Message) error {
	mail, err := s.Write(m)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err) // it will not be written better the next time
	}
	return s.box.Deliver(ctx, mail)
}

// letter is what both parts of a mail are made of: the same content twice.
type letter struct {
	Language    string
	Greeting    string
	Headline    string
	Body        []string
	Action      string
	Link        string
	Why         string // why the person gets this
	Preferences string // what the link to the preferences says; "" for a mail that cannot be turned off
	PrefLink    string
}

// Write is the mail that a message becomes.
func (s *Mailer) Write(m marketplace.Message) (Mail, error) {
	words := m.Words()
	in := s.all.Match(m.Language)
	l := letter{
		Language: in.Code, Greeting: in.T("Hello %s,", m.Name), Headline: in.T(words.Headline.Format, words.Headline.Args...),
		Action: in.T(words.Action.Format, words.Action.Args...), Link: link(s.base, words.Path),
	}
	for _, sentence := range words.Body {
		l.Body = append(l.Body, in.T(sentence.Format, sentence.Args...))
	}
	mail := Mail{ID: m.ID, Kind: m.Kind, To: m.To, Subject: headerText(l.Headline)}
	if m.Kind.Topic() == marketplace.TopicSecurity {
		l.Why = in.T("You get this because it is about the safety of your account.")
	} else {
		l.Why, l.Preferences, l.PrefLink = in.T("You get this because you have an account at Tianguis."), in.T("Choose what you are told"), link(s.base, PreferencesPath)
		mail.Unsubscribe = l.PrefLink
	}
	var html, text bytes.Buffer
	if err := s.html.Execute(&html, l); err != nil {
		return Mail{}, fmt.Errorf("write the mail %s: %w", m.ID, err)
	}
	if err := s.text.Execute(&text, l); err != nil {
		return Mail{}, fmt.Errorf("write the mail %s as text: %w", m.ID, err)
	}
	mail.HTML, mail.Text = html.String(), text.String()
	return mail, nil
}

// link is a page of the marketplace. A path that would lead elsewhere leads to its first page.
func link(baseURL, path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		path = "/"
	}
	return strings.TrimSuffix(baseURL, "/") + path
}

const maxSubject = 150 // characters: more is cut off by whoever shows it

// headerText is text from people as one line of a header: nothing in it can end the line (RFC 5322 section 2.2).
func headerText(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || r == unicode.ReplacementChar
	}), " ")
	if runes := []rune(text); len(runes) > maxSubject {
		text = string(runes[:maxSubject-1]) + "…"
	}
	return text
}
