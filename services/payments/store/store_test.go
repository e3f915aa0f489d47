package store_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/chassis/logging"
	"tianguis.example/payments"
	"tianguis.example/payments/money"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/store"
	"tianguis.example/payments/webhook"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 123456000, time.UTC)

func each(t *testing.T, f func(t *testing.T, s *store.Store, db *database.DB)) {
	t.Helper()
	databasetest.EachAndLosing(t, store.Migrations(), func(t *testing.T, db *database.DB) {
		seal, err := store.ReadKeys(logging.Secret(store.GenerateKey()))
		require.NoError(t, err)
		s := store.New(db, seal)
		require.NoError(t, s.PutSeller(t.Context(), payments.Seller{ID: "wendy", WalletAddressURL: "https://seller.example/wendy", CreatedAt: noon, UpdatedAt: noon}, nil))
		f(t, s, db)
	})
}

func amount(t *testing.T, value int64, code string, scale uint8) money.Amount {
	t.Helper()
	a, err := money.New(value, code, scale)
	require.NoError(t, err)
	return a
}

// whole is a payment with something in every field.
func whole(t *testing.T, id, offer string) payments.Payment {
	t.Helper()
	return payments.Payment{
		ID: payments.PaymentID(id), OfferID: offer, SellerID: "wendy", Version: 1, State: payments.AwaitingApproval,
		Reason: "r", Message: "m", Ending: payments.Rejected,
		Amount: amount(t, 9223372036854775807, "MXN", 2), DebitAmount: amount(t, 600, "XAU", 9), ReceivedAmount: amount(t, 0, "JPY", 0),
		BuyerWalletAddressURL: "https://buyer.example/b",
		Buyer:                 payments.Party{WalletAddress: "https://buyer.example/b", AuthServer: "https://a", ResourceServer: "https://r"},
		Seller:                payments.Party{WalletAddress: "https://seller.example/wendy", AuthServer: "https://sa", ResourceServer: "https://sr"},
		IncomingPaymentID:     "https://sr/incoming-payments/1", QuoteID: "https://r/quotes/1", Quotes: 2, OutgoingPaymentID: "https://r/outgoing-payments/1",
		Consent: payments.Consent{
			RedirectURL: "https://a/interact", ClientNonce: "planted-nonce", InteractNonce: "as", ContinueURI: "https://a/continue",
			ContinueToken: "planted-continue", ContinueNotUntil: noon.Add(5 * time.Second), ExpiresAt: noon.Add(10 * time.Minute), InteractRef: "planted-ref",
		},
		Token:      payments.Token{Value: "planted-access", ManageURI: "https://a/token", ExpiresAt: noon.Add(time.Hour)},
		NextStepAt: noon.Add(time.Minute), Tries: 3, CreatedAt: noon, UpdatedAt: noon.Add(time.Microsecond), ApprovedAt: noon.Add(time.Minute), PaidAt: noon.Add(time.Hour),
		Since: noon.Add(time.Second), AskedAt: noon.Add(2 * time.Second), Trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
}

const first, second, third = "01JDDDDDDDDDDDDDDDDDDDDDD1", "01JDDDDDDDDDDDDDDDDDDDDDD2", "01JDDDDDDDDDDDDDDDDDDDDDD3"

func TestRecord_RoundTrip(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		p := whole(t, first, "1")
		require.NoError(t, s.Record(t.Context(), payments.Change{After: p}))
		got, err := s.Payment(t.Context(), p.ID)
		require.NoError(t, err)
		require.Equal(t, p, got)

		// and every field can be emptied again
		empty := payments.Payment{
			ID: p.ID, OfferID: p.OfferID, SellerID: p.SellerID, Version: 2, State: payments.Failed, Amount: p.Amount,
			BuyerWalletAddressURL: p.BuyerWalletAddressURL, Buyer: p.Buyer, Seller: p.Seller, CreatedAt: noon, UpdatedAt: noon,
		}
		require.NoError(t, s.Record(t.Context(), payments.Change{Before: p, After: empty}))
		got, err = s.Payment(t.Context(), p.ID)
		require.NoError(t, err)
		require.Equal(t, empty, got)

		_, err = s.Payment(t.Context(), second)
		require.ErrorIs(t, err, payments.ErrUnknown)
	})
}

func TestRecord_StaleChangesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		p := whole(t, first, "1")
		require.NoError(t, s.Record(t.Context(), payments.Change{After: p}))
		c, err := p.Fail(payments.Expired, "x", noon)
		require.NoError(t, err)
		stale := c
		stale.Before.Version = 7
		require.ErrorIs(t, s.Record(t.Context(), stale), payments.ErrStale)
		require.NoError(t, s.Record(t.Context(), c))
		require.ErrorIs(t, s.Record(t.Context(), c), payments.ErrStale, "the same change twice")

		trail, err := s.AuditTrail(t.Context(), p.ID)
		require.NoError(t, err)
		require.Len(t, trail, 1, "what was refused left no trace")
		deliveries, err := s.Deliveries(t.Context(), p.ID)
		require.NoError(t, err)
		require.Len(t, deliveries, 1)
	})
}

func TestRecord_StateAuditAndDeliveryTogether(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		p := whole(t, first, "1")
		require.NoError(t, s.Record(t.Context(), payments.Change{After: p}))
		c, err := p.Fail(payments.Rejected, "the buyer said no", noon)
		require.NoError(t, err)
		c.Audit.Actor = payments.ByBuyer

		// With the outbox out of order, nothing at all is committed.
		databasetest.Exec(t, db, "ALTER TABLE deliveries RENAME TO elsewhere")
		require.Error(t, s.Record(t.Context(), c))
		got, err := s.Payment(t.Context(), p.ID)
		require.NoError(t, err)
		require.Equal(t, p, got)
		trail, err := s.AuditTrail(t.Context(), p.ID)
		require.NoError(t, err)
		require.Empty(t, trail)

		databasetest.Exec(t, db, "ALTER TABLE elsewhere RENAME TO deliveries")
		require.NoError(t, s.Record(t.Context(), c))
		trail, err = s.AuditTrail(t.Context(), p.ID)
		require.NoError(t, err)
		kept := *c.Audit
		kept.Number = 1
		require.Equal(t, []payments.AuditEvent{kept}, trail)
		deliveries, err := s.Deliveries(t.Context(), p.ID)
		require.NoError(t, err)
		require.Len(t, deliveries, 1)
		require.Equal(t, p.Trace, deliveries[0].Trace, "the webhook goes on with the payment's trace")
		event, err := webhook.Parse(deliveries[0].Body)
		require.NoError(t, err)
		require.Equal(t, webhook.Event{
			Type: webhook.Failed, PendingID: first, OfferID: "1", Status: "failed", OutgoingPaymentID: p.OutgoingPaymentID,
			Sequence: 2, Timestamp: noon, Reason: "rejected", Message: c.After.Message,
		}, event)
	})
}

func TestRecord_OneLivePaymentOfAnOffer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		p := whole(t, first, "1")
		require.NoError(t, s.Record(t.Context(), payments.Change{After: p}))
		require.ErrorIs(t, s.Record(t.Context(), payments.Change{After: whole(t, second, "1")}), payments.ErrOfferTaken)
		require.NoError(t, s.Record(t.Context(), payments.Change{After: whole(t, third, "2")}))

		live, err := s.LivePayment(t.Context(), "1")
		require.NoError(t, err)
		require.Equal(t, p.ID, live.ID)
		c, err := p.Fail(payments.Expired, "x", noon)
		require.NoError(t, err)
		require.NoError(t, s.Record(t.Context(), c))
		_, err = s.LivePayment(t.Context(), "1")
		require.ErrorIs(t, err, payments.ErrUnknown)

		next := whole(t, second, "1")
		next.State = payments.Paid
		require.NoError(t, s.Record(t.Context(), payments.Change{After: next}))
		taken := whole(t, "01JDDDDDDDDDDDDDDDDDDDDDD4", "1")
		require.ErrorIs(t, s.Record(t.Context(), payments.Change{After: taken}), payments.ErrOfferTaken, "a paid offer stays taken")
	})
}

func TestClaimDue_EachToOneWorker(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ids := make([]string, 20)
		for i := range ids {
			ids[i] = "01JDDDDDDDDDDDDDDDDDDDDD" + string(rune('A'+i)) + "0"
			p := whole(t, ids[i], "offer-"+ids[i])
			p.NextStepAt = noon.Add(time.Duration(i) * time.Second)
			require.NoError(t, s.Record(t.Context(), payments.Change{After: p}))
		}
		now, until := noon.Add(9*time.Second), noon.Add(time.Hour)
		var mu sync.Mutex
		var claimed []string
		var workers sync.WaitGroup
		for range 5 {
			workers.Go(func() {
				for {
					batch, err := s.ClaimDue(context.WithoutCancel(t.Context()), 3, now, until)
					if err != nil {
						t.Errorf("claim: %v", err)
						return
					}
					if len(batch) == 0 {
						return
					}
					mu.Lock()
					for _, p := range batch {
						claimed = append(claimed, string(p.ID))
						if p.Version != 2 || !p.NextStepAt.Equal(until) || p.Token.Value.Reveal() != "planted-access" {
							t.Errorf("claimed %+v", p)
						}
					}
					mu.Unlock()
				}
			})
		}
		workers.Wait()
		sort.Strings(claimed)
		require.Equal(t, ids[:10], claimed, "each due payment once, none before its time")

		// Whoever had one in hand before the claim is refused.
		old := whole(t, ids[0], "offer-"+ids[0])
		c, err := old.Fail(payments.Expired, "x", noon)
		require.NoError(t, err)
		require.ErrorIs(t, s.Record(t.Context(), c), payments.ErrStale)

		pending, err := s.PendingPayments(t.Context(), 100)
		require.NoError(t, err)
		require.Len(t, pending, 20)
	})
}

func TestDeliveries_ClaimAndRecord(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		p := whole(t, first, "1")
		require.NoError(t, s.Record(t.Context(), payments.Change{After: p}))
		c, err := p.Fail(payments.Expired, "x", noon)
		require.NoError(t, err)
		require.NoError(t, s.Record(t.Context(), c))

		until := noon.Add(30 * time.Second)
		due, err := s.ClaimDeliveries(t.Context(), outbox.Configured, 10, noon, until)
		require.NoError(t, err)
		require.Len(t, due, 1)
		require.Equal(t, until, due[0].NextAt)
		again, err := s.ClaimDeliveries(t.Context(), outbox.Configured, 10, noon, until)
		require.NoError(t, err)
		require.Empty(t, again, "it is leased")
		again, err = s.ClaimDeliveries(t.Context(), outbox.Configured, 10, until, until.Add(time.Minute))
		require.NoError(t, err)
		require.Len(t, again, 1, "the lease of a dead dispatcher runs out")

		lease := again[0].NextAt
		record := func(d outbox.Delivery, a outbox.Attempt) {
			require.NoError(t, s.RecordAttempts(t.Context(), []outbox.Outcome{{Delivery: d, Attempt: a, Lease: lease}}))
		}
		d := due[0]
		d.Attempts, d.Failures, d.NextAt = 1, 1, noon.Add(5*time.Second)
		failed := outbox.Attempt{
			DeliveryID: d.ID, Number: 1, At: noon, URL: "https://market.example/hooks", Status: 500, Duration: 1500 * time.Microsecond, Excerpt: "oops", NextAt: d.NextAt,
		}
		record(d, failed)
		record(d, failed) // the other one's record of the same attempt changes nothing
		d.Attempts, d.State, d.NextAt, d.EndedAt = 2, outbox.Delivered, time.Time{}, noon.Add(6*time.Second)
		taken := outbox.Attempt{DeliveryID: d.ID, Number: 2, At: noon.Add(5 * time.Second), Status: 200, Duration: time.Millisecond}
		record(d, taken)
		record(d, taken)
		late := d
		late.State, late.Attempts = outbox.Pending, 3
		record(late, outbox.Attempt{DeliveryID: d.ID, Number: 3, At: noon})

		all, err := s.Deliveries(t.Context(), p.ID)
		require.NoError(t, err)
		require.Equal(t, []outbox.Delivery{d}, all, "delivered stays delivered")
		attempts, err := s.Attempts(t.Context(), d.ID)
		require.NoError(t, err)
		require.Equal(t, []outbox.Attempt{failed, taken}, attempts)
		last, err := s.LastAttempts(t.Context(), []string{first, d.ID})
		require.NoError(t, err)
		require.Equal(t, map[string]outbox.Attempt{d.ID: taken}, last)
		last, err = s.LastAttempts(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, last)
		for state, n := range map[outbox.State]int{"": 1, outbox.Delivered: 1, outbox.Dead: 0} {
			found, err := s.FindDeliveries(t.Context(), outbox.Filter{State: state}, 10)
			require.NoError(t, err)
			require.Len(t, found, n, state)
		}
	})
}

func TestSecrets_AreUnreadableInADump(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		p := whole(t, first, "1")
		require.NoError(t, s.Record(t.Context(), payments.Change{After: p}))
		var rows []map[string]any
		require.NoError(t, db.Read(t.Context()).Table("payments").Find(&rows).Error)
		dump, err := json.Marshal(rows)
		require.NoError(t, err)
		require.Contains(t, string(dump), first)
		require.NotContains(t, string(dump), "planted")

		view, err := s.PaymentView(t.Context(), p.ID)
		require.NoError(t, err)
		require.Empty(t, view.Consent.ClientNonce)
		require.Empty(t, view.Token.Value)

		// With another key, or moved to another row, a sealed value does not open.
		other, err := store.ReadKeys(logging.Secret(store.GenerateKey()))
		require.NoError(t, err)
		_, err = store.New(db, other).Payment(t.Context(), p.ID)
		require.ErrorContains(t, err, "TOKEN_ENCRYPTION_KEY")
		databasetest.Exec(t, db, "UPDATE payments SET continue_token_sealed = access_token_sealed")
		_, err = s.Payment(t.Context(), p.ID)
		require.ErrorContains(t, err, "continue_token")
	})
}

func TestSellers_PutKeepsTheBeginning(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		later := noon.Add(time.Hour)
		changed := payments.Seller{ID: "wendy", WalletAddressURL: "https://other.example/w", KeyID: "k", PrivateKeyPath: "w.pem", CreatedAt: later, UpdatedAt: later}
		require.NoError(t, s.PutSeller(t.Context(), changed, nil))
		changed.CreatedAt = noon
		got, err := s.Seller(t.Context(), "wendy")
		require.NoError(t, err)
		require.Equal(t, changed, got)
		all, err := s.Sellers(t.Context())
		require.NoError(t, err)
		require.Equal(t, []payments.Seller{changed}, all)
		_, err = s.Seller(t.Context(), "nobody")
		require.ErrorIs(t, err, payments.ErrUnknown)
	})
}

// Both dialects have the same files with the same tables, columns and indexes.
func TestMigrations_TheSameOnBothSides(t *testing.T) {
	t.Parallel()
	// Append-only is said in each dialect's own words; TestAudit_IsAppendOnly has both refuse.
	triggers := regexp.MustCompile(`(?m)^CREATE (FUNCTION|TRIGGER) .*;$`)
	lockFree := regexp.MustCompile(`(?m)^-- outside of a transaction\n|\bCONCURRENTLY `) // Postgres' alone
	types := regexp.MustCompile(`\b(TIMESTAMPTZ|TIMESTAMP|BIGINT|SMALLINT|INTEGER)\b|GENERATED ALWAYS AS IDENTITY|AUTOINCREMENT|PRIMARY KEY`)
	spaces := regexp.MustCompile(`\s+`)
	shape := func(file string) string {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		return spaces.ReplaceAllString(types.ReplaceAllString(lockFree.ReplaceAllString(triggers.ReplaceAllString(string(content), ""), ""), ""), " ")
	}
	files := func(dialect string) []string {
		names, err := filepath.Glob(filepath.Join("migrations", dialect, "*.sql"))
		require.NoError(t, err)
		require.NotEmpty(t, names)
		return names
	}
	lite, pg := files("sqlite"), files("postgres")
	require.Len(t, pg, len(lite))
	for i := range lite {
		require.Equal(t, filepath.Base(lite[i]), filepath.Base(pg[i]))
		require.Equal(t, strings.TrimSpace(shape(lite[i])), strings.TrimSpace(shape(pg[i])))
	}
}
