package payments

import (
	"context"
	"time"

	"tianguis.example/payments/openpayments"
)

// watchPaid is how long after its end a paid payment is looked at again, for money that came twice.
var watchPaid = []time.Duration{time.Minute, 10 * time.Minute, time.Hour}

// watch looks at the seller's side of a payment that has ended, for a while: money of a failed payment that arrives all the same, and money
// that arrives twice, must be seen.
func (s *Service) watch(ctx context.Context, w Wallets, p Payment) (Change, time.Duration, error) {
	incoming, err := w.IncomingPayment.GetPublic(ctx, openpayments.IncomingPaymentGetPublicParams{URL: p.IncomingPaymentID})
	now := s.clock.Now()
	if err != nil { // expired without a cent, and deleted; or not to be had just now
		return s.watchAgain(p, now)
	}
	seen := incoming.ReceivedAmount
	if p.State == Failed && fills(seen, p.Amount) {
		c, err := p.SettleLate(seen, now)
		return c, 0, err
	}
	known, err := seen.Compare(p.ReceivedAmount)
	if seen.IsZero() || err == nil && known <= 0 {
		return s.watchAgain(p, now)
	}
	return p.Book(seen, now), 0, nil
}

// watchAgain puts the next look off, and at last for ever: a failed payment's until its incoming payment has expired.
func (s *Service) watchAgain(p Payment, now time.Time) (Change, time.Duration, error) {
	if p.State.Received() {
		if p.Tries+1 >= len(watchPaid) {
			return p.Forget(now), 0, nil
		}
		return s.later(p, watchPaid[p.Tries+1], nil)
	}
	if now.Sub(p.CreatedAt) > incomingLifetime+time.Hour {
		return p.Forget(now), 0, nil
	}
	return s.later(p, min(time.Minute<<min(p.Tries, 6), time.Hour), nil)
}
