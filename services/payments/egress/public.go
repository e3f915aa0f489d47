package egress

import "net/netip"

// IsPublic reports whether an address is one of a host on the public internet. IPv4 in
// IPv6 clothing is judged as the IPv4 address that it reaches.
func IsPublic(ip netip.Addr) bool {
	ip = ip.Unmap() // ::ffff:0:0/96
	if !ip.IsValid() || ip.Zone() != "" {
		return false
	}
	if ip.Is4() {
		return !within(ip, notPublic4)
	}
	if nat64.Contains(ip) {
		// Behind DNS64 every IPv4-only host looks like this, so the prefix cannot be
		// refused outright.
		bytes := ip.As16()
		return IsPublic(netip.AddrFrom4([4]byte(bytes[12:])))
	}
	// Outside of 2000::/3 nothing is global unicast: loopback, unspecified, ULA,
	// link-local, multicast, IPv4-compatible, local-use NAT64 (64:ff9b:1::/48).
	return globalUnicast6.Contains(ip) && !within(ip, notPublic6)
}

func within(ip netip.Addr, prefixes []netip.Prefix) bool {
	for _, prefix := range prefixes {
		if prefix.Contains(ip) {
			return true
		}
	}
	return false
}

var (
	nat64          = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052
	globalUnicast6 = netip.MustParsePrefix("2000::/3")     // RFC 4291

	// The IANA special-purpose registry of IPv4 addresses, and multicast.
	notPublic4 = []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"),       // this network, RFC 791
		netip.MustParsePrefix("10.0.0.0/8"),      // private, RFC 1918
		netip.MustParsePrefix("100.64.0.0/10"),   // carrier-grade NAT, RFC 6598
		netip.MustParsePrefix("127.0.0.0/8"),     // loopback, RFC 1122
		netip.MustParsePrefix("169.254.0.0/16"),  // link-local and clouds' metadata, RFC 3927
		netip.MustParsePrefix("172.16.0.0/12"),   // private, RFC 1918
		netip.MustParsePrefix("192.0.0.0/24"),    // IETF protocols, RFC 6890
		netip.MustParsePrefix("192.0.2.0/24"),    // documentation, RFC 5737
		netip.MustParsePrefix("192.88.99.0/24"),  // 6to4 relays, RFC 7526
		netip.MustParsePrefix("192.168.0.0/16"),  // private, RFC 1918
		netip.MustParsePrefix("198.18.0.0/15"),   // benchmarking, RFC 2544
		netip.MustParsePrefix("198.51.100.0/24"), // documentation, RFC 5737
		netip.MustParsePrefix("203.0.113.0/24"),  // documentation, RFC 5737
		netip.MustParsePrefix("224.0.0.0/4"),     // multicast, RFC 5771
		netip.MustParsePrefix("240.0.0.0/4"),     // reserved and broadcast, RFC 1112
	}

	// What is special within global unicast.
	notPublic6 = []netip.Prefix{
		netip.MustParsePrefix("2001::/23"),     // IETF protocols, with Teredo's embedded IPv4, RFC 2928
		netip.MustParsePrefix("2001:db8::/32"), // documentation, RFC 3849
		netip.MustParsePrefix("2002::/16"),     // 6to4, embeds any IPv4 address, RFC 3056
		netip.MustParsePrefix("3fff::/20"),     // documentation, RFC 9637
	}
)
