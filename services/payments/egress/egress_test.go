package egress_test

import (
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/egress"
)

// served is a real server on loopback that counts the connections made to it.
type served struct {
	*httptest.Server
	connections atomic.Int64
	requests    atomic.Int64
}

func serve(t *testing.T, withTLS bool, handler http.HandlerFunc) *served {
	t.Helper()
	s := &served{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		handler(w, r)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	if withTLS {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

func (s *served) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	if s.Certificate() != nil {
		pool.AddCert(s.Certificate())
	}
	return pool
}

func (s *served) hostPort() string { return s.Listener.Addr().String() }

func (s *served) port() string {
	_, port, _ := net.SplitHostPort(s.hostPort())
	return port
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

func get(t *testing.T, client *http.Client, url string) (int, string, error) {
	t.Helper()
	response, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body), nil
}

func TestClient_RefusesLoopback(t *testing.T) {
	t.Parallel()
	server := serve(t, true, ok)
	client := egress.Client(egress.Options{RootCAs: server.roots()})
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "[::1]"} {
		_, _, err := get(t, client, "https://"+host+":"+server.port()+"/")
		require.ErrorIs(t, err, egress.ErrForbiddenAddress, host)
		var dial *net.OpError
		require.ErrorAs(t, err, &dial, host)
		require.Equal(t, "dial", dial.Op, host)
	}
	require.Zero(t, server.connections.Load())
}

func TestClient_AllowsNamedHosts(t *testing.T) {
	t.Parallel()
	for _, withTLS := range []bool{true, false} {
		server := serve(t, withTLS, ok)
		for _, entry := range []string{server.hostPort(), "127.0.0.1", "::1", "[127.0.0.1]:" + server.port()} {
			client := egress.Client(egress.Options{AllowHosts: []string{entry}, RootCAs: server.roots()})
			status, body, err := get(t, client, server.URL)
			if entry == "::1" {
				require.ErrorIs(t, err, egress.ErrForbiddenAddress)
				continue
			}
			require.NoError(t, err, entry)
			require.Equal(t, http.StatusOK, status)
			require.Equal(t, "hello", body)
		}
	}
}

func TestClient_AllowsNamedHostInAnyCase(t *testing.T) {
	t.Parallel()
	server := serve(t, false, ok)
	client := egress.Client(egress.Options{AllowHosts: []string{"LocalHost:" + server.port()}})
	for _, host := range []string{"localhost", "LOCALHOST"} {
		_, body, err := get(t, client, "http://"+host+":"+server.port())
		require.NoError(t, err)
		require.Equal(t, "hello", body)
	}
}

func TestClient_AllowsNoOtherPort(t *testing.T) {
	t.Parallel()
	named, other := serve(t, false, ok), serve(t, false, ok)
	client := egress.Client(egress.Options{AllowHosts: []string{named.hostPort()}})
	_, _, err := get(t, client, other.URL)
	require.ErrorIs(t, err, egress.ErrForbiddenAddress)
	require.Zero(t, other.connections.Load())
}

// A name is only as good as what it resolves to: allowing another name of the same
// machine allows nothing.
func TestClient_AllowsByNameNotByAddress(t *testing.T) {
	t.Parallel()
	server := serve(t, true, ok)
	client := egress.Client(egress.Options{AllowHosts: []string{"localhost"}, RootCAs: server.roots()})
	_, _, err := get(t, client, server.URL)
	require.ErrorIs(t, err, egress.ErrForbiddenAddress)
}

func TestClient_RefusesPlainHTTPAndOtherSchemes(t *testing.T) {
	t.Parallel()
	client := egress.Client(egress.Options{})
	_, _, err := get(t, client, "http://example.com/")
	require.ErrorIs(t, err, egress.ErrForbiddenAddress)
	_, _, err = get(t, client, "ftp://example.com/")
	require.ErrorIs(t, err, egress.ErrForbiddenAddress)
}

func TestClient_RefusesCredentials(t *testing.T) {
	t.Parallel()
	server := serve(t, false, ok)
	client := egress.Client(egress.Options{AllowHosts: []string{server.hostPort()}})
	_, _, err := get(t, client, "http://user:secret@"+server.hostPort())
	require.ErrorIs(t, err, egress.ErrForbiddenAddress)
	require.NotContains(t, err.Error(), "secret")
	require.Zero(t, server.requests.Load())
}

func TestClient_FollowsNoRedirect(t *testing.T) {
	t.Parallel()
	target := serve(t, false, ok)
	server := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target.URL, http.StatusTemporaryRedirect)
	})
	client := egress.Client(egress.Options{AllowHosts: []string{"127.0.0.1"}})
	status, _, err := get(t, client, server.URL)
	require.NoError(t, err)
	require.Equal(t, http.StatusTemporaryRedirect, status)
	require.Zero(t, target.requests.Load())
}

// No t.Parallel: it changes the environment.
func TestClient_IgnoresProxyOfEnvironment(t *testing.T) {
	proxy := serve(t, false, ok)
	server := serve(t, false, ok)
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("HTTPS_PROXY", proxy.URL)
	client := egress.Client(egress.Options{AllowHosts: []string{"127.0.0.1"}})
	_, _, err := get(t, client, server.URL)
	require.NoError(t, err)
	_, _, err = get(t, client, "https://example.invalid/")
	require.Error(t, err)
	require.Zero(t, proxy.connections.Load())
}

func TestClient_KeepsConnections(t *testing.T) {
	t.Parallel()
	server := serve(t, true, ok)
	client := egress.Client(egress.Options{AllowHosts: []string{"127.0.0.1"}, RootCAs: server.roots()})
	for range 5 {
		_, _, err := get(t, client, server.URL)
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, server.connections.Load())
}

func TestClient_TimesOut(t *testing.T) {
	t.Parallel()
	silent := serve(t, false, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	dripping := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	mute, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never shakes hands
	require.NoError(t, err)
	t.Cleanup(func() { _ = mute.Close() })

	allow := []string{"127.0.0.1"}
	cases := map[string]struct {
		options egress.Options
		url     string
	}{
		"headers":   {egress.Options{AllowHosts: allow, HeaderTimeout: 50 * time.Millisecond}, silent.URL},
		"body":      {egress.Options{AllowHosts: allow, Timeout: 50 * time.Millisecond}, dripping.URL},
		"handshake": {egress.Options{AllowHosts: allow, TLSTimeout: 50 * time.Millisecond}, "https://" + mute.Addr().String()},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, err := egress.Client(c.options).Get(c.url)
			if err == nil {
				defer func() { _ = response.Body.Close() }()
				_, err = io.ReadAll(response.Body)
			}
			var timeout net.Error
			require.ErrorAs(t, err, &timeout)
			require.True(t, timeout.Timeout())
		})
	}
}

func TestClient_RefusesUnknownCertificate(t *testing.T) {
	t.Parallel()
	server := serve(t, true, ok)
	_, _, err := get(t, egress.Client(egress.Options{AllowHosts: []string{"127.0.0.1"}}), server.URL)
	require.ErrorContains(t, err, "certificate")
	require.Zero(t, server.requests.Load())
}

func TestOptions_Validate(t *testing.T) {
	t.Parallel()
	good := []string{"localhost", "localhost:4001", "::1", "[::1]", "[::1]:4001", "10.0.0.7", "wallet.test:80"}
	require.NoError(t, egress.Options{AllowHosts: good}.Validate())
	for _, entry := range []string{"", "http://localhost", "http://localhost:4000", "a b", "*.example", "user@host", "host/path", ":80"} {
		err := egress.Options{AllowHosts: []string{"localhost", entry}}.Validate()
		require.ErrorContains(t, err, "neither host nor host:port", entry)
	}
}

// What can be told before an address is dialled.
func TestOptions_Check(t *testing.T) {
	t.Parallel()
	o := egress.Options{AllowHosts: []string{"127.0.0.1:9000", "inside.test"}}
	for _, fine := range []string{
		"https://shop.example/hook", "https://localhost/", "https://1.1.1.1/", "http://127.0.0.1:9000/hook", "http://inside.test/", "https://[2606:4700:4700::1111]/",
	} {
		require.NoError(t, o.Check(fine), fine)
	}
	for _, wrong := range []string{
		"http://shop.example/", "https://127.0.0.1/", "http://127.0.0.1:9001/", "https://10.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/",
		"https://169.254.169.254/", "https://0.0.0.0/", "ftp://shop.example/", "https://user@shop.example/", "://", "https://[fd00::1]/",
	} {
		require.ErrorIs(t, o.Check(wrong), egress.ErrForbiddenAddress, wrong)
	}
}
