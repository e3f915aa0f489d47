package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/settings"
	"tianguis.example/sandbox"
	"tianguis.example/sandbox/control"
)

func TestFault_DropAfterTakesEffect(t *testing.T) {
	t.Parallel()
	p, s := open(t)
	o := s.offer("buyer-usd", "worker-mxn", "10000")
	token := s.approve(o)
	plant(s, control.Fault{Kind: control.DropAfter, Operation: sandbox.OpOutgoingCreate, Count: 1})
	_, _, err := s.try("POST", o.buyer.at("resourceServer")+"/outgoing-payments", token,
		answer{"walletAddress": o.buyer["id"], "quoteId": o.quote["id"]})
	require.Error(t, err, "the answer is lost")
	settle(p)
	made := strings.Replace(o.quote.at("id"), "/quotes/", "/outgoing-payments/", 1)
	require.Equal(t, "586", s.ask("GET", made, token, nil, 200).at("sentAmount", "value"), "but it was paid")
}

func TestFault_DropBeforeDoesNot(t *testing.T) {
	t.Parallel()
	_, s := open(t)
	o := s.offer("buyer-usd", "worker-mxn", "10000")
	token := s.approve(o)
	plant(s, control.Fault{Kind: control.DropBefore, Method: "post", Path: "/outgoing-payments$", Body: o.quote.at("id"), Count: 1})
	_, _, err := s.try("POST", o.buyer.at("resourceServer")+"/outgoing-payments", token,
		answer{"walletAddress": o.buyer["id"], "quoteId": o.quote["id"]})
	require.Error(t, err)
	s.ask("GET", strings.Replace(o.quote.at("id"), "/quotes/", "/outgoing-payments/", 1), token, nil, 401)
	s.pay(o, token) // the fault is used up
}

func TestFault_ErrorSkipAndCount(t *testing.T) {
	t.Parallel()
	_, s := open(t)
	plant(s, control.Fault{Kind: control.ErrorStatus, Operation: "wallet-address.*", Status: 503, Skip: 1, Count: 2})
	for n, want := range []int{200, 503, 503, 200} {
		status, _, err := s.try("GET", s.base+"/yen", "", nil)
		require.NoError(t, err)
		require.Equal(t, want, status, "request %d", n)
	}
	left, err := s.control.Faults(t.Context())
	require.NoError(t, err)
	require.Empty(t, left)
	plant(s, control.Fault{Kind: control.ErrorStatus, Status: 429})
	status, _, err := s.try("GET", s.base+"/yen", "", nil)
	require.NoError(t, err)
	require.Equal(t, 429, status)
	require.NoError(t, s.control.ClearFaults(t.Context()))
	s.ask("GET", s.base+"/yen", "", nil, 200)
}

func TestFault_HangAndLatency(t *testing.T) {
	t.Parallel()
	_, s := open(t)
	plant(s, control.Fault{Kind: control.Hang, Operation: sandbox.OpWalletAddress, Count: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/yen", nil)
	require.NoError(t, err)
	_, err = noRedirects.Do(request) //nolint:bodyclose // there is none
	require.ErrorIs(t, err, context.DeadlineExceeded)

	plant(s, control.Fault{Kind: control.Latency, Latency: control.Duration(30 * time.Millisecond), Count: 1})
	s.ask("GET", s.base+"/yen", "", nil, 200)
	history, err := s.control.HistoryOf(t.Context(), sandbox.OpWalletAddress)
	require.NoError(t, err)
	require.Equal(t, control.Latency, history[len(history)-1].Fault)
	require.Equal(t, 200, history[len(history)-1].Status)
}

func TestFault_DeclineFailAndOverpay(t *testing.T) {
	t.Parallel()
	p, s := open(t)
	plant(s, control.Fault{Kind: control.Decline, Count: 1})
	require.Equal(t, "grant_rejected", s.decide(s.offer("buyer-usd", "worker-usd", "100").grant, "approve").Get("result"))

	o := s.offer("buyer-usd", "worker-usd", "100")
	token := s.approve(o)
	plant(s, control.Fault{Kind: control.FailPayment, Reason: "The bank said no.", Count: 1})
	failed := s.pay(o, token)
	settle(p)
	require.Equal(t, "The bank said no.", s.ask("GET", failed.at("id"), token, nil, 200).at("metadata", "cancellationReason"))

	// Two payments at once into one incoming payment, each delivered in full.
	first := s.offer("buyer-usd", "worker-usd", "100")
	second := first
	s.requote(&second)
	second.grant = s.askConsent(second, answer{"debitAmount": second.quote["debitAmount"]})
	one, two := s.approve(first), s.approve(second)
	plant(s, control.Fault{Kind: control.Overpay})
	s.pay(first, one)
	s.pay(second, two)
	settle(p)
	require.Equal(t, "200", s.ask("GET", first.incoming.at("id"), "", nil, 200).at("receivedAmount", "value"))
	require.True(t, p.bank.Ledger().Conserved)
}

func plant(s *shop, f control.Fault) {
	s.t.Helper()
	require.NoError(s.t, s.control.AddFault(s.t.Context(), f))
}

func TestControl_RefusesNonsense(t *testing.T) {
	t.Parallel()
	_, s := open(t)
	ctx := t.Context()
	require.ErrorContains(t, s.control.AddFault(ctx, control.Fault{Kind: "mischief"}), "mischief")
	require.ErrorContains(t, s.control.AddFault(ctx, control.Fault{Kind: control.ErrorStatus, Status: 200}), "200")
	require.ErrorContains(t, s.control.AddFault(ctx, control.Fault{Kind: control.Hang, Path: "("}), "path")
	require.ErrorContains(t, s.control.AddWallet(ctx, control.Wallet{Name: "op", AssetCode: "USD"}), "op")
	require.ErrorContains(t, s.control.AddWallet(ctx, control.Wallet{Name: "yen", AssetCode: "JPY"}), "already")
	require.ErrorContains(t, s.control.AddWallet(ctx, control.Wallet{Name: "x", AssetCode: "USD", Balance: -1}), "negative")
	require.ErrorContains(t, s.control.RegisterKey(ctx, "nobody", clientKey.jwk("k")), "no such wallet")
	require.ErrorContains(t, s.control.RegisterKey(ctx, "yen", control.JWK{Kid: "k"}), "Ed25519")
	require.ErrorContains(t, s.control.SetLifetimes(ctx, control.Lifetimes{ContinueWait: control.For(1500 * time.Millisecond)}), "whole seconds")
	require.ErrorContains(t, s.control.SetRates(ctx, map[string]control.Rate{"USD": {Num: 0, Den: 1}}), "USD")
	require.ErrorContains(t, s.control.Advance(ctx, -time.Second), "backwards")
	status, _, err := s.try("POST", s.base+"/control/faults", "", answer{"kind": "hang", "colour": "blue"})
	require.NoError(t, err)
	require.Equal(t, 400, status)
}

func TestControl_AddsAWalletThatWorks(t *testing.T) {
	t.Parallel()
	p, s := open(t)
	require.NoError(t, s.control.AddWallet(t.Context(), control.Wallet{Name: "euro", AssetCode: "EUR", AssetScale: 2, Balance: 10_000}))
	require.NoError(t, s.control.SetRates(t.Context(), map[string]control.Rate{"EUR": {Num: 2, Den: 1}}))
	o := s.offer("euro", "worker-usd", "100")
	s.pay(o, s.approve(o))
	settle(p)
	require.Equal(t, int64(10_000-50), s.balance("euro"))
	clock, err := s.control.Clock(t.Context())
	require.NoError(t, err)
	require.True(t, clock.Held)
}

// A page that re-bound its name to 127.0.0.1, or one that merely posts across
// origins, must find the control API closed.
func TestControl_IsForThisMachineOnly(t *testing.T) {
	t.Parallel()
	p, _ := open(t)
	for name, change := range map[string]func(*http.Request){
		"rebound name":   func(r *http.Request) { r.Host = "evil.example:4100" },
		"another origin": func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"cross-site":     func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, p.URL()+"/control/faults", nil)
		require.NoError(t, err)
		change(request)
		response, err := noRedirects.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusForbidden, response.StatusCode, name)
	}
}

// In a container its callers come from the network of the containers, under a name below localhost.
func TestControl_AnswersTheNetworksThatWereNamed(t *testing.T) {
	t.Parallel()
	_, network, err := net.ParseCIDR("172.16.0.0/12")
	require.NoError(t, err)
	p, _ := open(t)
	server := control.NewServer(p.bank, nil, []*net.IPNet{network})
	for _, c := range []struct {
		peer, host string
		want       int
	}{
		{"172.20.0.3:4711", "sandbox.localhost:4100", http.StatusOK},
		{"127.0.0.1:4711", "sandbox.localhost:4100", http.StatusOK},
		{"172.20.0.3:4711", "evil.example:4100", http.StatusForbidden},
		{"172.20.0.3:4711", "evillocalhost:4100", http.StatusForbidden},
		{"192.0.2.1:4711", "sandbox.localhost:4100", http.StatusForbidden},
	} {
		request := httptest.NewRequest(http.MethodGet, "http://"+c.host+"/control/wallets", nil)
		request.RemoteAddr = c.peer
		answer := httptest.NewRecorder()
		server.ServeHTTP(answer, request)
		require.Equal(t, c.want, answer.Code, "%s at %s", c.peer, c.host)
	}
}

func TestConfig_StaysOnThisMachineUnlessTold(t *testing.T) {
	t.Parallel()
	config := testConfig(t)
	for _, listen := range []string{"0.0.0.0:4100", ":4100", "192.168.1.2:4100", "[::]:4100"} {
		config.Listen = listen
		require.ErrorContains(t, config.Validate(), "SANDBOX_LISTEN", listen)
		config.AllowRemote = true
		require.NoError(t, config.Validate())
		config.AllowRemote = false
	}
	config = testConfig(t)
	config.BaseURL = "localhost:4100"
	require.ErrorContains(t, config.Validate(), "SANDBOX_BASE_URL")
}

func TestProgram_BusyPortIsSaidInWords(t *testing.T) {
	t.Parallel()
	p, _ := open(t)
	config := testConfig(t)
	config.Listen = p.listener.Addr().String()
	_, err := New(config, io.Discard)
	require.ErrorContains(t, err, "SANDBOX_LISTEN")
}

func TestProgram_StateSurvivesARestart(t *testing.T) {
	t.Parallel()
	config := testConfig(t)
	config.ContinueWait, config.SettleDelay = 0, time.Minute
	config.State = filepath.Join(t.TempDir(), "state.json")
	first, err := New(config, io.Discard)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- first.Run(ctx) }()
	s := newShop(t, first.URL())
	o := s.offer("buyer-usd", "worker-mxn", "10000")
	token := s.approve(o)
	made := s.pay(o, token)
	stop()
	require.NoError(t, <-ended)

	// The same address again; the payment that was on its way still is, and arrives.
	config.Listen, config.HeldClock = first.listener.Addr().String(), true
	second := start(t, config)
	require.Equal(t, "0", s.ask("GET", made.at("id"), token, nil, 200).at("sentAmount", "value"))
	require.Equal(t, int64(100_000), s.balance("worker-mxn"))
	second.held.Advance(time.Minute)
	public := s.ask("GET", o.incoming.at("id"), "", nil, 200)
	require.Equal(t, "10003", public.at("receivedAmount", "value"))
	require.Equal(t, int64(110_003), s.balance("worker-mxn"))
	require.True(t, second.bank.Ledger().Conserved)
	s.ask("POST", o.grant.at("continue", "uri"), o.grant.at("continue", "access_token", "value"), answer{"interact_ref": "again"}, 404)
}

func TestProgram_DamagedStateIsNotOverwritten(t *testing.T) {
	t.Parallel()
	config := testConfig(t)
	config.State = filepath.Join(t.TempDir(), "state.json")
	writeFile(t, config.State, `{"accounts":`)
	_, err := New(config, io.Discard)
	require.ErrorContains(t, err, "not readable")
}

func TestSettings_DefaultsAreTheRecordedOnes(t *testing.T) {
	t.Parallel()
	var config Config
	require.NoError(t, settings.Load(&config, ""))
	require.Equal(t, sandbox.DefaultLifetimes(), config.lifetimes())
}
