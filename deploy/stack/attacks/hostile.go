package attacks

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tianguis.example/stack"
)

// What the payments service says of a wallet that cannot be believed.
var (
	noWallet    = Refusal{http.StatusBadRequest, `"code":"invalid_wallet_address"`}
	walletDown  = Refusal{http.StatusBadGateway, `"code":"wallet_unavailable"`}
	walletNo    = Refusal{http.StatusBadGateway, `"code":"wallet_refused"`}
	walletLate  = Refusal{http.StatusGatewayTimeout, `"code":"wallet_timeout"`}
	stillUnpaid = Refusal{http.StatusOK, `"status":"pending"`}
	notPaid     = Refusal{http.StatusOK, `"status":"failed"`}
)

// because is the line that says why a wallet was not believed.
func because(words string) []Line { return []Line{{stack.Payments, "error", words}} }

const hugeBody = 1 << 30 // bytes

// flood writes n bytes, or until nobody listens.
func flood(w io.Writer, n int) error {
	chunk := []byte(`"` + strings.Repeat("x", 64<<10))
	for sent := 0; sent < n; sent += len(chunk) {
		if _, err := w.Write(chunk); err != nil {
			return err
		}
	}
	return nil
}

func jsonHead(w http.ResponseWriter) { w.Header().Set("Content-Type", "application/json") }

var walletAttacks = []Attack{
	{
		ID: "wallet-gigabyte", Title: "The document of the wallet is 1 GB", By: Wallet, Aim: Service,
		Refused: []Refusal{noWallet}, Told: because("longer than 65536 bytes"),
		Try: looked(func(w http.ResponseWriter, _ object) error {
			jsonHead(w)
			w.Header().Set("Content-Length", "1073741824")
			return flood(w, hugeBody)
		}),
	},
	{
		ID: "wallet-endless", Title: "The document never ends", By: Wallet, Aim: Service,
		Refused: []Refusal{noWallet}, Told: because("longer than 65536 bytes"),
		Try: looked(func(w http.ResponseWriter, _ object) error {
			jsonHead(w)
			return flood(w, hugeBody)
		}),
	},
	{
		ID: "wallet-gzip-bomb", Title: "The document is 64 MB of spaces in a few KB of gzip", By: Wallet, Aim: Service,
		Refused: []Refusal{noWallet}, Told: because("longer than 65536 bytes"),
		Try: looked(func(w http.ResponseWriter, _ object) error {
			jsonHead(w)
			w.Header().Set("Content-Encoding", "gzip")
			packed := gzip.NewWriter(w)
			for range 64 {
				if _, err := io.WriteString(packed, strings.Repeat(" ", 1<<20)); err != nil {
					return err
				}
			}
			return packed.Close()
		}),
	},
	{
		ID: "wallet-json-bomb", Title: "The document is 30,000 brackets deep", By: Wallet, Aim: Service,
		Refused: []Refusal{noWallet}, Told: because("read answer"),
		Try: looked(func(w http.ResponseWriter, _ object) error {
			jsonHead(w)
			_, err := io.WriteString(w, `{"id":`+strings.Repeat("[", 30_000)+strings.Repeat("]", 30_000)+"}")
			return err
		}),
	},
	{
		ID: "wallet-header-bomb", Title: "The answer has 1 MB of headers", By: Wallet, Aim: Service,
		Refused: []Refusal{walletDown, noWallet}, Told: because("headers"),
		Try: looked(func(w http.ResponseWriter, _ object) error {
			jsonHead(w)
			for range 16 {
				w.Header().Add("X-Filler", strings.Repeat("x", 64<<10))
			}
			_, err := io.WriteString(w, "{}")
			return err
		}),
	},
	{
		ID: "wallet-silent", Title: "The wallet takes the request and says nothing", By: Wallet, Aim: Service, Slow: true,
		Refused: []Refusal{walletLate}, Told: because("deadline exceeded"),
		Try: looked(func(http.ResponseWriter, object) error {
			return pauseFor(context.Background(), rawBound) // longer than anybody waits
		}),
	},
	{
		ID: "wallet-drip", Title: "The document comes a byte at a time", By: Wallet, Aim: Service, Slow: true,
		Refused: []Refusal{walletLate}, Told: because("deadline exceeded"),
		Try: looked(func(w http.ResponseWriter, _ object) error {
			jsonHead(w)
			out := http.NewResponseController(w)
			for {
				if _, err := io.WriteString(w, " "); err != nil {
					return err
				}
				if err := out.Flush(); err != nil {
					return err
				}
				if err := pauseFor(context.Background(), 100*time.Millisecond); err != nil {
					return err
				}
			}
		}),
	},
	{
		ID: "wallet-torn", Title: "The document breaks off in the middle", By: Wallet, Aim: Service,
		Refused: []Refusal{walletDown}, Told: because("unexpected EOF"),
		Try: looked(func(w http.ResponseWriter, _ object) error {
			jsonHead(w)
			w.Header().Set("Content-Length", "500")
			_, err := io.WriteString(w, `{"id":"http`)
			return err
		}),
	},
	{
		ID: "wallet-no-json", Title: "The document is a page to sign in on", By: Wallet, Aim: Inside,
		Refused: []Refusal{noWallet}, Told: because("it is not JSON"),
		Try: looked(func(w http.ResponseWriter, _ object) error {
			w.Header().Set("Content-Type", "text/html")
			_, err := io.WriteString(w, `<form action="https://evil.example">`)
			return err
		}),
	},
	{
		ID: "wallet-redirect", Title: "The wallet redirects to an address on this machine", By: Wallet, Aim: Inside,
		Refused: []Refusal{noWallet, walletDown}, Told: because("(30"),
		Try: looked(func(w http.ResponseWriter, _ object) error {
			w.Header().Set("Location", "http://169.254.169.254/latest/meta-data/")
			w.WriteHeader(http.StatusTemporaryRedirect)
			return nil
		}),
	},
	{
		ID: "wallet-numbers", Title: "Numbers of the document are text, fractions, negative or far too large", By: Wallet, Aim: Money,
		Refused: []Refusal{noWallet}, Told: because("answer makes no sense"),
		Try: looked(nil,
			func(a object) { a.set("assetScale", "2") }, func(a object) { a.set("assetScale", 2.5) }, func(a object) { a.set("assetScale", -2) },
			func(a object) { a.set("assetScale", 256) }, func(a object) { a.set("assetScale", nil) }, func(a object) { a.set("assetCode", 7) }),
	},
	{
		ID: "wallet-another", Title: "The document is that of a wallet at another host", By: Wallet, Aim: Money,
		Refused: []Refusal{noWallet}, Told: because("id: it is of another host"),
		Try: looked(nil, func(a object) { a.set("id", "https://wallet.example/alice") }),
	},
	{
		ID: "wallet-servers-inside", Title: "The document names servers on this machine", By: Wallet, Aim: Inside,
		Refused: []Refusal{walletDown, noWallet, walletNo}, Told: []Line{{stack.Payments, "security", "forbidden_address"}},
		Try: bought(opAddress,
			func(s *siege, a object) { a.set("authServer", s.trap.address("http", "")+"/auth") },
			func(s *siege, a object) { a.set("authServer", s.trap.address("https", "[::ffff:127.0.0.1]")+"/auth") },
			func(s *siege, a object) { a.set("resourceServer", s.trap.address("https", "localhost")) }),
	},
	{
		ID: "wallet-mix-up", Title: "The document names the auth server of another wallet, and its own resource server (mix-up)", By: Wallet, Aim: Keys,
		Refused: []Refusal{walletNo}, Told: because("request grant"),
		Try: bought(opAddress, func(s *siege, a object) { a.set("authServer", s.stack.Sandbox.Address+"/auth") }),
	},
	{
		ID: "wallet-continue-elsewhere", Title: "The grant is to be continued at another host, which would get its token", By: Wallet, Aim: Keys,
		Refused: []Refusal{walletDown, walletNo}, Told: because("continue.uri: it is of another host"),
		Try: bought(opConsent, func(s *siege, a object) { a.set("continue.uri", s.stack.Sandbox.Address+"/continue/1") }),
	},
	{
		ID: "wallet-manage-elsewhere", Title: "The access token is to be managed at another host, which would get it", By: Wallet, Aim: Keys,
		Refused: []Refusal{walletDown, walletNo}, Told: because("access_token.manage: it is of another host"),
		Try: bought(opGrant, func(s *siege, a object) { a.set("access_token.manage", s.stack.Sandbox.Address+"/token/1") }),
	},
	{
		ID: "wallet-token-crlf", Title: "The access token holds a line break and a header", By: Wallet, Aim: Keys,
		Refused: []Refusal{walletDown, walletNo}, Told: because("cannot stand in a header"),
		Try: bought(opGrant, func(_ *siege, a object) { a.set("access_token.value", "token\r\nX-Injected: yes") }),
	},
	{
		ID: "wallet-consent-script", Title: "The page to consent on is a script, a file, or holds a password", By: Wallet, Aim: Account,
		Refused: []Refusal{walletDown, walletNo}, Told: because("interact.redirect"),
		Try: bought(opConsent,
			func(_ *siege, a object) { a.set("interact.redirect", "javascript:alert(1)") },
			func(_ *siege, a object) { a.set("interact.redirect", "file:///etc/passwd") },
			func(_ *siege, a object) { a.set("interact.redirect", "https://tianguis.example@evil.example/") }),
	},
	{
		ID: "wallet-no-consent", Title: "The wallet grants the payment without asking anybody", By: Wallet, Aim: Money,
		Refused: []Refusal{walletNo, walletDown}, Told: because("consent"),
		Try: bought(opConsent, func(s *siege, a object) {
			delete(a, "interact")
			a.set("access_token", object{"value": "t", "manage": "http://" + s.hostile.host + "/x/token", "access": []object{{"type": "outgoing-payment", "actions": []string{"create"}}}})
		}),
	},
	{
		ID: "wallet-quote-less", Title: "The quote delivers less than asked", By: Wallet, Aim: Money,
		Refused: []Refusal{walletNo}, Told: because("offers to deliver"),
		Try: bought(opQuote, func(_ *siege, a object) { a.set("receiveAmount", amountIn("776", "MXN")) },
			func(_ *siege, a object) { a.set("receiveAmount", amountIn(triedValue, "USD")) }),
	},
	{
		ID: "wallet-quote-another", Title: "The quote is of another wallet, to another receiver, by another method, or of nothing", By: Wallet, Aim: Money,
		Refused: []Refusal{walletDown, walletNo}, Told: because("create quote"),
		Try: bought(opQuote,
			func(s *siege, a object) { a.set("walletAddress", s.stack.Sandbox.Address+"/buyer-mxn") },
			func(s *siege, a object) { a.set("receiver", s.stack.Sandbox.Address+"/incoming-payments/1") },
			func(_ *siege, a object) { a.set("method", "card") },
			func(_ *siege, a object) { a.set("debitAmount", amountIn("0", "MXN")) },
			func(_ *siege, a object) { a.set("debitAmount", amountIn("9223372036854775808", "MXN")) },
			func(_ *siege, a object) {
				a.set("debitAmount", object{"value": 777, "assetCode": "MXN", "assetScale": 2})
			}),
	},
	{
		ID: "wallet-incoming-another", Title: "The seller's wallet answers with the incoming payment of another wallet, host, amount or currency", By: Wallet, Aim: Money,
		Refused: []Refusal{walletDown, walletNo}, Told: because("create incoming payment"),
		Try: sold(opIncoming,
			func(s *siege, a object) { a.set("walletAddress", s.stack.Sandbox.Address+"/worker-mxn") },
			func(s *siege, a object) { a.set("id", s.stack.Sandbox.Address+"/incoming-payments/1") },
			func(_ *siege, a object) { a.set("incomingAmount", amountIn("1", "MXN")) },
			func(_ *siege, a object) { a.set("incomingAmount", amountIn(triedValue, "USD")) }),
	},
	{
		ID: "wallet-says-sent", Title: "The buyer's wallet says that the money was sent, and it never arrives", By: Wallet, Aim: Money,
		Refused: []Refusal{stillUnpaid}, Told: []Line{{stack.Payments, "route", "/payments/finish"}},
		Try: finished(opOutgoing, func(*siege, object) {}, nil),
	},
	{
		ID: "wallet-pays-another-quote", Title: "The outgoing payment is of another quote", By: Wallet, Aim: Money,
		Refused: []Refusal{stillUnpaid, notPaid}, Told: because("quoteId: it is another one"),
		Try: finished(opOutgoing, func(s *siege, a object) { a.set("quoteId", "http://"+s.hostile.host+"/x/quotes/2") }, nil),
	},
	{
		ID: "wallet-outgoing-elsewhere", Title: "The outgoing payment is at another host, which would be asked with the token", By: Wallet, Aim: Keys,
		Refused: []Refusal{stillUnpaid, notPaid}, Told: because("id: it is of another host"),
		Try: finished(opOutgoing, func(s *siege, a object) { a.set("id", s.stack.Sandbox.Address+"/outgoing-payments/1") }, nil),
	},
	{
		ID: "wallet-swaps-auth-server", Title: "After the consent was asked for, the wallet names another auth server, and the return is proved with that one", By: Wallet, Aim: Money,
		Refused: []Refusal{hashInvalid}, Told: suspect(stack.Payments, "hash_invalid"),
		Try: finished(opLook, func(*siege, object) {}, func(s *siege, name string) string {
			other := s.stack.Sandbox.Address + "/auth"
			s.hostile.mu.Lock()
			s.hostile.misdeeds[name] = misdeed{at: opAddress, change: func(a object) { a.set("authServer", other) }}
			s.hostile.mu.Unlock()
			return other
		}),
	},
	{
		ID: "wallet-nonce-again", Title: "The return of one payment at a wallet is used for another at the same, which gave both the same nonce", By: Wallet, Aim: Money,
		Refused: []Refusal{hashInvalid}, Told: suspect(stack.Payments, "hash_invalid"), Try: nonceAgain,
	},
	{
		ID: "wallet-name-markup", Title: "The wallet's public name is markup, and is shown to whoever looks at the address", By: Wallet, Aim: Account,
		Refused: []Refusal{{http.StatusOK, "&lt;script&gt;alert(1)"}}, Told: []Line{{stack.Marketplace, "route", "/profile/wallet"}},
		Try: lookedAtMarkup,
	},
}

var errInjected = errors.New("the page holds markup that somebody else has written")

// nonceAgain starts two payments at one wallet, which gives both the same nonce of its own, and returns to the second with the proof of the first.
func nonceAgain(ctx context.Context, s *siege) ([]answer, error) {
	name := s.hostile.plan(misdeed{})
	started := make([]string, 2)
	var interactRef, hash string
	for i := range started {
		offer := fmt.Sprintf("/offers/hostile-%s-%d/quotes/start", name, i)
		got, err := s.send(ctx, api(http.MethodPost, offer, startBody(honestSeller, s.hostile.address(name), triedAmount)).keyed(s))
		if err != nil {
			return nil, err
		}
		if started[i] = field(got.text, "pendingId"); started[i] == "" {
			return nil, fmt.Errorf("the payment was not even started: %s", got)
		}
		if i == 0 {
			interactRef, hash = s.hostile.approve(name, s.hostile.address(name)+"/auth")
		}
	}
	return s.fire(ctx, finishAtPayments(s, map[string]string{"pendingId": started[1], "interact_ref": interactRef, "hash": hash}))
}

// lookedAtMarkup lets somebody look at a wallet address on their profile, before it is saved.
func lookedAtMarkup(ctx context.Context, s *siege) ([]answer, error) {
	name := s.hostile.plan(misdeed{at: opAddress, change: func(a object) { a.set("publicName", markup) }})
	all, err := s.fire(ctx, postOurs("/profile/wallet", url.Values{"do": {"look"}, "wallet_address": {s.hostile.address(name)}}, s.other))
	return all, errors.Join(err, injected(all))
}

// injected is an error when a page holds the markup that somebody planted as markup.
func injected(all []answer) error {
	for _, got := range all {
		if strings.Contains(got.text, "<script>alert") || strings.Contains(got.text, "<img src=x") {
			return fmt.Errorf("%w: %s", errInjected, got.what)
		}
	}
	return nil
}
