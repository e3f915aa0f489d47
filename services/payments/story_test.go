package payments_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/chassis/logging"
	"tianguis.example/payments"
	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/store"
)

// story is a payments service over a real store, with wallets that can be told to fail and a clock that stands still.
type story struct {
	*testing.T
	*payments.Service
	wallets *wallets
	clock   *clock.Held
	store   *store.Store
	news    int
}

const offer = "42"

func tell(t *testing.T) *story {
	t.Helper()
	held := clock.NewHeld(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	db := databasetest.Open(t, databasetest.SQLiteAddress(t), held, store.Migrations())
	return tellOn(t, db, held)
}

func tellOn(t *testing.T, db *database.DB, held *clock.Held) *story {
	t.Helper()
	seal, err := store.ReadKeys(logging.Secret(store.GenerateKey()))
	require.NoError(t, err)
	s := &story{T: t, wallets: newWallets(), clock: held, store: store.New(db, seal)}
	s.Service = s.served(s.wallets.of)
	require.NoError(t, s.RegisterSeller(t.Context(), operator.Operator{}, payments.Seller{ID: "wendy", WalletAddressURL: sellerWallet}))
	return s
}

// served is the service over the store, with those wallets.
func (s *story) served(wallets func(payments.Client) (payments.Wallets, error)) *payments.Service {
	return payments.New(s.store, wallets, s.clock, slog.New(slog.DiscardHandler), payments.Settings{
		FinishURL: "https://market.example/payments/finish", ConsentLifetime: 10 * time.Minute, FinishWait: 8 * time.Second, Lease: 30 * time.Second,
	}, func() { s.news++ })
}

func request() payments.StartRequest {
	return payments.StartRequest{OfferID: offer, SellerID: "wendy", BuyerWalletAddressURL: buyerWallet, Amount: "100.00"}
}

func (s *story) start() payments.Payment {
	s.Helper()
	p, err := s.Start(s.Context(), request())
	require.NoError(s, err)
	require.Equal(s, payments.AwaitingApproval, p.State)
	return p
}

// proof is what the wallet's redirect brings after an approval.
func (s *story) proof(p payments.Payment) payments.FinishRequest {
	s.Helper()
	stored, err := s.store.Payment(s.Context(), p.ID)
	require.NoError(s, err)
	return payments.FinishRequest{
		InteractRef: "ref-1", PayersSession: true,
		Hash: openpayments.FinishHash(stored.Consent.ClientNonce.Reveal(), "as-nonce", "ref-1", authServer),
	}
}

// finish runs a finish, moving the clock on whenever it waits.
func (s *story) finish(p payments.Payment, r payments.FinishRequest) payments.Payment {
	s.Helper()
	var err error
	s.passing(func() { p, err = s.Finish(s.Context(), p.ID, r) })
	require.NoError(s, err)
	return p
}

// passing runs f while time passes: the clock goes to whatever somebody waits for.
func (s *story) passing(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	for {
		select {
		case <-done:
			return
		case <-s.clock.TimerMade():
			for s.clock.AdvanceToNext() {
			}
		}
	}
}

// work lets a worker take up everything that is due after d, once, and returns the payment.
func (s *story) work(id payments.PaymentID, d time.Duration) payments.Payment {
	s.Helper()
	s.clock.Advance(d)
	due, err := s.Claim(s.Context(), 10)
	require.NoError(s, err)
	s.passing(func() {
		for _, p := range due {
			if err := s.Advance(s.Context(), p); err != nil {
				s.Errorf("advance: %v", err)
			}
		}
	})
	return s.payment(id)
}

func (s *story) payment(id payments.PaymentID) payments.Payment {
	s.Helper()
	p, err := s.store.Payment(s.Context(), id)
	require.NoError(s, err)
	return p
}

func (s *story) requireFailed(p payments.Payment, reason payments.Reason) {
	s.Helper()
	require.Equal(s, payments.Failed, p.State)
	require.Equal(s, reason, p.Reason)
	require.NotEmpty(s, p.Message)
	s.requireTold(p)
}

func (s *story) requirePaid(p payments.Payment) {
	s.Helper()
	require.Equal(s, payments.Paid, p.State, "%s %s", p.Reason, p.Message)
	require.Len(s, s.wallets.paid, 1, "exactly one outgoing payment")
	s.requireTold(p)
}

// requireTold: exactly one webhook tells of the end, and the audit trail leads there without a gap.
func (s *story) requireTold(p payments.Payment) {
	s.Helper()
	deliveries, err := s.store.Deliveries(s.Context(), p.ID)
	require.NoError(s, err)
	require.Len(s, deliveries, 1)
	require.Equal(s, outbox.Pending, deliveries[0].State)
	require.Contains(s, string(deliveries[0].Body), `"status":"`+string(p.State)+`"`)
	s.requireTrail(p)
}

func (s *story) requireTrail(p payments.Payment) {
	s.Helper()
	trail, err := s.store.AuditTrail(s.Context(), p.ID)
	require.NoError(s, err)
	at := payments.State("")
	for _, e := range trail {
		require.Equal(s, at, e.From, "the trail has a gap")
		require.NotEmpty(s, e.Actor)
		at = e.To
	}
	require.Equal(s, p.State, at)
}
