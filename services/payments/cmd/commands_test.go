package cmd

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/chassis/logging"
	"tianguis.example/payments"
	"tianguis.example/payments/money"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/store"
	"tianguis.example/payments/webhook"
)

var at = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const (
	paidID    = payments.PaymentID("01KAR0000000000000000000AA")
	waitingID = payments.PaymentID("01KAR0000000000000000000BB")
)

// prepared is a database with a paid payment, whose webhook was refused once, and one that waits for its buyer.
func prepared(t *testing.T) map[string]string {
	t.Helper()
	all := good(t, nil)
	seal, err := store.ReadKeys(logging.Secret(all["TOKEN_ENCRYPTION_KEY"]))
	require.NoError(t, err)
	keep := store.New(databasetest.Open(t, all["DATABASE_URL"], clock.NewHeld(at), store.Migrations()), seal)
	require.NoError(t, keep.PutSeller(t.Context(), payments.Seller{ID: "alice", WalletAddressURL: "https://wallet.example/alice", CreatedAt: at, UpdatedAt: at}, nil))

	amount, err := money.New(10_000, "MXN", 2)
	require.NoError(t, err)
	p := payments.Payment{
		ID: paidID, OfferID: "7", SellerID: "alice", Version: 1, State: payments.Created, Amount: amount,
		Buyer: payments.Party{WalletAddress: "https://wallet.example/bob"}, Seller: payments.Party{WalletAddress: "https://wallet.example/alice"},
		Consent:    payments.Consent{ContinueToken: planted, ClientNonce: planted, InteractRef: planted, InteractNonce: planted},
		Token:      payments.Token{Value: planted},
		NextStepAt: at.Add(time.Minute), CreatedAt: at, UpdatedAt: at,
	}
	require.NoError(t, keep.Record(t.Context(), payments.Change{
		After: p, Audit: &payments.AuditEvent{PaymentID: p.ID, At: at, Actor: payments.ByMarketplace, To: payments.Created, Detail: "100.00 MXN"},
	}))
	paid := p
	paid.Version, paid.State, paid.OutgoingPaymentID = 2, payments.Paid, "https://wallet.example/outgoing-payments/1"
	paid.ReceivedAmount, paid.NextStepAt, paid.PaidAt, paid.UpdatedAt = amount, time.Time{}, at.Add(time.Second), at.Add(time.Second)
	require.NoError(t, keep.Record(t.Context(), payments.Change{
		Before: p, After: paid,
		Audit: &payments.AuditEvent{PaymentID: p.ID, At: paid.PaidAt, Actor: payments.ByBuyer, From: payments.Created, To: payments.Paid, Detail: "the seller received 100.00 MXN"},
		Event: &webhook.Event{Type: webhook.Completed, PendingID: string(p.ID), OfferID: "7", Status: "paid", Timestamp: paid.PaidAt},
	}))
	waiting := p
	waiting.ID, waiting.OfferID, waiting.State = waitingID, "8", payments.AwaitingApproval
	require.NoError(t, keep.Record(t.Context(), payments.Change{After: waiting}))

	due, err := keep.ClaimDeliveries(t.Context(), outbox.Configured, 1, at.Add(time.Minute), at.Add(2*time.Minute))
	require.NoError(t, err)
	require.Len(t, due, 1)
	d := due[0]
	lease := d.NextAt
	d.Attempts, d.Failures, d.NextAt = 1, 1, at.Add(time.Hour)
	require.NoError(t, keep.RecordAttempts(t.Context(), []outbox.Outcome{{Delivery: d, Lease: lease, Attempt: outbox.Attempt{
		DeliveryID: d.ID, Number: 1, At: at.Add(time.Minute), Status: 503, Duration: 12 * time.Millisecond, Excerpt: "try later\n",
	}}}))
	return all
}

// fields are what a command printed, a row of words each line.
func fields(out string) [][]string {
	var rows [][]string
	for line := range strings.Lines(out) {
		rows = append(rows, strings.Fields(line))
	}
	return rows
}

func TestPaymentShow(t *testing.T) {
	t.Parallel()
	all := prepared(t)
	out, err := run(t, all, "payment", "show", string(paidID))
	require.NoError(t, err)
	for _, fact := range []string{string(paidID), "paid", "100.00 MXN", "https://wallet.example/outgoing-payments/1", "the seller received 100.00 MXN", "503", "try later"} {
		require.Contains(t, out, fact)
	}
	require.NotContains(t, out, planted)

	out, err = run(t, all, "payment", "show", "--json", string(paidID))
	require.NoError(t, err)
	require.NotContains(t, out, planted)
	var story struct {
		Payment struct{ PendingID, OfferID, State, Amount, ReceivedAmount string }
		Events  []struct {
			Number          int
			Actor, From, To string
		}
		Webhooks []struct {
			ID, Type, State string
			Attempts        []struct {
				Status     int
				DurationMS int
				Answer     string
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(out), &story), out)
	require.Equal(t, string(paidID), story.Payment.PendingID)
	require.Equal(t, "paid", story.Payment.State)
	require.Equal(t, "100.00 MXN", story.Payment.ReceivedAmount)
	require.Len(t, story.Events, 2)
	require.Equal(t, "buyer", story.Events[1].Actor)
	require.Equal(t, 2, story.Events[1].Number)
	require.Len(t, story.Webhooks, 1)
	require.Equal(t, "pending", story.Webhooks[0].State)
	require.Equal(t, 503, story.Webhooks[0].Attempts[0].Status)
	require.Equal(t, 12, story.Webhooks[0].Attempts[0].DurationMS)

	for id, says := range map[string]string{"01KAR0000000000000000000ZZ": "01KAR0000000000000000000ZZ", "test-123": "pendingId", "": "pendingId"} {
		_, err := run(t, all, "payment", "show", id)
		require.ErrorContains(t, err, says)
	}
}

func TestPaymentList(t *testing.T) {
	t.Parallel()
	all := prepared(t)
	ids := func(args ...string) []string {
		out, err := run(t, all, append([]string{"payment", "list", "--json"}, args...)...)
		require.NoError(t, err)
		require.NotContains(t, out, planted)
		var rows []struct{ PendingID string }
		require.NoError(t, json.Unmarshal([]byte(out), &rows), out)
		found := []string{}
		for _, row := range rows {
			found = append(found, row.PendingID)
		}
		return found
	}
	require.Equal(t, []string{string(waitingID), string(paidID)}, ids(), "newest first")
	require.Equal(t, []string{string(waitingID)}, ids("--pending"))
	require.Equal(t, []string{string(waitingID)}, ids("--limit", "1"))

	out, err := run(t, all, "payment", "list")
	require.NoError(t, err)
	rows := fields(out)
	require.Len(t, rows, 3)
	require.Equal(t, []string{string(paidID), "7", "paid", "100.00", "MXN"}, rows[2][:5])
}

func TestWebhookList(t *testing.T) {
	t.Parallel()
	all := prepared(t)
	for state, want := range map[string]int{"": 1, "pending": 1, "delivered": 0, "dead": 0} {
		out, err := run(t, all, "webhook", "list", "--json", "--state", state)
		require.NoError(t, err)
		var rows []struct{ OfferID, Type, State, NextAt string }
		require.NoError(t, json.Unmarshal([]byte(out), &rows), out)
		require.Len(t, rows, want, state)
		if want == 1 {
			require.Equal(t, "payment.completed", rows[0].Type)
			require.Equal(t, "2026-11-23T13:00:00Z", rows[0].NextAt)
		}
	}
	out, err := run(t, all, "webhook", "list")
	require.NoError(t, err)
	require.Contains(t, out, "payment.completed of offer 7")
	require.Contains(t, out, `"try later\n"`)
	_, err = run(t, all, "webhook", "list", "--state", "lost")
	require.ErrorContains(t, err, "lost")
}

func TestSellerAddAndList(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	newKey(t, filepath.Join(folder, "carol.pem"))
	all := good(t, map[string]string{"KEY_FOLDER": folder}) // a database that is not there yet
	_, err := run(t, all, "seller", "list", "--json")
	require.ErrorContains(t, err, "there is no database", "a command that looks makes nothing")
	_, err = run(t, all, "seller", "add", "--id", "bob", "--wallet-address", "https://wallet.example/b")
	require.NoError(t, err)
	out, err := run(t, all, "seller", "add", "--id", "bob", "--wallet-address", "https://wallet.example/bob")
	require.NoError(t, err)
	require.Equal(t, "seller bob is paid at https://wallet.example/bob\n", out)
	_, err = run(t, all, "seller", "add", "--id", "carol", "--wallet-address", "https://wallet.example/carol", "--key-id", "key-1", "--private-key", "carol.pem")
	require.NoError(t, err)
	for _, args := range [][]string{
		{"--id", "dave"}, {"--wallet-address", "https://wallet.example/dave"}, {"--id", "dave", "--wallet-address", "dave"},
		{"--id", "d v", "--wallet-address", "https://wallet.example/dave"},
		{"--id", "dave", "--wallet-address", "https://wallet.example/dave", "--key-id", "k"},
		{"--id", "dave", "--wallet-address", "https://wallet.example/dave", "--key-id", "k", "--private-key", "../dave.pem"},
	} {
		_, err := run(t, all, append([]string{"seller", "add"}, args...)...)
		require.Error(t, err, args)
	}

	out, err = run(t, all, "seller", "list", "--json")
	require.NoError(t, err)
	var rows []struct{ ID, WalletAddressURL, KeyID, PrivateKeyPath string }
	require.NoError(t, json.Unmarshal([]byte(out), &rows), out)
	require.Len(t, rows, 2)
	require.Equal(t, "https://wallet.example/bob", rows[0].WalletAddressURL)
	require.Equal(t, "key-1", rows[1].KeyID)
	require.Contains(t, out, `"walletAddressUrl"`)
	out, err = run(t, all, "seller", "list")
	require.NoError(t, err)
	require.Equal(t, []string{"bob", "https://wallet.example/bob", "(the", "platform's)"}, fields(out)[1])
}

func TestCommand_SaysWhatThereIs(t *testing.T) {
	t.Parallel()
	out, err := run(t, nil, "help")
	require.NoError(t, err)
	for _, name := range []string{"serve", "migrate", "seller", "payment", "webhook", "audit", "key", "secret", "config", "version"} {
		require.Contains(t, out, "\n  "+name+" ")
	}
	out, err = run(t, nil, "version")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(out, "payments "))
	_, err = run(t, nil, "pay")
	require.ErrorContains(t, err, "pay")
}
