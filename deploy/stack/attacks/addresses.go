package attacks

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"tianguis.example/stack"
)

// typed is an attack by wallet addresses, as somebody types them.
func typed(addresses func(s *siege) []string) func(context.Context, *siege) ([]answer, error) {
	return fired(func(s *siege) (all []shot) {
		for _, address := range addresses(s) {
			all = append(all, s.look(address))
		}
		return all
	})
}

var forbidden = suspect(stack.Payments, "forbidden_address")

// trapped are addresses of the trap, under names of this machine.
func trapped(scheme string, hosts ...string) func(s *siege) []string {
	return func(s *siege) (all []string) {
		for _, host := range hosts {
			all = append(all, s.trap.address(scheme, host)+"/alice")
		}
		return all
	}
}

var addressAttacks = []Attack{
	{
		ID: "address-loopback", Title: "This machine, in every way to write it: decimal, octal, hexadecimal, short, zero", By: Stranger, Aim: Inside,
		Refused: []Refusal{noWallet, walletDown}, Told: []Line{{stack.Payments, "security", "forbidden_address"}, {stack.Payments, "error", "wallet address"}},
		Try: typed(trapped("https", "127.0.0.1", "127.1", "127.9.9.9", "2130706433", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "0", "0.0.0.0", "127.0.0.1.", "%31%32%37.0.0.1", "①②⑦.0.0.1")),
	},
	{
		ID: "address-loopback-6", Title: "This machine in IPv6: ::1, mapped, NAT64, 6to4, compatible, with a zone", By: Stranger, Aim: Inside,
		Refused: []Refusal{noWallet, walletDown}, Told: []Line{{stack.Payments, "security", "forbidden_address"}, {stack.Payments, "error", "wallet address"}},
		Try: typed(trapped("https", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[::7f00:1]", "[::1%25lo]", "[0:0:0:0:0:0:0:1]")),
	},
	{
		ID: "address-private", Title: "Private networks, link-local, the clouds' metadata, shared, multicast, broadcast, documentation", By: Stranger, Aim: Inside,
		Refused: []Refusal{noWallet}, Told: forbidden,
		Try: typed(func(*siege) (all []string) {
			for _, host := range []string{
				"10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "192.0.0.192", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1",
				"[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]", "[2001:db8::1]", "[64:ff9b::a9fe:a9fe]", "[::ffff:10.0.0.1]",
			} {
				all = append(all, "https://"+host+"/latest/meta-data/")
			}
			return all
		}),
	},
	{
		ID: "address-name-inside", Title: "A name that leads to this machine: only as it is dialled can that be known (DNS rebinding)", By: Stranger, Aim: Inside,
		Refused: []Refusal{noWallet, walletDown}, Told: append(because("no such host"), forbidden...),
		Try: typed(trapped("https", "localhost", "LOCALHOST", "localhost.")),
	},
	{
		ID: "address-port", Title: "Another port of a host of which the operator has named one", By: Stranger, Aim: Inside,
		Refused: []Refusal{noWallet}, Told: forbidden,
		Try: typed(func(s *siege) []string {
			payments := strings.TrimPrefix(s.stack.Payments.Address, "http://")
			return []string{s.trap.address("http", "localhost") + "/alice", "http://" + payments + "/sellers", "http://localhost/alice", "http://localhost:22/", strings.Replace(s.stack.Sandbox.Address, "localhost", "127.0.0.1", 1) + "/buyer-mxn"}
		}),
	},
	{
		ID: "address-user", Title: "A known host as the user of another: https://wallet.example@127.0.0.1", By: Stranger, Aim: Inside,
		Refused: []Refusal{noWallet}, Told: because("invalid_wallet_address"),
		Try: typed(func(s *siege) []string {
			sandbox := strings.TrimPrefix(s.stack.Sandbox.Address, "http://")
			return []string{
				s.trap.address("http", sandbox+"@127.0.0.1"), s.trap.address("https", "wallet.example@127.0.0.1"), s.trap.address("https", "u:p@127.0.0.1"), s.trap.address("https", "@127.0.0.1"),
				"http://" + sandbox + "#@127.0.0.1", "http://" + sandbox + "?@127.0.0.1", `http://` + sandbox + `\@127.0.0.1/`,
			}
		}),
	},
	{
		ID: "address-plain-http", Title: "A public wallet without TLS, where the answer could be anybody's", By: Network, Aim: Money,
		Refused: []Refusal{noWallet}, Told: append(because("invalid_wallet_address"), forbidden...),
		Try: typed(func(*siege) []string {
			return []string{"http://wallet.example/alice", "http://8.8.8.8/alice", "HTTP://wallet.example/alice"}
		}),
	},
	{
		ID: "address-scheme", Title: "Files, scripts and other protocols", By: Stranger, Aim: Inside,
		Refused: []Refusal{noWallet}, Told: because("invalid_wallet_address"),
		Try: typed(func(s *siege) []string {
			return []string{
				"file:///etc/passwd", "gopher://127.0.0.1/_x", "ftp://wallet.example/", "javascript:alert(1)", "data:text/html,x", "unix:///run/x", "jar:https://x!/", "ws://wallet.example/", "", "//127.0.0.1/", "wallet.example/alice",
				"https:127.0.0.1", "https:///alice", s.trap.address("dict", ""),
			}
		}),
	},
	{
		ID: "address-line-break", Title: "Line breaks, NUL, spaces and other scripts' letters in an address", By: Stranger, Aim: Inside,
		Refused: []Refusal{noWallet}, Told: because("invalid_wallet_address"),
		Try: typed(func(s *siege) []string {
			base := s.stack.Sandbox.Address
			return []string{
				base + "/a\r\nHost: evil.example", base + "/a HTTP/1.1\r\n\r\nGET /control", base + "/\x00", base + "/a b", "https://wаllet.example/alice", base + "/" + strings.Repeat("a", 3000), base + "/%", "https://wallet.example:99999/", "https://wallet.example:-1/",
			}
		}),
	},
	{
		ID: "address-proxy", Title: "Proxies in the environment of the service, which would carry every request elsewhere", By: Network, Aim: Keys,
		Refused: []Refusal{noWallet, walletDown}, Told: because("wallet"),
		Try: typed(func(*siege) []string { return []string{"https://tianguis-nowhere.invalid/alice"} }),
	},
	{
		ID: "address-at-the-page", Title: "The same on the pages: at sign-up, on the profile and where a job is paid", By: Customer, Aim: Inside,
		Refused: []Refusal{{http.StatusUnprocessableEntity, ""}, {http.StatusServiceUnavailable, ""}, {http.StatusBadGateway, ""}},
		Told:    []Line{{stack.Marketplace, "status", "422"}, {stack.Marketplace, "status", "50"}},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			var shots []shot
			for _, address := range []string{s.trap.address("http", ""), s.trap.address("https", "[::1]"), "https://169.254.169.254/", "file:///etc/passwd"} {
				shots = append(shots, postOurs("/profile/wallet", url.Values{"do": {"look"}, "wallet_address": {address}}, s.other),
					postOurs(fmt.Sprintf("/jobs/%d/pay", s.due), url.Values{"wallet_address": {address}}, s.payer))
			}
			return s.fire(ctx, shots...)
		},
	},
}
