package payments_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments"
	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/webhook"
)

// expired is a payment that nobody approved in time.
func (s *story) expired() payments.Payment {
	s.Helper()
	p := s.start()
	p = s.work(p.ID, 11*time.Minute)
	s.requireFailed(p, payments.Expired)
	return p
}

func (s *story) receive(value int64) {
	s.wallets.set(func() { s.wallets.received = amount(value, "MXN") })
}

// events are the webhooks of a payment, in their order.
func (s *story) events(id payments.PaymentID) []webhook.Event {
	s.Helper()
	deliveries, err := s.store.Deliveries(s.Context(), id)
	require.NoError(s, err)
	events := make([]webhook.Event, len(deliveries))
	for i, d := range deliveries {
		events[i], err = webhook.Parse(d.Body)
		require.NoError(s, err)
	}
	return events
}

func TestWatch_MoneyThatComesLateIsBookedAndTold(t *testing.T) {
	t.Parallel()
	s := tell(t)
	p := s.expired()
	p = s.work(p.ID, 2*time.Minute)
	require.Equal(t, payments.Failed, p.State, "nothing has come")

	s.receive(4000)
	p = s.work(p.ID, 2*time.Hour)
	require.Equal(t, payments.Failed, p.State, "a part is not paid")
	require.Equal(t, "40.00 MXN", p.ReceivedAmount.String(), "but it is booked")

	s.receive(10000)
	p = s.work(p.ID, 2*time.Hour)
	require.Equal(t, payments.PaidLate, p.State)
	require.Equal(t, s.clock.Now(), p.PaidAt)
	events := s.events(p.ID)
	require.Len(t, events, 2)
	require.Equal(t, webhook.Failed, events[0].Type)
	require.Equal(t, webhook.Completed, events[1].Type)
	require.Equal(t, "paid", events[1].Status)
	require.Empty(t, events[1].Reason)
	s.requireTrail(p)
	trail, err := s.store.AuditTrail(t.Context(), p.ID)
	require.NoError(t, err)
	require.Contains(t, trail[len(trail)-1].Detail, "expired")

	_, err = s.Start(t.Context(), request())
	require.Equal(t, payments.CodeAlreadyPaid, payments.CodeOf(err), "the offer is paid")
}

func TestWatch_LateMoneyCallsOffTheNextAttempt(t *testing.T) {
	t.Parallel()
	s := tell(t)
	late := s.expired()
	second := s.start()
	s.receive(10000) // both have the same incoming payment at this wallet; what counts is that the first is full
	s.clock.Advance(2 * time.Minute)
	due := mustClaim(s)
	require.Len(t, due, 1)
	require.NoError(t, s.Advance(t.Context(), due[0]))
	require.Equal(t, payments.PaidLate, s.payment(late.ID).State)
	require.Equal(t, payments.Canceled, s.payment(second.ID).Ending)

	_, err := s.Finish(t.Context(), second.ID, s.proof(second))
	require.Equal(t, payments.CodeWrongState, payments.CodeOf(err), "an approval in the meantime does not pay twice")
	s.requireFailed(s.work(second.ID, time.Second), payments.Canceled)
	require.Empty(t, s.wallets.paid)
}

func TestWatch_EndsByItself(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(s *story) payments.Payment{
		"failed": func(s *story) payments.Payment { return s.expired() },
		"paid": func(s *story) payments.Payment {
			p := s.start()
			return s.finish(p, s.proof(p))
		},
		"gone at the wallet": func(s *story) payments.Payment {
			p := s.expired()
			unknown := refusal(openpayments.ErrUnknownPayment)
			for range 100 {
				s.wallets.before["received"] = append(s.wallets.before["received"], unknown)
			}
			return p
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tell(t)
			p := end(s)
			looked := 0
			for ; !p.NextStepAt.IsZero(); looked++ {
				require.Less(t, looked, 60)
				p = s.work(p.ID, p.NextStepAt.Sub(s.clock.Now()))
			}
			require.NotZero(t, looked)
			require.Less(t, s.clock.Now().Sub(p.CreatedAt), 30*time.Hour)
			require.Len(t, s.events(p.ID), 1)
		})
	}
}

func TestWatch_MoreThanAskedIsBookedAndTold(t *testing.T) {
	t.Parallel()
	s := tell(t)
	p := s.start()
	p = s.finish(p, s.proof(p))
	require.False(t, p.Overpaid().IsSet())

	s.receive(20000) // two wallets raced: traces/05-12-double.json
	p = s.work(p.ID, 2*time.Minute)
	require.Equal(t, payments.Paid, p.State)
	require.Equal(t, "100.00 MXN", p.Overpaid().String())
	events := s.events(p.ID)
	require.Len(t, events, 2)
	require.Nil(t, events[0].OverpaidAmount)
	require.Equal(t, webhook.Completed, events[1].Type)
	require.Equal(t, int64(10000), events[1].OverpaidAmount.Value())
}

func TestSettle_TellsWhatWasOverpaid(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.settles = false
	p := s.start()
	p = s.finish(p, s.proof(p))
	s.receive(10003)
	p = s.work(p.ID, time.Hour)
	s.requirePaid(p)
	require.Equal(t, int64(3), s.events(p.ID)[0].OverpaidAmount.Value())
}

func TestSettle_APaymentThatSendsNothingDoesNotHang(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.settles = false
	p := s.start()
	p = s.finish(p, s.proof(p))
	for tries := 0; p.State == payments.Sending; tries++ {
		require.Less(t, tries, 30)
		p = s.work(p.ID, 5*time.Minute)
	}
	s.requireFailed(p, payments.PaymentFailed)
	require.GreaterOrEqual(t, s.clock.Now().Sub(p.CreatedAt), 15*time.Minute)
	s.receive(10000) // and should it arrive all the same, it is seen
	require.Equal(t, payments.PaidLate, s.work(p.ID, time.Hour).State)
}

func TestSettle_TheTokenIsKeptAliveOrDoneWithout(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.settles = false
	p := s.start()
	p = s.finish(p, s.proof(p))
	p = s.work(p.ID, 9*time.Minute+30*time.Second)
	require.Equal(t, "access-token-1-rotated", p.Token.Value.Reveal(), "rotated before it dies")
	s.wallets.set(func() { s.wallets.failed = "Account does not have enough balance." })
	s.requireFailed(s.work(p.ID, 5*time.Minute), payments.InsufficientFunds)

	s = tell(t)
	s.wallets.settles = false
	p = s.start()
	p = s.finish(p, s.proof(p))
	s.wallets.before["rotate"] = []error{refusal(openpayments.ErrInvalidRotation)}
	p = s.work(p.ID, 9*time.Minute+30*time.Second)
	require.Empty(t, p.Token.Value)
	s.receive(10000)
	s.requirePaid(s.work(p.ID, time.Hour))
}

func TestPay_ATokenThatDiesIsRotatedFirst(t *testing.T) {
	t.Parallel()
	s := tell(t)
	p := s.start()
	away := refusal(openpayments.ErrUnreachable)
	s.wallets.before["pay"] = []error{away, away, away, away, away, away}
	p = s.finish(p, s.proof(p))
	require.Equal(t, payments.Authorized, p.State)
	s.wallets.set(func() { s.wallets.before["pay"] = nil })
	p = s.work(p.ID, 9*time.Minute+30*time.Second)
	require.Equal(t, 1, s.wallets.count("rotate"))
	s.requirePaid(p)
}

// A token that is never far from its end is used as it is. Rotated ahead of its end, it would be rotated for ever.
func TestPay_TokensOfShortLife(t *testing.T) {
	t.Parallel()
	for _, life := range []time.Duration{time.Second, 30 * time.Second, time.Minute} {
		s := tell(t)
		s.wallets.tokenLife = life
		p := s.start()
		s.requirePaid(s.finish(p, s.proof(p)))
		require.Zero(t, s.wallets.count("rotate"), life)
	}
}

func TestLook_FindsAPaymentUnderAnotherID(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.after["pay"] = []error{refusal(openpayments.ErrTimeout)}
	s.wallets.before["look"] = []error{refusal(openpayments.ErrUnknownPayment)} // this wallet keeps it elsewhere
	p := s.start()
	s.requirePaid(s.finish(p, s.proof(p)))
	require.Equal(t, 1, s.wallets.count("pay"))
	require.Equal(t, 1, s.wallets.count("list"))
}

func TestCancel_BeforeTheApproval(t *testing.T) {
	t.Parallel()
	s := tell(t)
	p := s.start()
	proof := s.proof(p)
	canceled, err := s.Cancel(t.Context(), payments.ByMarketplace, p.ID)
	require.NoError(t, err)
	s.requireFailed(canceled, payments.Canceled)
	require.Equal(t, 1, s.wallets.count("cancel"))
	_, err = s.Cancel(t.Context(), payments.ByMarketplace, p.ID)
	require.NoError(t, err, "again is the same")
	require.Equal(t, payments.Failed, s.finish(p, proof).State)
	require.Empty(t, s.wallets.paid)
	s.start()
}

func TestCancel_NotOnceMoneyMayMove(t *testing.T) {
	t.Parallel()
	s := tell(t)
	p := s.approved()
	_, err := s.Cancel(t.Context(), payments.ByMarketplace, p.ID)
	require.Equal(t, payments.CodeInProgress, payments.CodeOf(err))
	p = s.work(p.ID, time.Hour)
	s.requirePaid(p)
	_, err = s.Cancel(t.Context(), payments.ByMarketplace, p.ID)
	require.Equal(t, payments.CodeAlreadyPaid, payments.CodeOf(err))
	_, err = s.Cancel(t.Context(), payments.ByMarketplace, "01JDDDDDDDDDDDDDDDDDDDDDDD")
	require.Equal(t, payments.CodeNotFound, payments.CodeOf(err))

	s = tell(t)
	_, err = s.Cancel(t.Context(), payments.ByMarketplace, s.expired().ID)
	require.Equal(t, payments.CodeWrongState, payments.CodeOf(err))
}

func TestCancel_WhileTheWalletIsAway(t *testing.T) {
	t.Parallel()
	s := tell(t)
	p := s.start()
	away := refusal(openpayments.ErrTimeout)
	s.wallets.before["cancel"] = []error{away, away, away, away}
	var err error
	s.passing(func() { _, err = s.Cancel(t.Context(), payments.ByMarketplace, p.ID) })
	require.Equal(t, payments.CodeWalletDown, payments.CodeOf(err))
	_, err = s.Finish(t.Context(), p.ID, s.proof(p))
	require.Equal(t, payments.CodeWrongState, payments.CodeOf(err), "no approval counts any more")
	s.requireFailed(s.work(p.ID, time.Hour), payments.Canceled)
}
