package payments_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/payments"
	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/store"
)

// fail has the next n calls of an operation refused before they have an effect.
func (s *story) fail(op string, n int, kind error) {
	s.wallets.set(func() {
		s.wallets.before[op] = nil
		for range n {
			s.wallets.before[op] = append(s.wallets.before[op], refusal(kind))
		}
	})
}

// with replaces what the rules see of the wallets, and where they log.
func (s *story) with(log *slog.Logger, change func(payments.Client, *payments.Wallets)) {
	s.Service = payments.New(s.store, func(c payments.Client) (payments.Wallets, error) {
		w, err := s.wallets.of(c)
		if change != nil {
			change(c, &w)
		}
		return w, err
	}, s.clock, log, payments.Settings{
		FinishURL: "https://market.example/payments/finish", ConsentLifetime: 10 * time.Minute, FinishWait: 8 * time.Second, Lease: 30 * time.Second,
	}, func() {})
}

var quiet = slog.New(slog.DiscardHandler)

// A wallet, or a gateway before it, that refuses to be looked at says nothing of the money.
func TestOutage_ARefusedLookIsNoWordOnTheMoney(t *testing.T) {
	t.Parallel()
	for _, kind := range []error{
		openpayments.ErrNotFound, openpayments.ErrRefused, openpayments.ErrInsufficientGrant, openpayments.ErrInvalidRequest, openpayments.ErrInvalidClient,
	} {
		s := tell(t)
		s.wallets.after["pay"] = []error{refusal(openpayments.ErrTimeout)} // it was made, and the answer lost
		s.fail("look", 20, kind)
		p := s.start()
		p = s.finish(p, s.proof(p))
		for range 5 {
			require.False(t, p.State.Ended(), kind)
			p = s.work(p.ID, 5*time.Minute)
		}
		s.fail("look", 0, nil)
		s.requirePaid(s.work(p.ID, time.Hour))
	}
}

func TestOutage_MoneyUnderWayIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.settles = false
	s.wallets.after["pay"] = []error{refusal(openpayments.ErrTimeout)}
	s.fail("look", 20, openpayments.ErrTimeout)
	p := s.start()
	p = s.finish(p, s.proof(p))
	s.receive(4000)
	s.fail("look", 100, openpayments.ErrInactiveToken)
	s.fail("rotate", 100, openpayments.ErrInvalidRotation)
	p = s.work(p.ID, time.Hour)
	require.Equal(t, payments.Authorized, p.State, "a part has come: nobody says that nothing was paid")
	require.Equal(t, "40.00 MXN", p.ReceivedAmount.String())
	s.receive(10000)
	s.requirePaid(s.work(p.ID, time.Hour))
}

func TestOutage_APartThatNeverBecomesAll(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.settles = false
	p := s.start()
	p = s.finish(p, s.proof(p))
	s.receive(4000)
	for tries := 0; !p.State.Ended(); tries++ {
		require.Less(t, tries, 40)
		p = s.work(p.ID, time.Hour)
	}
	s.requireFailed(p, payments.PaidInPart)
	require.NotContains(t, p.Message, "Nothing was paid")
}

// Whatever the wallets do, a payment ends, and its offer can be started again.
func TestOutage_EverythingEnds(t *testing.T) {
	t.Parallel()
	const forever = 2000
	for name, c := range map[string]struct {
		ruin   func(s *story)
		reason payments.Reason
		within time.Duration
	}{
		"the buyer's wallet is gone":             {func(s *story) { s.fail("continue", forever, openpayments.ErrUnreachable) }, payments.PaymentFailed, 26 * time.Hour},
		"it wants us to wait for most of a year": {func(s *story) { s.wallets.wait = 300 * 24 * time.Hour }, "", time.Hour},
		"it never grants": {func(s *story) {
			s.with(quiet, func(_ payments.Client, w *payments.Wallets) { w.Grant = neverGrants{w.Grant.(grantCalls)} })
		}, payments.PaymentFailed, 26 * time.Hour},
		"our signature is refused": {func(s *story) { s.fail("pay", forever, openpayments.ErrInvalidClient) }, payments.PaymentFailed, 26 * time.Hour},
		"the incoming payment is gone": {func(s *story) {
			s.wallets.settles = false
			s.fail("received", forever, openpayments.ErrUnknownPayment)
		}, payments.PaymentFailed, 26 * time.Hour},
		"the seller's wallet is gone": {func(s *story) {
			s.wallets.settles = false
			s.fail("received", forever, openpayments.ErrUnreachable)
		}, payments.OutcomeUnknown, 8 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tell(t)
			c.ruin(s)
			p := s.start()
			p = s.finish(p, s.proof(p))
			for tries := 0; !p.State.Ended(); tries++ {
				require.Less(t, tries, 400)
				p = s.work(p.ID, time.Hour)
			}
			require.LessOrEqual(t, s.clock.Now().Sub(p.CreatedAt), c.within)
			if c.reason == "" {
				s.requirePaid(p)
				return
			}
			s.requireFailed(p, c.reason)
			trail, err := s.store.AuditTrail(t.Context(), p.ID)
			require.NoError(t, err)
			require.Less(t, len(trail), 10, "the story stays short")
			s.with(quiet, nil)
			s.start()
		})
	}
}

// neverGrants answers every continuation with another one.
type neverGrants struct{ grantCalls }

func (g neverGrants) Continue(context.Context, openpayments.GrantContinueParams) (openpayments.Grant, error) {
	return openpayments.Grant{Continue: &openpayments.Continuation{URI: "https://auth.buyer.example/continue/1", AccessToken: "c"}}, nil
}

func TestOutage_APayerIsNotKeptWaiting(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.with(quiet, func(_ payments.Client, w *payments.Wallets) {
		w.Grant = slowGrants{w.Grant.(grantCalls), s.clock}
		w.OutgoingPayment = slowOutgoing{w.OutgoingPayment.(outgoingCalls), s.clock}
	})
	p := s.start()
	began := s.clock.Now()
	p = s.finish(p, s.proof(p))
	require.LessOrEqual(t, s.clock.Now().Sub(began), 12*time.Second, "one slow call, and a worker goes on")
	require.False(t, p.State.Ended())
	require.False(t, p.NextStepAt.After(s.clock.Now()), "at once")
	for tries := 0; !p.State.Ended(); tries++ {
		require.Less(t, tries, 5)
		p = s.work(p.ID, 0)
	}
	s.requirePaid(p)
}

type slowGrants struct {
	grantCalls
	clock *clock.Held
}

func (g slowGrants) Continue(ctx context.Context, p openpayments.GrantContinueParams) (openpayments.Grant, error) {
	g.clock.Advance(12 * time.Second)
	return g.grantCalls.Continue(ctx, p)
}

type slowOutgoing struct {
	outgoingCalls
	clock *clock.Held
}

func (o slowOutgoing) Create(ctx context.Context, p openpayments.OutgoingPaymentCreateParams) (openpayments.OutgoingPayment, error) {
	o.clock.Advance(12 * time.Second)
	return o.outgoingCalls.Create(ctx, p)
}

// The consent is cancelled, and all else done, by the identity that asked for it.
func TestOutage_TheClientOfAPaymentStaysTheSame(t *testing.T) {
	t.Parallel()
	s := tell(t)
	var canceledBy []string
	s.with(quiet, func(c payments.Client, w *payments.Wallets) {
		w.Grant = whoCancels{w.Grant.(grantCalls), c.KeyID, &canceledBy}
	})
	r := request()
	r.SellerID = "keyed"
	require.NoError(t, s.RegisterSeller(t.Context(), operator.Operator{}, payments.Seller{ID: "keyed", WalletAddressURL: sellerWallet, KeyID: "first", PrivateKeyPath: "a.pem"}))
	_, err := s.Start(t.Context(), r)
	require.NoError(t, err)
	require.NoError(t, s.RegisterSeller(t.Context(), operator.Operator{}, payments.Seller{ID: "keyed", WalletAddressURL: sellerWallet, KeyID: "second", PrivateKeyPath: "b.pem"}))
	_, err = s.Start(t.Context(), request()) // another seller replaces it
	require.NoError(t, err)
	require.Equal(t, []string{"first"}, canceledBy)
}

type whoCancels struct {
	grantCalls
	who string
	by  *[]string
}

func (g whoCancels) Cancel(ctx context.Context, p openpayments.GrantCancelParams) error {
	*g.by = append(*g.by, g.who)
	return g.grantCalls.Cancel(ctx, p)
}

func TestOutage_OneUnreadableRowHoldsUpNobody(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, store.Migrations(), func(t *testing.T, db *database.DB) {
		held := clock.NewHeld(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
		old := tellOn(t, db, held)
		r := request()
		for i := range 2 {
			r.OfferID = fmt.Sprint("old", i)
			_, err := old.Start(t.Context(), r)
			require.NoError(t, err)
		}
		s := tellOn(t, db, held) // with another key
		p := s.start()
		s.clock.Advance(11 * time.Minute)
		due, err := s.Claim(t.Context(), 10)
		require.ErrorContains(t, err, "TOKEN_ENCRYPTION_KEY")
		require.Len(t, due, 1)
		require.NoError(t, s.Advance(t.Context(), due[0]))
		s.requireFailed(s.payment(p.ID), payments.Expired)
	})
}

func TestOutage_AWalletsWordsAreKeptPlain(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, store.Migrations(), func(t *testing.T, db *database.DB) {
		s := tellOn(t, db, clock.NewHeld(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)))
		s.wallets.failed = "no\x00 \x1b[31m luck\xff"
		p := s.start()
		p = s.finish(p, s.proof(p))
		s.requireFailed(p, payments.PaymentFailed)
		trail, err := s.store.AuditTrail(t.Context(), p.ID)
		require.NoError(t, err)
		require.Equal(t, "the wallet says: no   [31m luck", trail[len(trail)-1].Detail)
	})
}

func TestClaim_NeverMoreThanAskedFor(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, store.Migrations(), func(t *testing.T, db *database.DB) {
		s := tellOn(t, db, clock.NewHeld(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)))
		r := request()
		for i := range 6 {
			r.OfferID = fmt.Sprint("o", i)
			_, err := s.Start(t.Context(), r)
			require.NoError(t, err)
			if i == 0 { // statistics from when the table was small lead Postgres to another plan
				require.NoError(t, db.Read(t.Context()).Exec("ANALYZE").Error)
			}
		}
		s.clock.Advance(time.Hour)
		for range 6 {
			due, err := s.Claim(t.Context(), 1)
			require.NoError(t, err)
			require.Len(t, due, 1)
		}
	})
}

func TestAdvance_SaysWhyAPaymentIsPutOff(t *testing.T) {
	t.Parallel()
	s := tell(t)
	var lines bytes.Buffer
	s.with(slog.New(slog.NewTextHandler(&lines, nil)), nil)
	p := s.approved()
	lines.Reset()
	s.fail("continue", 20, openpayments.ErrUnreachable)
	s.work(p.ID, time.Hour)
	require.Contains(t, lines.String(), "payment put off")
	require.Contains(t, lines.String(), string(p.ID))
	require.Contains(t, lines.String(), "cannot be reached")
	require.Contains(t, lines.String(), "next_at")
}
