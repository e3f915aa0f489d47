package statementlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"sync"
)

// Proxy passes connections on to a server, and keeps what was sent in them.
type Proxy struct {
	Address string // postgres://…, of the proxy: what it was given, with another host and port

	server   string
	listener net.Listener

	connections sync.WaitGroup
	mu          sync.Mutex
	open        map[*session]bool
	kept        []Transaction
}

// Listen makes a proxy to the server of an address. Whoever made it closes it.
func Listen(ctx context.Context, address string) (*Proxy, error) {
	u, err := url.Parse(address)
	if err != nil || u.Port() == "" {
		return nil, errors.New("the address of the database is no postgres://<user>:<password>@<host>:<port>/<database>")
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the database's client: %w", err)
	}
	p := &Proxy{server: u.Host, listener: listener, open: map[*session]bool{}}
	u.Host = listener.Addr().String()
	query := u.Query()
	query.Set("sslmode", "disable")
	u.RawQuery = query.Encode()
	p.Address = u.String()
	p.connections.Go(func() { p.accept(ctx) })
	return p, nil
}

// Close ends the proxy with all connections through it.
func (p *Proxy) Close() error {
	err := p.listener.Close()
	p.mu.Lock()
	for s := range p.open {
		s.close()
	}
	p.mu.Unlock()
	p.connections.Wait()
	return err
}

// Take returns the transactions that have ended since it was last called. idle is false, and nothing is taken, while one is under way.
func (p *Proxy) Take() (ended []Transaction, idle bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.open {
		if !s.reader.idle() {
			return nil, false
		}
	}
	ended, p.kept = p.kept, nil
	return ended, true
}

func (p *Proxy) accept(ctx context.Context) {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // it was closed
		}
		p.connections.Go(func() { p.pass(ctx, client) })
	}
}

// session is one connection, of both sides.
type session struct {
	client, server net.Conn
	reader         reader // guarded by the proxy's mu
}

func (s *session) close() { _, _ = s.client.Close(), s.server.Close() }

func (p *Proxy) pass(ctx context.Context, client net.Conn) {
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.server)
	if err != nil {
		_ = client.Close()
		return
	}
	s := &session{client: client, server: server, reader: newReader()}
	p.mu.Lock()
	p.open[s] = true
	p.mu.Unlock()
	var both sync.WaitGroup
	for _, way := range []struct {
		from, to net.Conn
		framing  framing
		read     func(message) []Transaction
	}{
		{client, server, framing{startup: true}, func(m message) []Transaction { s.reader.sent(m); return nil }},
		{server, client, framing{}, func(m message) []Transaction { return s.reader.answered(m) }},
	} {
		both.Go(func() {
			defer s.close()
			_, _ = io.Copy(written(func(bytes []byte) (int, error) {
				// Read before it is passed on: by the time that the other side acts upon it, it is known.
				p.mu.Lock()
				for _, m := range way.framing.split(bytes) {
					p.kept = slices.Concat(p.kept, way.read(m))
				}
				p.mu.Unlock()
				return way.to.Write(bytes)
			}), way.from)
		})
	}
	both.Wait()
	p.mu.Lock()
	delete(p.open, s)
	p.mu.Unlock()
}

type written func([]byte) (int, error)

func (w written) Write(bytes []byte) (int, error) { return w(bytes) }
