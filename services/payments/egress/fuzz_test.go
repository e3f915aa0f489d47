package egress_test

import (
	"net"
	"net/netip"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/egress"
)

// FuzzCheck: an address that is let through, by what stands in it, is https or the operator's, holds no user and no number of a host inside.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{
		"https://wallet.example/alice", "http://localhost:4000/a", "https://127.0.0.1/", "https://[::ffff:10.0.0.1]:443", "https://[64:ff9b::7f00:1]", "https://u@a", "http://LOCALHOST.:4000",
		"https://[fe80::1%25eth0]/", "https://2130706433/", "http://localhost:4000@127.0.0.1/", "ftp://a", "https:///x", "//a",
	} {
		f.Add(seed)
	}
	options := egress.Options{AllowHosts: []string{"localhost:4000"}}
	require.NoError(f, options.Validate())
	f.Fuzz(func(t *testing.T, address string) {
		if err := options.Check(address); err != nil {
			require.ErrorIs(t, err, egress.ErrForbiddenAddress)
			return
		}
		u, err := url.Parse(address)
		require.NoError(t, err)
		require.Nil(t, u.User)
		named := (u.Hostname() == "localhost" || len(u.Hostname()) <= 10 && u.Hostname() != "") && u.Port() == "4000"
		require.True(t, u.Scheme == "https" || u.Scheme == "http" && named, address)
		if ip, err := netip.ParseAddr(u.Hostname()); err == nil {
			require.True(t, egress.IsPublic(ip), address)
		}
	})
}

// FuzzAllowHosts: what an operator may write names hosts, and opens the way to no other: neither to a number of this machine nor to another name.
func FuzzAllowHosts(f *testing.F) {
	for _, seed := range []string{"localhost:4000", "[::1]:4000", "::1", "a.example", "*", "a:b:c", "localhost:99999", "https://a", " a ", "127.0.0.1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, entry string) {
		options := egress.Options{AllowHosts: []string{entry}}
		if options.Validate() != nil {
			return
		}
		require.Error(t, options.Check("http://never-named.example/x"), entry)
		if host, _, err := net.SplitHostPort(entry); err == nil {
			entry = host
		}
		if ip, err := netip.ParseAddr(entry); err != nil || ip != netip.MustParseAddr("169.254.169.254") {
			require.Error(t, options.Check("https://169.254.169.254/x"), entry)
		}
	})
}
