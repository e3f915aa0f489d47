package payments

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/money"
	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/webhook"
)

var update = flag.Bool("update", false, "write the table of transitions into the docs")

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func mxn(t *testing.T, value int64) money.Amount {
	t.Helper()
	a, err := money.New(value, "MXN", 2)
	require.NoError(t, err)
	return a
}

// TestTransitions_EveryStateAndEvent is the table of transitions, written a second time by hand.
func TestTransitions_EveryStateAndEvent(t *testing.T) {
	t.Parallel()
	events := map[string]struct {
		decide func(p Payment) (Change, error)
		from   []State
		to     State
	}{
		"await approval": {func(p Payment) (Change, error) {
			return p.AwaitApproval(negotiated{quote: openpayments.Quote{DebitAmount: mxn(t, 1)}, consent: Consent{ExpiresAt: noon.Add(time.Minute)}}, noon)
		}, []State{Created}, AwaitingApproval},
		"approve":     {func(p Payment) (Change, error) { return p.Approve("ref", noon) }, []State{AwaitingApproval}, Approved},
		"authorize":   {func(p Payment) (Change, error) { return p.Authorize(openpayments.AccessToken{Value: "t"}, noon) }, []State{Approved}, Authorized},
		"send":        {func(p Payment) (Change, error) { return p.Send("https://wallet.example/outgoing", noon) }, []State{Authorized}, Sending},
		"settle":      {func(p Payment) (Change, error) { return p.Settle(mxn(t, 100), noon) }, []State{Sending}, Paid},
		"settle late": {func(p Payment) (Change, error) { return p.SettleLate(mxn(t, 100), noon) }, []State{Failed}, PaidLate},
		"end":         {func(p Payment) (Change, error) { return p.End(Expired, noon) }, []State{AwaitingApproval}, AwaitingApproval},
		"fail":        {func(p Payment) (Change, error) { return p.Fail(WalletError, "why", noon) }, []State{Created, AwaitingApproval, Approved, Authorized, Sending}, Failed},
	}
	for name, event := range events {
		for _, state := range States {
			before := Payment{ID: "01", State: state, Version: 7, Amount: mxn(t, 100), NextStepAt: noon}
			c, err := event.decide(before)
			allowed := false
			for _, from := range event.from {
				allowed = allowed || from == state
			}
			if !allowed {
				require.Equal(t, CodeWrongState, CodeOf(err), "%s from %s", name, state)
				require.Zero(t, c, "a refused change must be empty: %s from %s", name, state)
				continue
			}
			require.NoError(t, err, "%s from %s", name, state)
			require.Equal(t, before, c.Before)
			require.Equal(t, event.to, c.After.State)
			require.Equal(t, int64(8), c.After.Version)
			require.Equal(t, noon, c.After.UpdatedAt)
			require.Equal(t, AuditEvent{PaymentID: "01", At: noon, From: state, To: event.to, Reason: c.Audit.Reason, Detail: c.Audit.Detail}, *c.Audit)
			if event.to.Ended() {
				require.False(t, c.held, "nobody works on it any more")
				require.Equal(t, state != Created, c.Event != nil, "an end is told, unless nobody knows of the payment: %s from %s", name, state)
			} else {
				require.True(t, c.held || c.After.NextStepAt.After(noon), "somebody must come back to it")
				require.Nil(t, c.Event)
			}
		}
	}
}

func TestTransitions_WhatIsFinal(t *testing.T) {
	t.Parallel()
	for _, s := range States {
		require.Equal(t, s == Paid || s == Failed || s == PaidLate, s.Ended(), s)
		require.Equal(t, s == Paid || s == PaidLate, len(transitions[s]) == 0, s)
	}
	for _, reason := range []Reason{Rejected, Expired, Canceled, AuthorizationLost, QuoteTooDear, InsufficientFunds, PaymentFailed, PaidInPart, WalletError, OutcomeUnknown, Interrupted} {
		require.NotEmpty(t, words[reason], reason)
	}
	require.Len(t, words, 11)
}

func TestSettle_WantsTheWholeAmount(t *testing.T) {
	t.Parallel()
	p := Payment{State: Sending, Amount: mxn(t, 10000)}
	usd, err := money.New(10000, "USD", 2)
	require.NoError(t, err)
	for _, little := range []money.Amount{{}, mxn(t, 0), mxn(t, 9999), usd} {
		_, err := p.Settle(little, noon)
		require.Equal(t, CodeWrongState, CodeOf(err), little)
	}
	for _, enough := range []int64{10000, 10003} { // traces/05-07-cross-currency.json ended at 10003
		c, err := p.Settle(mxn(t, enough), noon)
		require.NoError(t, err)
		require.Equal(t, enough, c.After.ReceivedAmount.Value())
		require.Equal(t, noon, c.After.PaidAt)
		require.Equal(t, webhook.Completed, c.Event.Type)
		require.Equal(t, "paid", c.Event.Status)
	}
}

func TestRequote_OnlyWithinTheConsent(t *testing.T) {
	t.Parallel()
	p := Payment{State: Authorized, DebitAmount: mxn(t, 500), QuoteID: "old", Quotes: 1}
	c, err := p.Requote(openpayments.Quote{ID: "new", DebitAmount: mxn(t, 500)}, noon)
	require.NoError(t, err)
	require.Equal(t, "new", c.After.QuoteID)
	require.Equal(t, 2, c.After.Quotes)
	_, err = p.Requote(openpayments.Quote{ID: "new", DebitAmount: mxn(t, 501)}, noon)
	require.Equal(t, CodeQuoteTooDear, CodeOf(err))
	usd, err := money.New(1, "USD", 2)
	require.NoError(t, err)
	_, err = p.Requote(openpayments.Quote{ID: "new", DebitAmount: usd}, noon)
	require.Equal(t, CodeQuoteTooDear, CodeOf(err))
}

func TestApprove_NotWhileItIsBeingEnded(t *testing.T) {
	t.Parallel()
	c, err := Payment{State: AwaitingApproval}.End(Rejected, noon)
	require.NoError(t, err)
	_, err = c.After.Approve("ref", noon)
	require.Equal(t, CodeWrongState, CodeOf(err))
}

func TestBackoff_GrowsAndHonoursTheWallet(t *testing.T) {
	t.Parallel()
	require.Equal(t, time.Second, backoff(0, nil))
	require.Equal(t, 8*time.Second, backoff(3, nil))
	require.Equal(t, 5*time.Minute, backoff(1000, nil))
	require.Equal(t, 42*time.Second, backoff(0, &openpayments.Error{Kind: openpayments.ErrTooManyRequests, RetryAfter: 42 * time.Second}))
	require.Equal(t, time.Hour, backoff(0, &openpayments.Error{Kind: openpayments.ErrTooManyRequests, RetryAfter: 1000 * time.Hour}))
	require.Equal(t, 100*time.Millisecond, settleAgain(0))
	require.Equal(t, 5*time.Minute, settleAgain(1000))
}

// The table in the docs is printed from the code: go test -run InTheDocs -update .
func TestTransitions_AreInTheDocs(t *testing.T) {
	t.Parallel()
	const file, begin, end = "../../docs/architecture.md", "<!-- transitions -->\n", "<!-- /transitions -->\n"
	var table strings.Builder
	table.WriteString("| state | may become |\n|---|---|\n")
	for _, s := range States {
		next := make([]string, len(transitions[s]))
		for i, n := range transitions[s] {
			next[i] = fmt.Sprintf("`%s`", n)
		}
		if len(next) == 0 {
			next = []string{"– (final)"}
		}
		fmt.Fprintf(&table, "| `%s` | %s |\n", s, strings.Join(next, ", "))
	}
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(content), begin)
	require.True(t, found, "the docs have no place for the table")
	printed, after, found := strings.Cut(rest, end)
	require.True(t, found)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(before+begin+table.String()+end+after), 0o644))
		return
	}
	require.Equal(t, table.String(), printed, "run: go test -run InTheDocs -update . in services/payments")
}
