package notify_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/notify"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 123456000, time.UTC)

func box(s *server) *notify.SMTP {
	return &notify.SMTP{
		Address: s.address, Security: notify.NoTLS, From: "Tianguis <no-reply@market.example>", ReplyTo: "help@market.example",
		Clock: clock.NewHeld(noon), Timeout: 2 * time.Second,
	}
}

func someMail() notify.Mail {
	return notify.Mail{ID: "01JDX", Kind: marketplace.NotifyPaid, To: "beto@example.com", Subject: "Recibiste 1,500.00 MXN por «Señal»", Text: "texto ñ\n", HTML: "<p>ñ</p>", Unsubscribe: "https://market.example/notifications/preferences"}
}

func TestSMTP_WhatArrives(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	require.NoError(t, box(s).Deliver(t.Context(), someMail()))
	got := s.letters()
	require.Len(t, got, 1)
	l := got[0]
	require.Equal(t, "no-reply@market.example", l.from)
	require.Equal(t, "beto@example.com", l.to)
	require.Equal(t, "Recibiste 1,500.00 MXN por «Señal»", l.subject(t))
	require.Equal(t, "<01JDX@market.example>", l.header.Get("Message-ID"))
	require.Equal(t, `"Tianguis" <no-reply@market.example>`, l.header.Get("From"))
	require.Equal(t, "<beto@example.com>", l.header.Get("To"))
	require.Equal(t, "<help@market.example>", l.header.Get("Reply-To"))
	require.Equal(t, "<https://market.example/notifications/preferences>", l.header.Get("List-Unsubscribe"))
	require.Equal(t, "auto-generated", l.header.Get("Auto-Submitted"))
	at, err := l.header.Date()
	require.NoError(t, err)
	require.True(t, at.Equal(noon.Truncate(time.Second)))
	require.Equal(t, "texto ñ\n", l.text)
	require.Equal(t, "<p>ñ</p>", l.html)
}

func TestSMTP_NothingInAHeaderEndsIt(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	evil := someMail()
	evil.Subject = "Paid\r\nBcc: rival@example.com\r\n\r\n<script>"
	require.NoError(t, box(s).Deliver(t.Context(), evil), "what the sender writes has no line breaks; and if it had")
	l := s.letters()[0]
	require.Empty(t, l.header.Get("Bcc"))
	require.Contains(t, l.subject(t), "Bcc: rival@example.com", "it is text, and stays text")

	for _, to := range []string{"beto@example.com\r\nBcc: rival@example.com", "beto@example.com, rival@example.com", "<beto@example.com> NOTIFY=NEVER", "", "beto"} {
		evil.To = to
		require.ErrorIs(t, box(s).Deliver(t.Context(), evil), notify.ErrRefused, "%q", to)
	}
	require.Len(t, s.letters(), 1)
}

func TestSMTP_Verdicts(t *testing.T) {
	t.Parallel()
	refuse := func(code int) func(string) error {
		return func(string) error { return &smtp.SMTPError{Code: code, Message: "no"} }
	}
	for name, c := range map[string]struct {
		do   func(s *server)
		want error // nil: only this mail, and for now
	}{
		"no such person":           {func(s *server) { s.rcpt = refuse(550) }, notify.ErrRefused},
		"the content is not taken": {func(s *server) { s.data = func() error { return refuse(554)("") } }, notify.ErrRefused},
		"come again (greylisting)": {func(s *server) { s.rcpt = refuse(451) }, nil},
		"its box is full":          {func(s *server) { s.data = func() error { return refuse(452)("") } }, nil},
		"the server stops":         {func(s *server) { s.rcpt = refuse(421) }, notify.ErrDown},
		"it wants a name":          {func(s *server) { s.rcpt = refuse(530) }, notify.ErrDown},
		"it does not know us":      {func(s *server) { s.from = refuse(550) }, notify.ErrDown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{t: t}
			c.do(s)
			s.serve("127.0.0.1:0")
			err := box(s).Deliver(t.Context(), someMail())
			require.Error(t, err)
			for _, known := range []error{notify.ErrRefused, notify.ErrDown} {
				if errors.Is(c.want, known) {
					require.ErrorIs(t, err, known)
				} else {
					require.NotErrorIs(t, err, known)
				}
			}
			require.Empty(t, s.letters())
		})
	}
}

func TestSMTP_EncryptedAndSignedIn(t *testing.T) {
	t.Parallel()
	certificate, roots := certificates(t)
	for _, security := range []notify.Security{notify.StartTLS, notify.ImplicitTLS} {
		t.Run(string(security), func(t *testing.T) {
			t.Parallel()
			s := &server{t: t, certificate: &certificate, implicit: security == notify.ImplicitTLS, password: "s3cret"}
			s.serve("127.0.0.1:0")
			b := box(s)
			b.Security, b.Username, b.Password = security, "mailer", "s3cret"
			b.TLS = &tls.Config{RootCAs: roots, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
			require.NoError(t, b.Deliver(t.Context(), someMail()))
			require.Len(t, s.letters(), 1)
			require.Equal(t, "mailer", s.user)

			b.Password = "wrong"
			err := b.Deliver(t.Context(), someMail())
			require.ErrorIs(t, err, notify.ErrDown, "a wrong password is no mail's fault")
			require.NotContains(t, err.Error(), "wrong", "nor is it anybody's to read")

			b.Password, b.TLS = "s3cret", nil // which does not believe this server
			require.ErrorIs(t, b.Deliver(t.Context(), someMail()), notify.ErrDown)
			require.Len(t, s.letters(), 1)
		})
	}
}

// TestSMTP_NeverInTheOpen: a server that does not offer encryption, or somebody in between who takes the offer away, gets nothing.
func TestSMTP_NeverInTheOpen(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := box(s)
	b.Security = notify.StartTLS
	require.ErrorIs(t, b.Deliver(t.Context(), someMail()), notify.ErrDown)
	require.Empty(t, s.letters())
}

func TestSMTP_NobodyWaitsForAServerThatHangs(t *testing.T) {
	t.Parallel()
	mute, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // takes connections, and says nothing
	require.NoError(t, err)
	t.Cleanup(func() { _ = mute.Close() })
	hangs := &server{t: t, data: func() error { <-t.Context().Done(); return context.Canceled }} // takes the mail, and does not say so
	hangs.serve("127.0.0.1:0")
	closed, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	for name, address := range map[string]string{"says nothing": mute.Addr().String(), "never says that it has the mail": hangs.address, "is not there": closed.Addr().String()} {
		b := box(hangs)
		b.Address, b.Timeout = address, 300*time.Millisecond
		began := time.Now()
		require.ErrorIs(t, b.Deliver(t.Context(), someMail()), notify.ErrDown, name)
		require.Less(t, time.Since(began), 5*time.Second, name)
	}
}
