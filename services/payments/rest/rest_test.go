package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/chassis/httpserver"
	"tianguis.example/chassis/logging"
	"tianguis.example/chassis/openapi/openapitest"
	"tianguis.example/chassis/ratelimit"
	"tianguis.example/chassis/turnstile"
	"tianguis.example/payments"
	"tianguis.example/payments/api"
	"tianguis.example/payments/apikey"
	"tianguis.example/payments/egress"
	"tianguis.example/payments/money"
	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/rest"
	"tianguis.example/payments/store"
)

const (
	theKey      = "the-api-key-of-the-service"
	marketplace = "https://market.example/"
	pendingID   = payments.PaymentID("01KAR0000000000000000000AA")
)

var at = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// faked are the rules, real but for what a test replaces: wallets are asked by none of these tests.
type faked struct {
	*payments.Service
	start    func(payments.StartRequest) (payments.Payment, error)
	finish   func(context.Context, payments.PaymentID, payments.FinishRequest) (payments.Payment, error)
	incoming func(payments.IncomingRequest) (openpayments.IncomingPayment, error)
	profile  func(string) (openpayments.WalletAddress, error)
}

func (f *faked) Start(ctx context.Context, r payments.StartRequest) (payments.Payment, error) {
	if f.start == nil {
		return f.Service.Start(ctx, r)
	}
	return f.start(r)
}

func (f *faked) Finish(ctx context.Context, id payments.PaymentID, r payments.FinishRequest) (payments.Payment, error) {
	if f.finish == nil {
		return f.Service.Finish(ctx, id, r)
	}
	return f.finish(ctx, id, r)
}

func (f *faked) RequestIncoming(ctx context.Context, r payments.IncomingRequest) (openpayments.IncomingPayment, error) {
	if f.incoming == nil {
		return f.Service.RequestIncoming(ctx, r)
	}
	return f.incoming(r)
}

func (f *faked) Profile(ctx context.Context, url string) (openpayments.WalletAddress, error) {
	if f.profile == nil {
		return f.Service.Profile(ctx, url)
	}
	return f.profile(url)
}

type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Whatever goes over the wire in these tests is held against the document.
var (
	document = sync.OnceValues(func() (*openapitest.Document, error) { return openapitest.New(rest.Document) })
	watch    = openapitest.NewWatch(http.DefaultTransport)
)

// house is the service behind a real listener, on a real store.
type house struct {
	url   string
	rules *faked
	store *store.Store
	clock *clock.Held
	lines *lines
	desk  *outbox.Desk
	gate  *apikey.Gate
	news  atomic.Int32 // how often a delivery was said to be due
}

func newHouse(t *testing.T, key string) *house {
	return newHouseOn(t, key, databasetest.SQLiteAddress(t))
}

func newHouseOn(t *testing.T, key, address string) *house { return newHouseFor(t, key, address, 0) }

// newHouseFor is one that takes so many starts at a time; 0 for any number.
func newHouseFor(t *testing.T, key, address string, starts int) *house {
	t.Helper()
	clk := clock.NewHeld(at)
	h := &house{lines: &lines{}, clock: clk}
	log, err := logging.New(h.lines, "json", "debug")
	require.NoError(t, err)
	seal, err := store.ReadKeys(logging.Secret(store.GenerateKey()))
	require.NoError(t, err)
	h.store = store.New(databasetest.Open(t, address, clk, store.Migrations()), seal)
	noWallets := func(s payments.Client) (payments.Wallets, error) {
		if s.KeyID != "" {
			return payments.Wallets{}, payments.Errorf(payments.CodeInvalidKey, "not in this folder")
		}
		return payments.Wallets{}, payments.Errorf(payments.CodeNoIdentity, "no identity")
	}
	h.rules = &faked{Service: payments.New(h.store, noWallets, clk, log, payments.Settings{FinishWait: time.Second}, func() {})}
	e := httpserver.New(httpserver.Options{Log: log, Clock: clk, ErrorHandler: rest.ErrorHandler(log), BodyLimit: 64 << 10})
	h.gate = gateOf(t, key, clk)
	h.desk = outbox.NewDesk(h.store, clk, egress.Options{AllowHosts: []string{"127.0.0.1:9000"}}.Check, func() { h.news.Add(1) })
	rest.New(h.rules, h.desk, h.store, rest.Options{Gate: h.gate, Marketplace: marketplace, Guesses: ratelimit.Limit{N: guesses, Per: time.Minute}, Starts: turnstile.New(starts, clk, nil)}, clk, log).Routes(e)
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	h.url = server.URL
	d, err := document()
	require.NoError(t, err)
	watch.Service(t, h.url, d)
	return h
}

// guesses is how many returns of a payment that cannot be verified are looked at in a minute.
const guesses = 10

// gateOf asks for the keys that the configuration has.
func gateOf(t *testing.T, keys string, c clock.Clock) *apikey.Gate {
	t.Helper()
	configured, err := apikey.ParseConfigured(keys)
	require.NoError(t, err)
	return apikey.NewGate(configured, apikey.Limits{}, c)
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) failure(t *testing.T) api.Failure {
	t.Helper()
	var f api.Failure
	require.NoError(t, json.Unmarshal([]byte(a.body), &f), a.body)
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
	require.NotEmpty(t, f.Error)
	require.Equal(t, a.header.Get(httpserver.RequestIDHeader), f.RequestID)
	return f
}

type option func(*http.Request)

func header(name, value string) option { return func(r *http.Request) { r.Header.Add(name, value) } }

func withKey(r *http.Request) { r.Header.Set("Authorization", "Bearer "+theKey) }

func withHost(host string) option { return func(r *http.Request) { r.Host = host } }

func (h *house) ask(t *testing.T, method, path, body string, options ...option) answer {
	t.Helper()
	var content io.Reader = http.NoBody
	if body != "" {
		content = strings.NewReader(body)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, h.url+path, content)
	require.NoError(t, err)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, o := range options {
		o(request)
	}
	client := &http.Client{Transport: watch, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	reply, err := client.Do(request)
	require.NoError(t, err)
	defer func() { _ = reply.Body.Close() }()
	text, err := io.ReadAll(reply.Body)
	require.NoError(t, err)
	return answer{reply.StatusCode, reply.Header, string(text)}
}

func amount(t *testing.T, value int64, code string, scale uint8) money.Amount {
	t.Helper()
	a, err := money.New(value, code, scale)
	require.NoError(t, err)
	return a
}

// planted are all that must never be in an answer.
const planted = "planted-secret"

// aPayment awaits its buyer, and is full of secrets.
func aPayment(t *testing.T) payments.Payment {
	t.Helper()
	return payments.Payment{
		ID: pendingID, OfferID: "7", SellerID: "alice", Version: 1, State: payments.AwaitingApproval,
		Amount: amount(t, 10_000, "MXN", 2), DebitAmount: amount(t, 533, "USD", 2), BuyerWalletAddressURL: "https://wallet.example/bob",
		Buyer:             payments.Party{WalletAddress: "https://wallet.example/bob", AuthServer: "https://auth.example/", ResourceServer: "https://wallet.example/op"},
		IncomingPaymentID: "https://wallet.example/incoming-payments/1", QuoteID: "https://wallet.example/quotes/1", Quotes: 1,
		Consent: payments.Consent{
			RedirectURL: "https://wallet.example/interact?a=1&b=2", ClientNonce: planted, InteractNonce: planted, ContinueURI: "https://auth.example/continue/1",
			ContinueToken: planted, InteractRef: planted, ExpiresAt: at.Add(10 * time.Minute),
		},
		Token:      payments.Token{Value: planted, ManageURI: "https://auth.example/token/1"},
		NextStepAt: at.Add(10 * time.Minute), CreatedAt: at, UpdatedAt: at,
	}
}

func (h *house) keep(t *testing.T, p payments.Payment) {
	t.Helper()
	require.NoError(t, h.store.PutSeller(t.Context(), payments.Seller{ID: "alice", WalletAddressURL: "https://wallet.example/alice", CreatedAt: at, UpdatedAt: at}, nil))
	require.NoError(t, h.store.Record(t.Context(), payments.Change{After: p}))
}

// discard is for echo instances that serve nothing.
func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
