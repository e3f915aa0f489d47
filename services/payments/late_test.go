package payments_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments"
	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/webhook"
)

// another is a service beside the story's, as a second replica is, whose wallets a test changes.
func (s *story) another(change func(*payments.Wallets)) *payments.Service {
	return payments.New(s.store, func(c payments.Client) (payments.Wallets, error) {
		w, err := s.wallets.of(c)
		change(&w)
		return w, err
	}, s.clock, slog.New(slog.DiscardHandler), payments.Settings{
		FinishURL: "https://market.example/payments/finish", ConsentLifetime: 10 * time.Minute, FinishWait: 8 * time.Second, Lease: 30 * time.Second,
	}, func() {})
}

// workOn lets a worker take up one payment of those that are due.
func (s *story) workOn(id payments.PaymentID) {
	s.Helper()
	for _, p := range mustClaim(s) {
		if p.ID == id {
			s.passing(func() { require.NoError(s, s.Advance(s.Context(), p)) })
		}
	}
}

// The money of a payment that had failed arrives while the next one is already approved: nobody pays twice.
func TestLate_WhileTheNextIsApproved(t *testing.T) {
	t.Parallel()
	for name, before := range map[string][]error{
		"not yet continued": {refusal(openpayments.ErrServer), refusal(openpayments.ErrServer), refusal(openpayments.ErrServer), refusal(openpayments.ErrServer)},
		"continued, and the wallet was away when it was to pay": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tell(t)
			first := s.expired()
			second := s.start()
			state := payments.Authorized
			if before != nil {
				state = payments.Approved
				s.wallets.before["continue"] = before
			} else {
				for range 8 {
					s.wallets.before["pay"] = append(s.wallets.before["pay"], refusal(openpayments.ErrServer))
				}
			}
			second = s.finish(second, s.proof(second))
			require.Equal(t, state, second.State)
			s.receive(10000)
			s.clock.Advance(3 * time.Minute)
			s.workOn(first.ID)
			require.Equal(t, payments.PaidLate, s.payment(first.ID).State)
			if state == payments.Approved {
				require.Equal(t, payments.Canceled, s.payment(second.ID).Ending, "its token is never asked for")
			}

			s.wallets.set(func() { s.wallets.before = map[string][]error{} })
			s.receive(0) // at a real wallet each payment has an incoming payment of its own, and the second's is empty
			for range 10 {
				if second = s.work(second.ID, 5*time.Minute); second.State.Ended() {
					break
				}
			}
			s.requireFailed(second, payments.Canceled)
			require.Empty(t, s.wallets.paid)
			trail, err := s.store.AuditTrail(t.Context(), second.ID)
			require.NoError(t, err)
			require.Contains(t, trail[len(trail)-1].Detail+trail[len(trail)-2].Detail, string(first.ID), "the trail says why")
			report, err := s.store.VerifyAudit(t.Context(), "")
			require.NoError(t, err)
			require.Empty(t, report.Findings)
		})
	}
}

type grantCancel struct {
	grantCalls
	meanwhile func()
}

func (w grantCancel) Cancel(ctx context.Context, p openpayments.GrantCancelParams) error {
	w.meanwhile()
	return w.grantCalls.Cancel(ctx, p)
}

// It arrives while a start, which has found the offer unpaid, cancels an older consent.
func TestLate_WhileTheNextIsBeingStarted(t *testing.T) {
	t.Parallel()
	s := tell(t)
	first := s.expired()
	s.start()
	s.clock.Advance(2 * time.Minute)
	starter := s.another(func(w *payments.Wallets) {
		w.Grant = grantCancel{grantCalls{s.wallets}, func() {
			s.receive(10000)
			s.workOn(first.ID)
			require.Equal(t, payments.PaidLate, s.payment(first.ID).State)
		}}
	})
	r := request()
	r.BuyerWalletAddressURL = "https://buyer.example/other"
	_, err := starter.Start(t.Context(), r)
	require.Equal(t, payments.CodeAlreadyPaid, payments.CodeOf(err))
	require.ErrorContains(t, err, string(first.ID))
}

// The answer to the POST was lost, then the token; the money came after the payment had been given up. Whoever is told can name the payment.
func TestLate_NamesTheOutgoingPayment(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.settles = false
	s.wallets.after["pay"] = []error{refusal(openpayments.ErrTimeout)}
	for range 40 {
		s.wallets.before["look"] = append(s.wallets.before["look"], refusal(openpayments.ErrInactiveToken))
		s.wallets.before["rotate"] = append(s.wallets.before["rotate"], refusal(openpayments.ErrInactiveToken))
	}
	p := s.start()
	p = s.finish(p, s.proof(p))
	for range 12 {
		if p.State.Ended() {
			break
		}
		p = s.work(p.ID, 5*time.Minute)
	}
	require.Equal(t, payments.Failed, p.State)
	s.receive(10000)
	p = s.work(p.ID, 2*time.Hour)
	require.Equal(t, payments.PaidLate, p.State)
	told := s.events(p.ID)
	require.Equal(t, webhook.Completed, told[1].Type)
	require.Equal(t, "https://rs.buyer.example/tenant/outgoing-payments/q1", told[1].OutgoingPaymentID)
}

// How long money may be under way is counted from the last time that it was asked for, not from the approval.
func TestPay_TheLimitCountsFromTheLastTry(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.settles, s.wallets.tokenLife = false, time.Hour
	for range 60 {
		s.wallets.before["pay"] = append(s.wallets.before["pay"], refusal(openpayments.ErrUnreachable))
	}
	p := s.start()
	p = s.finish(p, s.proof(p))
	for s.clock.Now().Sub(p.Since) < 17*time.Minute {
		p = s.work(p.ID, 5*time.Minute)
		require.Equal(t, payments.Authorized, p.State)
	}
	s.wallets.set(func() { // it takes the payment on, and then does not know the token any more
		s.wallets.before["pay"] = nil
		s.wallets.after["pay"] = []error{refusal(openpayments.ErrTimeout)}
	})
	for len(s.wallets.paid) == 0 {
		p = s.work(p.ID, 5*time.Minute)
	}
	posted := s.clock.Now()
	s.wallets.set(func() {
		for range 60 {
			s.wallets.before["look"] = append(s.wallets.before["look"], refusal(openpayments.ErrInactiveToken))
			s.wallets.before["rotate"] = append(s.wallets.before["rotate"], refusal(openpayments.ErrInactiveToken))
		}
	})
	for !p.State.Ended() {
		p = s.work(p.ID, time.Minute)
	}
	require.Equal(t, payments.AuthorizationLost, p.Reason)
	require.GreaterOrEqual(t, s.clock.Now().Sub(posted), 15*time.Minute)
}

// A new quote does not make the older one's POST, whose answer was lost, undone.
func TestPay_ANewQuoteDoesNotForgetTheOlderOne(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.settles = false
	s.wallets.before["pay"] = []error{
		refusal(openpayments.ErrTimeout),      // the wallet goes on with it
		refusal(openpayments.ErrInvalidQuote), // while it does
	}
	for range 40 { // and has used up the consent
		s.wallets.before["pay"] = append(s.wallets.before["pay"], refusal(openpayments.ErrUnauthorized))
	}
	p := s.start()
	p = s.finish(p, s.proof(p))
	require.Equal(t, payments.Authorized, p.State, "money may be under way")
	require.Equal(t, 2, p.Quotes)
	s.receive(10000)
	for range 5 {
		if p.State.Ended() {
			break
		}
		p = s.work(p.ID, 5*time.Minute)
	}
	require.Equal(t, payments.Paid, p.State, "%s", p.Reason)
}

func TestPay_AConsentDoesNotOutliveItsPayment(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.before["pay"] = []error{refusal(openpayments.ErrInvalidQuote)}
	p := s.start()
	s.wallets.set(func() { s.wallets.debit = 601 })
	p = s.finish(p, s.proof(p))
	s.requireFailed(p, payments.QuoteTooDear)
	require.Equal(t, 1, s.wallets.count("cancel"))
}

func TestSettle_AFailureAfterAPart(t *testing.T) {
	t.Parallel()
	away := refusal(openpayments.ErrUnreachable)
	for name, c := range map[string]struct {
		received int64
		before   []error // of the looks at the seller's side
		state    payments.State
		reason   payments.Reason
	}{
		"nothing came":                        {0, nil, payments.Failed, payments.PaymentFailed},
		"a part came":                         {4000, nil, payments.Failed, payments.PaidInPart},
		"a part came, and was not seen first": {4000, []error{away}, payments.Failed, payments.PaidInPart},
		"all came, and was not seen first":    {10000, []error{away}, payments.Paid, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tell(t)
			s.wallets.failed = "could not deliver the rest"
			p := s.start()
			s.receive(c.received)
			s.wallets.before["received"] = c.before
			p = s.finish(p, s.proof(p))
			require.Equal(t, c.state, p.State)
			require.Equal(t, c.reason, p.Reason)
		})
	}
}

// A part was seen; then the seller's wallet does not know the payment any more.
func TestCloseBooks_APartThatWasSeen(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.settles = false
	p := s.start()
	s.receive(4000)
	p = s.finish(p, s.proof(p))
	require.Equal(t, payments.Sending, p.State)
	for range 10 {
		s.wallets.before["received"] = append(s.wallets.before["received"], refusal(openpayments.ErrUnknownPayment))
	}
	s.requireFailed(s.work(p.ID, 24*time.Hour+11*time.Minute), payments.PaidInPart)
}

// slow takes nearly as long for each call as a wallet may.
type slow struct {
	outgoingCalls
	takes func()
}

func (w slow) Get(ctx context.Context, p openpayments.OutgoingPaymentGetParams) (openpayments.OutgoingPayment, error) {
	w.takes()
	return w.outgoingCalls.Get(ctx, p)
}

func (w slow) List(ctx context.Context, p openpayments.ListParams) (openpayments.Page[openpayments.OutgoingPayment], error) {
	w.takes()
	return w.outgoingCalls.List(ctx, p)
}

func (w slow) Create(ctx context.Context, p openpayments.OutgoingPaymentCreateParams) (openpayments.OutgoingPayment, error) {
	w.takes()
	return w.outgoingCalls.Create(ctx, p)
}

type rotating struct {
	tokenCalls
	meanwhile func()
}

func (w rotating) Rotate(ctx context.Context, p openpayments.TokenRotateParams) (openpayments.AccessToken, error) {
	w.meanwhile()
	return w.tokenCalls.Rotate(ctx, p)
}

// A step whose calls take longer than the lease in all: nobody else rotates the token at the same time.
func TestPay_ASlowWalletDoesNotLetTwoRotate(t *testing.T) {
	t.Parallel()
	s := tell(t)
	for range 8 {
		s.wallets.before["pay"] = append(s.wallets.before["pay"], refusal(openpayments.ErrServer))
	}
	p := s.start()
	p = s.finish(p, s.proof(p))
	require.Equal(t, payments.Authorized, p.State)
	s.wallets.set(func() { s.wallets.before["pay"] = []error{refusal(openpayments.ErrInactiveToken)} })
	rotations := 0
	a := s.another(func(w *payments.Wallets) {
		w.OutgoingPayment = slow{outgoingCalls{s.wallets}, func() { s.clock.Advance(14 * time.Second) }}
		w.Token = rotating{tokenCalls{s.wallets}, func() {
			rotations++
			require.Empty(t, mustClaim(s), "it is in hand")
		}}
	})
	s.clock.Advance(time.Minute)
	for range 3 {
		due := mustClaim(s)
		require.Len(t, due, 1)
		s.passing(func() { require.NoError(t, a.Advance(t.Context(), due[0])) })
		if rotations > 0 {
			break
		}
	}
	require.Equal(t, 1, rotations)
	for range 3 {
		if p = s.payment(p.ID); p.State.Ended() {
			break
		}
		p = s.work(p.ID, time.Minute)
	}
	s.requirePaid(p)
}

// A cancel whose process stood still does not say that the payment is canceled before it is.
func TestCancel_SaysNothingBeforeItIsTrue(t *testing.T) {
	t.Parallel()
	for name, takeUp := range map[string]func(s *story){
		"a worker has it in hand": func(s *story) { require.Len(s, mustClaim(s), 1) },
		"nobody does":             func(*story) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tell(t)
			p := s.start()
			for range 60 {
				s.wallets.before["cancel"] = append(s.wallets.before["cancel"], refusal(openpayments.ErrTimeout))
			}
			first := true
			door := s.another(func(w *payments.Wallets) {
				w.Grant = grantCancel{grantCalls{s.wallets}, func() {
					if first {
						first = false
						s.clock.Advance(31 * time.Second)
						takeUp(s)
					}
				}}
			})
			var err error
			s.passing(func() { _, err = door.Cancel(t.Context(), payments.ByMarketplace, p.ID) })
			require.Equal(t, payments.CodeWalletDown, payments.CodeOf(err))
			require.Equal(t, payments.Canceled, s.payment(p.ID).Ending)
		})
	}
}

// An approval that expired is not canceled, although it ended while a cancel waited for it.
func TestCancel_WhileItExpires(t *testing.T) {
	t.Parallel()
	s := tell(t)
	p := s.start()
	s.clock.Advance(11 * time.Minute)
	due := mustClaim(s)
	require.Len(t, due, 1)
	var got error
	worker := s.another(func(w *payments.Wallets) {
		w.Grant = grantCancel{grantCalls{s.wallets}, func() { s.passing(func() { _, got = s.Cancel(t.Context(), payments.ByMarketplace, p.ID) }) }}
	})
	require.NoError(t, worker.Advance(t.Context(), due[0]))
	require.Error(t, got)
	require.Equal(t, payments.Failed, s.payment(p.ID).State)
}

// A wallet that goes on refusing what may have been paid before is asked again and again, and that does not put the end off for ever.
func TestPay_AskingAgainInVainEnds(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.settles, s.wallets.tokenLife = false, 2*time.Hour
	s.wallets.before["pay"] = []error{refusal(openpayments.ErrTimeout)}
	for range 400 {
		s.wallets.before["pay"] = append(s.wallets.before["pay"], refusal(openpayments.ErrUnauthorized))
	}
	p := s.start()
	p = s.finish(p, s.proof(p))
	began := s.clock.Now()
	for !p.State.Ended() {
		p = s.work(p.ID, time.Minute)
		require.Less(t, s.clock.Now().Sub(began), 30*time.Minute)
	}
	s.requireFailed(p, payments.WalletError)
	require.GreaterOrEqual(t, s.clock.Now().Sub(began), 15*time.Minute)
}

// The same while the money is on its way: the token that lets us ask how it fares is rotated by one alone.
func TestSettle_ASlowWalletDoesNotLetTwoRotate(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.settles = false
	p := s.start()
	p = s.finish(p, s.proof(p))
	require.Equal(t, payments.Sending, p.State)
	s.wallets.set(func() { s.wallets.before["look"] = []error{refusal(openpayments.ErrInactiveToken)} })
	rotations := 0
	a := s.another(func(w *payments.Wallets) {
		w.OutgoingPayment = slow{outgoingCalls{s.wallets}, func() { s.clock.Advance(31 * time.Second) }} // together with the look at the seller's side
		w.Token = rotating{tokenCalls{s.wallets}, func() {
			rotations++
			require.Empty(t, mustClaim(s), "it is in hand")
		}}
	})
	s.clock.Advance(time.Minute)
	due := mustClaim(s)
	require.Len(t, due, 1)
	s.passing(func() { require.NoError(t, a.Advance(t.Context(), due[0])) })
	require.Equal(t, 1, rotations)
}
