package sandbox_test

import (
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/sandbox"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// till is a bank with two wallets, whose clock is held.
type till struct {
	*sandbox.Bank
	clock *clock.Held
}

func newTill(t testing.TB, payer, payee sandbox.Asset, balance int64) till {
	t.Helper()
	held := clock.NewHeld(noon)
	b, err := sandbox.New(sandbox.Options{
		Clock: held, BaseURL: "http://localhost:4100", Lifetimes: sandbox.DefaultLifetimes(), SlippagePPM: 10_000,
	})
	require.NoError(t, err)
	require.NoError(t, b.AddAccount(sandbox.Account{Name: "payer", Tenant: "sierra", Asset: payer}, balance))
	require.NoError(t, b.AddAccount(sandbox.Account{Name: "payee", Tenant: "bahia", Asset: payee}, 0))
	return till{b, held}
}

func access(tenant, account, grant string, limits *sandbox.Limits) sandbox.Access {
	return sandbox.Access{
		GrantID: grant, Tenant: tenant, Account: account, Client: sandbox.Client{WalletAddress: "http://localhost:4100/shop"},
		Item: sandbox.AccessItem{Type: sandbox.AccessOutgoing, Actions: []string{"create"}, Limits: limits},
	}
}

func (b till) ask(t testing.TB, amount sandbox.Amount) (sandbox.IncomingPayment, string) {
	t.Helper()
	p, err := b.CreateIncoming(access("bahia", "payee", "g", nil), sandbox.IncomingRequest{Amount: &amount})
	require.NoError(t, err)
	return p, b.ResourceServer("bahia") + "/incoming-payments/" + p.ID
}

var usd, mxn = sandbox.Asset{Code: "USD", Scale: 2}, sandbox.Asset{Code: "MXN", Scale: 2}

// Amounts that a real wallet was recorded to quote (testdata/traces).
func TestQuote_RecordedAmounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		payee          sandbox.Asset
		receive, debit int64
	}{{usd, 1250, 1263}, {usd, 500, 506}, {usd, 300, 304}, {usd, 100, 102}, {mxn, 10000, 592}, {sandbox.Asset{Code: "EUR", Scale: 2}, 500, 556}} {
		b := newTill(t, usd, c.payee, 1_000_000)
		_, receiver := b.ask(t, sandbox.Amount{Value: c.receive, Asset: c.payee})
		q, err := b.CreateQuote(access("sierra", "payer", "g", nil), sandbox.QuoteRequest{Receiver: receiver})
		require.NoError(t, err)
		require.Equal(t, c.debit, q.Debit.Value, "%d of %s", c.receive, c.payee)
	}
	for debit, receive := range map[int64]int64{500: 495, 202: 199, 303: 299} {
		b := newTill(t, usd, usd, 1_000_000)
		_, receiver := b.ask(t, sandbox.Amount{Value: 1000, Asset: usd})
		q, err := b.CreateQuote(access("sierra", "payer", "g", nil), sandbox.QuoteRequest{Receiver: receiver, Debit: &sandbox.Amount{Value: debit, Asset: usd}})
		require.NoError(t, err)
		require.Equal(t, receive, q.Receive.Value, "%d spent", debit)
	}
}

func TestQuote_WithoutARateIsRefused(t *testing.T) {
	t.Parallel()
	b := newTill(t, usd, sandbox.Asset{Code: "XXX", Scale: 2}, 1_000_000)
	_, receiver := b.ask(t, sandbox.Amount{Value: 100, Asset: sandbox.Asset{Code: "XXX", Scale: 2}})
	_, err := b.CreateQuote(access("sierra", "payer", "g", nil), sandbox.QuoteRequest{Receiver: receiver})
	require.ErrorIs(t, err, sandbox.ErrInvalidAmount)
}

// Whatever is paid between whichever assets: no less arrives than was asked, no more
// is debited than was quoted, and every asset's books add up.
func FuzzPayment_ArrivesInFullAndConservesMoney(f *testing.F) {
	f.Add(int64(10000), uint8(2), uint8(2), int64(100), int64(1707))
	f.Add(int64(1), uint8(9), uint8(0), int64(4000), int64(1))
	f.Add(int64(999_999_999), uint8(0), uint8(9), int64(3), int64(7))
	f.Fuzz(func(t *testing.T, value int64, from, to uint8, num, den int64) {
		if value <= 0 || value > 1e12 || from > 9 || to > 9 || num <= 0 || den <= 0 || num > 1e6 || den > 1e6 {
			return
		}
		payer, payee := sandbox.Asset{Code: "USD", Scale: from}, sandbox.Asset{Code: "QQQ", Scale: to}
		b := newTill(t, payer, payee, 1<<62)
		require.NoError(t, b.SetRates(map[string]sandbox.Rate{"QQQ": {Num: num, Den: den}}))
		in, receiver := b.ask(t, sandbox.Amount{Value: value, Asset: payee})
		q, err := b.CreateQuote(access("sierra", "payer", "g", nil), sandbox.QuoteRequest{Receiver: receiver})
		if err != nil {
			return // beyond the ledger's range
		}
		made, _, err := b.CreateOutgoing(access("sierra", "payer", "g", nil), sandbox.OutgoingRequest{Quote: q.ID})
		require.NoError(t, err)
		b.clock.Advance(time.Second)
		paid, err := b.Outgoing("sierra", made.ID)
		require.NoError(t, err)
		got, err := b.Incoming("bahia", in.ID)
		require.NoError(t, err)
		require.True(t, b.Ledger().Conserved)
		if paid.Failed {
			require.Zero(t, got.Received.Value)
			return
		}
		require.GreaterOrEqual(t, got.Received.Value, value)
		require.LessOrEqual(t, paid.Sent.Value, q.Debit.Value)
	})
}

func TestAmount_DecimalText(t *testing.T) {
	t.Parallel()
	for want, a := range map[string]sandbox.Amount{
		"12.50": {Value: 1250, Asset: usd}, "0.05": {Value: 5, Asset: usd}, "0.00": {Asset: usd}, "-0.05": {Value: -5, Asset: usd},
		"7": {Value: 7, Asset: sandbox.Asset{Code: "JPY"}}, "0.000000001": {Value: 1, Asset: sandbox.Asset{Code: "XAU", Scale: 9}},
	} {
		require.Equal(t, want, a.Decimal())
	}
	require.Equal(t, "-92233720368547758.08", sandbox.Amount{Value: -1 << 63, Asset: usd}.Decimal())
}

func TestAmount_RefusesWhatIsNoWholeNumber(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "-1", "1.5", "1e3", "9223372036854775808", " 1"} {
		var a sandbox.Amount
		require.Error(t, a.UnmarshalJSON(fmt.Appendf(nil, `{"value":%q,"assetCode":"USD","assetScale":2}`, value)), value)
	}
	require.Error(t, new(sandbox.Amount).UnmarshalJSON([]byte(`{"value":5}`)))
	var most sandbox.Amount
	require.NoError(t, most.UnmarshalJSON([]byte(`{"value":"9223372036854775807","assetCode":"USD","assetScale":2}`)))
	require.Zero(t, big.NewInt(most.Value).Cmp(big.NewInt(1<<63-1)))
}
