package egress_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"tianguis.example/payments/egress"
)

// nameServer is a real name server on loopback that gives each question for IPv4 addresses the next of its answers, and has no others.
type nameServer struct {
	answers [][]netip.Addr
	asked   atomic.Int64
}

// start returns a resolver that asks it and nobody else.
func (s *nameServer) start(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		question := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(question)
			if err != nil {
				return
			}
			if answer, err := s.answer(question[:n]); err == nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (s *nameServer) answer(question []byte) ([]byte, error) {
	var message dnsmessage.Message
	if err := message.Unpack(question); err != nil {
		return nil, err
	}
	message.Response, message.Authoritative, message.Additionals = true, true, nil
	asked := message.Questions[0]
	if asked.Type == dnsmessage.TypeA {
		n := int(s.asked.Add(1)) - 1
		for _, ip := range s.answers[n%len(s.answers)] {
			message.Answers = append(message.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: asked.Name, Type: asked.Type, Class: asked.Class, TTL: 0}, Body: &dnsmessage.AResource{A: ip.As4()},
			})
		}
	}
	return message.Pack()
}

// A name may lead elsewhere each time it is asked for (DNS rebinding). It is asked for once for each connection, and what is looked at is the very address that is
// dialled: there is no moment between a check and its use.
func TestClient_ANameThatLeadsElsewhereEachTime(t *testing.T) {
	t.Parallel()
	trap := serve(t, true, func(http.ResponseWriter, *http.Request) {})
	names := &nameServer{}
	for _, text := range []string{"127.0.0.1", "10.0.0.1", "0.0.0.0", "169.254.169.254", "192.168.1.1", "127.9.9.9"} {
		names.answers = append(names.answers, []netip.Addr{netip.MustParseAddr(text)})
	}
	names.answers = append(names.answers, []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("127.0.0.1")})
	client := egress.Client(egress.Options{Resolver: names.start(t), RootCAs: trap.roots()})
	for range 2 * len(names.answers) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://rebinding.example.:"+trap.port()+"/alice", http.NoBody)
		require.NoError(t, err)
		_, err = client.Do(request) //nolint:bodyclose // there is no answer
		require.ErrorIs(t, err, egress.ErrForbiddenAddress)
	}
	require.Equal(t, int64(2*len(names.answers)), names.asked.Load(), "asked for once for each connection")
	require.Zero(t, trap.connections.Load())

	// The same answers lead to the server where the operator has named the host: it is the check that refuses, and not the resolver.
	here := &nameServer{answers: [][]netip.Addr{{netip.MustParseAddr("127.0.0.1")}}}
	named := egress.Client(egress.Options{Resolver: here.start(t), RootCAs: trap.roots(), AllowHosts: []string{"example.com:" + trap.port()}})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://example.com:"+trap.port()+"/alice", http.NoBody)
	require.NoError(t, err)
	answer, err := named.Do(request)
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, answer.Body)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, int64(1), trap.connections.Load())
}
