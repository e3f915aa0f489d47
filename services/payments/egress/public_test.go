package egress_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/egress"
)

func TestIsPublic(t *testing.T) {
	t.Parallel()
	cases := map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "100.63.255.255": true, "100.128.0.0": true, "172.15.255.255": true,
		"172.32.0.0": true, "223.255.255.255": true, "192.0.1.1": true, "198.20.0.1": true, "9.255.255.255": true,
		"2606:4700:4700::1111": true, "2001:4860:4860::8888": true, "2a00:1450:4001::1": true, "2001:200::1": true,
		"::ffff:8.8.8.8": true, "64:ff9b::8.8.8.8": true,

		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "100.64.0.1": false, "100.127.255.255": false,
		"127.0.0.1": false, "127.255.255.254": false, "169.254.169.254": false, "172.16.0.1": false, "172.31.255.255": false,
		"192.0.0.1": false, "192.0.2.1": false, "192.88.99.1": false, "192.168.1.1": false, "198.18.0.1": false,
		"198.19.255.255": false, "198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false, "239.255.255.250": false,
		"240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::7f00:1": false, "::8.8.8.8": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:169.254.169.254": false,
		"64:ff9b::127.0.0.1": false, "64:ff9b::10.0.0.1": false, "64:ff9b:1::8.8.8.8": false, "100::1": false,
		"fc00::1": false, "fd00:ec2::254": false, "fe80::1": false, "fe80::1%eth0": false, "2606:4700::1%eth0": false,
		"fec0::1": false, "ff02::1": false, "ff0e::1": false,
		"2001::1": false, "2001:0:4136:e378:8000:63bf:3fff:fdd2": false, "2001:10::1": false, "2001:20::1": false,
		"2001:db8::1": false, "2002:7f00:1::": false, "2002:808:808::1": false, "3fff::1": false, "4000::1": false,
	}
	for text, want := range cases {
		require.Equal(t, want, egress.IsPublic(netip.MustParseAddr(text)), text)
	}
	require.False(t, egress.IsPublic(netip.Addr{}))
}

// However an IPv4 address is dressed, it is judged the same.
func FuzzIsPublic(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1})
	f.Add([]byte{8, 8, 8, 8})
	f.Add([]byte{169, 254, 169, 254})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) != 4 {
			return
		}
		plain := netip.AddrFrom4([4]byte(raw))
		want := egress.IsPublic(plain)
		require.Equal(t, want, egress.IsPublic(netip.AddrFrom16(plain.As16())))
		nat64 := netip.MustParseAddr("64:ff9b::").As16()
		copy(nat64[12:], raw)
		require.Equal(t, want, egress.IsPublic(netip.AddrFrom16(nat64)))
		if plain.IsPrivate() || plain.IsLoopback() || plain.IsLinkLocalUnicast() || plain.IsMulticast() || plain.IsUnspecified() {
			require.False(t, want, plain)
		}
	})
}
