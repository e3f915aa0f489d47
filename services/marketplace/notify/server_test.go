package notify_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
)

// server is a real mail server that keeps what it takes.
type server struct {
	t       *testing.T
	address string

	mu   sync.Mutex
	got  []letter
	user string // who signed in, once somebody has

	// What it does; nil for taking everything.
	from func(address string) error
	rcpt func(address string) error
	data func() error // after the whole mail has come

	// What it asks for.
	certificate *tls.Certificate
	implicit    bool
	password    string // of "mailer"; "" for nobody signs in
}

// letter is a mail as it arrived.
type letter struct {
	from, to   string
	raw        string
	header     mail.Header
	text, html string
}

// serve opens the server at address ("127.0.0.1:0" for any port) and returns what closes it.
func (s *server) serve(address string) (stop func()) {
	s.t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(s.t.Context(), "tcp", address)
	require.NoError(s.t, err)
	s.address = listener.Addr().String()
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		plain := &session{server: s}
		if s.password != "" {
			return &signedIn{session: plain}, nil
		}
		return plain, nil
	}))
	server.Domain, server.ErrorLog = "mail.test", silent{}
	if s.certificate != nil {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*s.certificate}, MinVersion: tls.VersionTLS12}
		if s.implicit {
			listener = tls.NewListener(listener, server.TLSConfig)
		}
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(listener) }()
	stop = sync.OnceFunc(func() { _ = server.Close(); _ = listener.Close(); <-ended }) // the server knows its listener only once it serves
	s.t.Cleanup(stop)
	return stop
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t}
	s.serve("127.0.0.1:0")
	return s
}

type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

func (s *server) letters() []letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

type session struct {
	*server
	sender, receiver string
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.sender = from
	if s.from != nil {
		return s.from(from)
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.receiver = to
	if s.rcpt != nil {
		return s.rcpt(to)
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.data != nil {
		if err := s.data(); err != nil {
			return err
		}
	}
	l, err := parse(s.sender, s.receiver, raw)
	if err != nil {
		return &smtp.SMTPError{Code: 554, Message: "this is no mail: " + err.Error()}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, l)
	return nil
}

// signedIn is a session that takes nothing before somebody has signed in.
type signedIn struct{ *session }

func (s *signedIn) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *signedIn) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != "mailer" || password != s.password {
			return errors.New("no")
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.user = username
		return nil
	}), nil
}

func (s *signedIn) Mail(from string, o *smtp.MailOptions) error {
	s.mu.Lock()
	user := s.user
	s.mu.Unlock()
	if user == "" {
		return smtp.ErrAuthRequired
	}
	return s.session.Mail(from, o)
}

func parse(from, to string, raw []byte) (letter, error) {
	l := letter{from: from, to: to, raw: string(raw)}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return l, err
	}
	l.header = m.Header
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return l, err
	}
	if kind != "multipart/alternative" {
		return l, errors.New("its parts are " + kind)
	}
	parts := multipart.NewReader(m.Body, parameters["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return l, nil
		}
		if err != nil {
			return l, err
		}
		content, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			return l, err
		}
		text := strings.ReplaceAll(string(content), "\r\n", "\n")
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
			l.html = text
		} else {
			l.text = text
		}
	}
}

// subject is the mail's, decoded.
func (l letter) subject(t *testing.T) string {
	t.Helper()
	text, err := new(mime.WordDecoder).DecodeHeader(l.header.Get("Subject"))
	require.NoError(t, err)
	return text
}

// certificates are those of a server at 127.0.0.1, and what believes it.
func certificates(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return s.TLS.Certificates[0], pool
}
