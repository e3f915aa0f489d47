package payments_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/payments"
	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/store"
)

// approved brings a payment to where its approval is recorded and nothing more has been asked: the wallet is away.
func (s *story) approved() payments.Payment {
	s.Helper()
	p := s.start()
	away := refusal(openpayments.ErrUnreachable)
	s.wallets.before["continue"] = []error{away, away, away, away, away}
	p = s.finish(p, s.proof(p))
	require.Equal(s, payments.Approved, p.State)
	s.wallets.set(func() { s.wallets.before["continue"] = nil })
	return p
}

func TestAdvance_GoesOnWhenTheWalletIsBack(t *testing.T) {
	t.Parallel()
	s := tell(t)
	p := s.approved()
	require.Empty(t, mustClaim(s), "not before it is due")
	s.requirePaid(s.work(p.ID, 10*time.Minute))
}

func mustClaim(s *story) []payments.Payment {
	s.Helper()
	due, err := s.Claim(s.Context(), 10)
	require.NoError(s, err)
	return due
}

func TestAdvance_ALostContinueIsRecognised(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.after["continue"] = []error{refusal(openpayments.ErrTimeout)} // it took effect; the token is lost
	p := s.start()
	s.requireFailed(s.finish(p, s.proof(p)), payments.AuthorizationLost)
	require.Empty(t, s.wallets.paid)
	s.start() // a new approval can start at once
}

func TestAdvance_ALostPaymentIsFoundNotRepeated(t *testing.T) {
	t.Parallel()
	for _, kind := range []error{openpayments.ErrTimeout, openpayments.ErrConnection, openpayments.ErrServer, openpayments.ErrUnexpectedAnswer} {
		s := tell(t)
		s.wallets.after["pay"] = []error{refusal(kind)}
		p := s.start()
		s.requirePaid(s.finish(p, s.proof(p)))
		require.Equal(t, 1, s.wallets.count("pay"), kind)
		require.NotZero(t, s.wallets.count("look"), kind)
	}
}

func TestAdvance_APaymentThatNeverArrivedIsAskedForAgain(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.before["pay"] = []error{refusal(openpayments.ErrTimeout)}
	p := s.start()
	s.requirePaid(s.finish(p, s.proof(p)))
	require.Equal(t, 2, s.wallets.count("pay"))
}

func TestAdvance_ACrashAfterPayingLooksFirst(t *testing.T) {
	t.Parallel()
	s := tell(t)
	p := s.start()
	away := refusal(openpayments.ErrTimeout)
	s.wallets.after["pay"] = []error{away}
	s.wallets.before["look"] = []error{away, away, away, away, away, away}
	p = s.finish(p, s.proof(p))
	require.Equal(t, payments.Authorized, p.State)
	s.wallets.set(func() { s.wallets.before["look"] = nil })
	s.requirePaid(s.work(p.ID, 10*time.Minute))
	require.Equal(t, 1, s.wallets.count("pay"))
}

func TestAdvance_ADeadQuoteIsRenewedWithinTheConsent(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.before["pay"] = []error{refusal(openpayments.ErrInvalidQuote)}
	p := s.start()
	p = s.finish(p, s.proof(p))
	s.requirePaid(p)
	require.Equal(t, 2, p.Quotes)
	require.Contains(t, s.wallets.paid, "https://rs.buyer.example/tenant/quotes/q2")
	require.Equal(t, 1, s.wallets.count("incoming"), "for the same incoming payment")

	s = tell(t)
	s.wallets.before["pay"] = []error{refusal(openpayments.ErrInvalidQuote)}
	p = s.start()
	s.wallets.set(func() { s.wallets.debit = 601 })
	s.requireFailed(s.finish(p, s.proof(p)), payments.QuoteTooDear)
	require.Empty(t, s.wallets.paid)
}

func TestAdvance_NotForeverNewQuotes(t *testing.T) {
	t.Parallel()
	s := tell(t)
	dead := refusal(openpayments.ErrInvalidQuote)
	s.wallets.before["pay"] = []error{dead, dead, dead, dead, dead, dead, dead, dead}
	p := s.start()
	s.requireFailed(s.finish(p, s.proof(p)), payments.WalletError)
	require.Equal(t, 5, s.wallets.count("quote"))
}

func TestAdvance_ADeadTokenIsRotated(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.before["pay"] = []error{refusal(openpayments.ErrInactiveToken)}
	p := s.start()
	p = s.finish(p, s.proof(p))
	s.requirePaid(p)
	require.Equal(t, "https://auth.buyer.example/token/1-rotated", p.Token.ManageURI)
	require.Equal(t, "access-token-1-rotated", p.Token.Value.Reveal())
}

func TestAdvance_ATokenThatIsLostSaysNothingOfTheMoney(t *testing.T) {
	t.Parallel()
	for name, arrived := range map[string]bool{"the money came": true, "it did not": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tell(t)
			away := refusal(openpayments.ErrTimeout)
			s.wallets.settles = arrived
			s.wallets.after["pay"] = []error{away}
			s.wallets.before["look"] = []error{away, away, away, away, away, away}
			p := s.start()
			p = s.finish(p, s.proof(p))
			require.Equal(t, payments.Authorized, p.State)

			s.wallets.set(func() {
				s.wallets.before["look"] = []error{refusal(openpayments.ErrInactiveToken)}
				s.wallets.before["rotate"] = []error{refusal(openpayments.ErrInvalidRotation)}
			})
			p = s.work(p.ID, 8*time.Minute)
			if arrived {
				s.requirePaid(p)
				return
			}
			require.Equal(t, payments.Authorized, p.State, "it may still be under way")
			s.wallets.set(func() {
				s.wallets.token = "another"
				for range 20 {
					s.wallets.before["rotate"] = append(s.wallets.before["rotate"], refusal(openpayments.ErrInvalidRotation))
				}
			})
			for tries := 0; !p.State.Ended(); tries++ {
				require.Less(t, tries, 20)
				p = s.work(p.ID, 5*time.Minute)
			}
			s.requireFailed(p, payments.AuthorizationLost)
		})
	}
}

func TestAdvance_PlainFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(*wallets)
		reason  payments.Reason
	}{
		"not enough money": {func(w *wallets) { w.failed = "Account does not have enough balance." }, payments.InsufficientFunds},
		"could not send":   {func(w *wallets) { w.failed = "Quote expired" }, payments.PaymentFailed},
		"beyond the limit": {func(w *wallets) { w.before["pay"] = []error{refusal(openpayments.ErrUnauthorized)} }, payments.WalletError},
		"denied":           {func(w *wallets) { w.before["continue"] = []error{refusal(openpayments.ErrRequestDenied)} }, payments.AuthorizationLost},
		"refused":          {func(w *wallets) { w.before["continue"] = []error{refusal(openpayments.ErrRefused)} }, payments.WalletError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tell(t)
			c.prepare(s.wallets)
			p := s.start()
			s.requireFailed(s.finish(p, s.proof(p)), c.reason)
		})
	}
}

func TestAdvance_AnInterruptedStartIsCleanedUpQuietly(t *testing.T) {
	t.Parallel()
	s := tell(t)
	// What a killed process leaves behind: the row, as it was created.
	started := s.start()
	row := s.payment(started.ID)
	row.ID, row.OfferID, row.State, row.Version = "01JDDDDDDDDDDDDDDDDDDDDDDD", "43", payments.Created, 1
	require.NoError(t, s.store.Record(t.Context(), payments.Change{After: row}))

	p := s.work(row.ID, 30*time.Minute)
	require.Equal(t, payments.Failed, p.State)
	require.Equal(t, payments.Interrupted, p.Reason)
	deliveries, err := s.store.Deliveries(t.Context(), p.ID)
	require.NoError(t, err)
	require.Empty(t, deliveries)
}

// Two replicas, one of which was frozen past its lease: both drive the same payment, and it is paid once.
func TestAdvance_TwoWorkersPayOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, store.Migrations(), func(t *testing.T, db *database.DB) {
		s := tellOn(t, db, clock.NewHeld(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)))
		p := s.approved()
		s.clock.Advance(10 * time.Minute)
		frozen := mustClaim(s)
		require.Len(t, frozen, 1)
		require.Empty(t, mustClaim(s), "it is leased")
		s.clock.Advance(time.Minute)
		second := mustClaim(s)
		require.Len(t, second, 1)

		var both sync.WaitGroup
		for _, claimed := range []payments.Payment{frozen[0], second[0]} {
			both.Go(func() {
				if err := s.Advance(t.Context(), claimed); err != nil {
					t.Errorf("advance: %v", err)
				}
			})
		}
		s.passing(both.Wait)
		final := s.payment(p.ID)
		for try := 0; !final.State.Ended() && try < 5; try++ {
			final = s.work(p.ID, 10*time.Minute)
		}
		require.LessOrEqual(t, len(s.wallets.paid), 1)
		if final.State == payments.Failed { // the frozen one took the token with it: no money has moved
			s.requireFailed(final, payments.AuthorizationLost)
			require.Empty(t, s.wallets.paid)
			return
		}
		s.requirePaid(final)
	})
}
