package egress

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrForbiddenAddress is in every error of a request that was not allowed out. It comes
// inside a net.OpError of a dial, because nothing was sent.
var ErrForbiddenAddress = errors.New("the address is not allowed")

// Options say where requests may go and how long they may take. The zero value is the
// strictest, with the defaults below.
type Options struct {
	// AllowHosts names hosts, each "host" (any port) or "host:port", that may be asked
	// over plain http and at private addresses: a development wallet on loopback.
	AllowHosts []string
	// RootCAs verifies servers; nil means the system's.
	RootCAs *x509.CertPool
	// Resolver finds the addresses of names; nil means the system's.
	Resolver *net.Resolver

	DialTimeout   time.Duration // per address; default 5 s
	TLSTimeout    time.Duration // default 5 s
	HeaderTimeout time.Duration // from request to the answer's headers; default 15 s
	Timeout       time.Duration // of a whole request with its answer's body; default 30 s
}

// Validate reports the first entry of AllowHosts that names no host.
func (o Options) Validate() error {
	for _, entry := range o.AllowHosts {
		host, _ := splitAllowed(entry)
		if host == "" || strings.ContainsAny(host, "/@?# \t*") {
			return fmt.Errorf("allowed host %q is neither host nor host:port", entry)
		}
	}
	return nil
}

// Check returns an ErrForbiddenAddress, in words that say what is wrong with it, for an address that can be told to be forbidden before it
// is asked for. A name that leads somewhere forbidden is found out as it is dialled.
func (o Options) Check(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("%w: it is no URL", ErrForbiddenAddress)
	}
	allowed := newAllowed(o.AllowHosts)
	if reason := allowed.refusal(u); reason != "" {
		return fmt.Errorf("%w: %s", ErrForbiddenAddress, reason)
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !IsPublic(ip) && !allowed.has(hostport(u)) {
		return fmt.Errorf("%w: it is not public", ErrForbiddenAddress)
	}
	return nil
}

// Client returns a client on a Transport of its own. It follows no redirect: the 3xx is
// the answer. One client is for one kind of peer and keeps connections alive.
func Client(options Options) *http.Client {
	return &http.Client{
		Transport: Transport(options),
		Timeout:   cmp.Or(options.Timeout, 30*time.Second),
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// Transport returns what Client sends with, for a client of the caller's own.
func Transport(options Options) http.RoundTripper {
	allowed := newAllowed(options.AllowHosts)
	dialer := net.Dialer{Timeout: cmp.Or(options.DialTimeout, 5*time.Second), KeepAlive: 30 * time.Second, Resolver: options.Resolver}
	guarded := dialer
	guarded.Control = refuseNonPublic
	return &transport{
		allowed: allowed,
		inner: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				if allowed.has(address) {
					return dialer.DialContext(ctx, network, address)
				}
				return guarded.DialContext(ctx, network, address)
			},
			TLSClientConfig:        &tls.Config{RootCAs: options.RootCAs, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    cmp.Or(options.TLSTimeout, 5*time.Second),
			ResponseHeaderTimeout:  cmp.Or(options.HeaderTimeout, 15*time.Second),
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConns:           256,
			MaxIdleConnsPerHost:    16,
			IdleConnTimeout:        60 * time.Second,
			ForceAttemptHTTP2:      true, // a custom DialContext would turn it off
		},
	}
}

type transport struct {
	allowed allowed
	inner   *http.Transport
}

// RoundTrip refuses what can be told from the URL; dialing refuses the rest.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if reason := t.allowed.refusal(request.URL); reason != "" {
		if request.Body != nil {
			_ = request.Body.Close() // the contract of http.RoundTripper
		}
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("%w: %s", ErrForbiddenAddress, reason)}
	}
	return t.inner.RoundTrip(request)
}

// CloseIdleConnections lets http.Client.CloseIdleConnections through.
func (t *transport) CloseIdleConnections() { t.inner.CloseIdleConnections() }

func (a allowed) refusal(u *url.URL) string {
	switch {
	case u.User != nil:
		return "the URL holds a user"
	case u.Scheme == "https":
		return ""
	case u.Scheme != "http":
		return "the URL is neither https nor http"
	case !a.has(hostport(u)):
		return "plain http is only for hosts that the operator has named"
	}
	return ""
}

// hostport is what is dialled for a URL.
func hostport(u *url.URL) string {
	port := "443"
	if u.Scheme == "http" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port))
}

// refuseNonPublic is a net.Dialer.Control: it sees each resolved address right before
// the connection is made.
func refuseNonPublic(_, address string, _ syscall.RawConn) error {
	resolved, err := netip.ParseAddrPort(address)
	if err != nil || !IsPublic(resolved.Addr()) {
		return fmt.Errorf("%w: it is not public", ErrForbiddenAddress)
	}
	return nil
}

// allowed holds the operator's hosts, "host" or "host:port", in lower case.
type allowed map[string]bool

func newAllowed(entries []string) allowed {
	hosts := allowed{}
	for _, entry := range entries {
		if host, port := splitAllowed(entry); port != "" {
			hosts[net.JoinHostPort(host, port)] = true
		} else if host != "" {
			hosts[host] = true
		}
	}
	return hosts
}

// has reports whether an address to dial, "host:port", was named by the operator.
func (a allowed) has(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	host = normalHost(host)
	return a[host] || a[net.JoinHostPort(host, port)]
}

// splitAllowed parts an entry into host and port; a bare IPv6 address has no port.
func splitAllowed(entry string) (host, port string) {
	if ip, err := netip.ParseAddr(strings.Trim(entry, "[]")); err == nil {
		return ip.String(), ""
	}
	if host, port, err := net.SplitHostPort(entry); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return "", ""
		}
		return normalHost(host), port
	}
	if strings.Contains(entry, ":") {
		return "", ""
	}
	return normalHost(entry), ""
}

func normalHost(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.String()
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}
