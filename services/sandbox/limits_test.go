package sandbox_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/sandbox"
)

func (b till) pay(t *testing.T, receiver string, a sandbox.Access) (sandbox.OutgoingPayment, error) {
	t.Helper()
	q, err := b.CreateQuote(a, sandbox.QuoteRequest{Receiver: receiver})
	require.NoError(t, err)
	p, _, err := b.CreateOutgoing(a, sandbox.OutgoingRequest{Quote: q.ID})
	return p, err
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limits func(receiver string) *sandbox.Limits
		want   error
	}{
		"none":                  {func(string) *sandbox.Limits { return nil }, nil},
		"exactly the debit":     {func(string) *sandbox.Limits { return &sandbox.Limits{Debit: &sandbox.Amount{Value: 506, Asset: usd}} }, nil},
		"a unit less":           {func(string) *sandbox.Limits { return &sandbox.Limits{Debit: &sandbox.Amount{Value: 505, Asset: usd}} }, sandbox.ErrUnauthorizedPayment},
		"another asset":         {func(string) *sandbox.Limits { return &sandbox.Limits{Debit: &sandbox.Amount{Value: 9999, Asset: mxn}} }, sandbox.ErrUnauthorizedPayment},
		"exactly what arrives":  {func(string) *sandbox.Limits { return &sandbox.Limits{Receive: &sandbox.Amount{Value: 500, Asset: usd}} }, nil},
		"less than arrives":     {func(string) *sandbox.Limits { return &sandbox.Limits{Receive: &sandbox.Amount{Value: 499, Asset: usd}} }, sandbox.ErrUnauthorizedPayment},
		"the receiver":          {func(r string) *sandbox.Limits { return &sandbox.Limits{Receiver: r} }, nil},
		"another way to say it": {func(r string) *sandbox.Limits { return &sandbox.Limits{Receiver: r + "/"} }, sandbox.ErrUnauthorizedPayment},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newTill(t, usd, usd, 1_000_000)
			_, receiver := b.ask(t, sandbox.Amount{Value: 500, Asset: usd})
			_, err := b.pay(t, receiver, access("sierra", "payer", "g", c.limits(receiver)))
			require.ErrorIs(t, err, c.want)
		})
	}
}

func TestLimits_AreCumulativeAndFreedByFailure(t *testing.T) {
	t.Parallel()
	b := newTill(t, usd, usd, 1_000_000)
	a := access("sierra", "payer", "g", &sandbox.Limits{Debit: &sandbox.Amount{Value: 506, Asset: usd}})
	_, first := b.ask(t, sandbox.Amount{Value: 500, Asset: usd})
	_, second := b.ask(t, sandbox.Amount{Value: 500, Asset: usd})
	_, err := b.AddFault(sandbox.Fault{Kind: sandbox.FailPayment, Count: 1})
	require.NoError(t, err)
	failing, err := b.pay(t, first, a)
	require.NoError(t, err)
	_, err = b.pay(t, second, a)
	require.ErrorIs(t, err, sandbox.ErrUnauthorizedPayment, "what is on its way counts")
	b.clock.Advance(time.Second)
	failed, err := b.Outgoing("sierra", failing.ID)
	require.NoError(t, err)
	require.True(t, failed.Failed)
	_, err = b.pay(t, second, a)
	require.NoError(t, err)
	require.Equal(t, int64(506), b.Spent(a).Debit.Value)
}

func TestToken_LivesDiesAndIsCleanedUp(t *testing.T) {
	t.Parallel()
	b := newTill(t, usd, usd, 0)
	_, token, err := b.RequestGrant(sandbox.GrantRequest{
		Tenant: "sierra", Access: []sandbox.AccessItem{{Type: sandbox.AccessQuote, Actions: []string{"create"}}},
	})
	require.NoError(t, err)
	may := func(action string) error {
		_, err := b.Allow(sandbox.AccessQuery{Tenant: "sierra", Token: token.Value, Type: sandbox.AccessQuote, Action: action})
		return err
	}
	require.NoError(t, may("create"))
	require.ErrorIs(t, may("read"), sandbox.ErrInsufficientGrant)
	_, err = b.Allow(sandbox.AccessQuery{Tenant: "bahia", Token: token.Value, Type: sandbox.AccessQuote, Action: "create"})
	require.ErrorIs(t, err, sandbox.ErrInactiveToken)
	b.clock.Advance(10 * time.Minute)
	require.ErrorIs(t, may("create"), sandbox.ErrInactiveToken)
	_, _, err = b.Rotate(token.ManageID, "guess")
	require.ErrorIs(t, err, sandbox.ErrTokenNotFound)
	b.clock.Advance(29 * 24 * time.Hour)
	b.Clean()
	_, rotated, err := b.Rotate(token.ManageID, token.Value)
	require.NoError(t, err)
	b.clock.Advance(31 * 24 * time.Hour)
	b.Clean()
	_, _, err = b.Rotate(rotated.ManageID, rotated.Value)
	require.ErrorIs(t, err, sandbox.ErrInvalidAccessToken)
}

func TestIncoming_ExpiresUnpaidAndIsGone(t *testing.T) {
	t.Parallel()
	b := newTill(t, usd, usd, 0)
	p, _ := b.ask(t, sandbox.Amount{Value: 500, Asset: usd})
	b.clock.Advance(30*24*time.Hour - time.Second)
	_, err := b.Incoming("bahia", p.ID)
	require.NoError(t, err)
	b.clock.Advance(time.Second)
	_, err = b.Incoming("bahia", p.ID)
	require.ErrorIs(t, err, sandbox.ErrNotFound)
}

func TestLists_PageThroughAll(t *testing.T) {
	t.Parallel()
	b := newTill(t, usd, usd, 0)
	var made []string
	for range 5 {
		p, _ := b.ask(t, sandbox.Amount{Value: 500, Asset: usd})
		made = append([]string{p.ID}, made...) // newest first
	}
	a := access("bahia", "payee", "g", nil)
	var seen []string
	q := sandbox.PageQuery{First: 2}
	for {
		page, err := b.ListIncoming(a, q)
		require.NoError(t, err)
		for _, p := range page.Items {
			seen = append(seen, p.ID)
		}
		require.Equal(t, q.Cursor != "", page.HasPrevious)
		if q.Cursor = page.End; !page.HasNext {
			break
		}
	}
	require.Equal(t, made, seen)
	back, err := b.ListIncoming(a, sandbox.PageQuery{Last: 2, Cursor: made[3]})
	require.NoError(t, err)
	require.Equal(t, made[1], back.Start)
	require.Equal(t, made[2], back.End)
	other := a
	other.Client = sandbox.Client{WalletAddress: "http://localhost:4100/other"}
	none, err := b.ListIncoming(other, sandbox.PageQuery{})
	require.NoError(t, err)
	require.Empty(t, none.Items, "another client's payments are not listed")
}
