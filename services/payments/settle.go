package payments

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tianguis.example/payments/openpayments"
)

// sendingLimit is how long an outgoing payment may send nothing. Money takes about 0.4 s, and a quote lives five
// minutes: a payment that has not begun by then never will.
const sendingLimit = 15 * time.Minute

// settle asks both sides. The incoming payment is the truth: sentAmount and completed are not
// (PROTOCOL, "When is it paid?"; traces/05-07-cross-currency.json).
func (s *Service) settle(ctx context.Context, w Wallets, p Payment) (Change, time.Duration, error) {
	incoming, sellers := w.IncomingPayment.GetPublic(ctx, openpayments.IncomingPaymentGetPublicParams{URL: p.IncomingPaymentID})
	if sellers == nil {
		p.ReceivedAmount = incoming.ReceivedAmount
		if fills(p.ReceivedAmount, p.Amount) {
			c, err := p.Settle(incoming.ReceivedAmount, s.clock.Now())
			return c, 0, err
		}
	}
	now := s.clock.Now()
	switch {
	case p.Token.Value == "":
		return s.later(p, settleAgain(p.Tries), sellers) // lost: the seller's side alone can tell
	case p.Token.dying(now):
		return s.rotateWhileSending(ctx, w, p)
	}
	out, err := w.OutgoingPayment.Get(ctx, openpayments.OutgoingPaymentGetParams{URL: p.OutgoingPaymentID, AccessToken: p.Token.Value.Reveal()})
	switch {
	case errors.Is(err, openpayments.ErrInactiveToken):
		return s.rotateWhileSending(ctx, w, p)
	case err == nil && out.Failed && sellers != nil:
		return s.later(p, settleAgain(p.Tries), sellers) // only the seller's side tells how much of it arrived
	case err == nil && out.Failed:
		words := out.Metadata["cancellationReason"]
		reason := PaymentFailed
		switch {
		case !p.ReceivedAmount.IsZero():
			reason = PaidInPart
		case strings.Contains(words, "enough balance"): // traces/02-k-exceeding-limits.json
			reason = InsufficientFunds
		}
		c, err := p.Fail(reason, "the wallet says: "+words, now)
		return c, 0, err
	case err == nil && sellers == nil && out.SentAmount.IsZero() && p.ReceivedAmount.IsZero() && now.Sub(p.Since) > sendingLimit:
		// Of two payments of one incoming payment that raced, the loser stays so for ever (traces/05-12-double.json).
		c, err := p.Fail(PaymentFailed, fmt.Sprintf("the wallet has sent nothing for %s", sendingLimit), now)
		return c, 0, err
	}
	// Money is on its way, or we could not ask. Nobody but the wallets can end this.
	return s.later(p, settleAgain(p.Tries), errors.Join(sellers, err))
}

// settleAgain is when to ask again whether the money has arrived: soon at first, since it takes about 0.4 s, then ever later.
func settleAgain(tries int) time.Duration {
	return min(100*time.Millisecond<<min(tries, 12), 5*time.Minute)
}

// rotateWhileSending keeps the token alive that lets us ask how the outgoing payment fares. When it cannot be, the
// payment is still asked for at the seller's side.
func (s *Service) rotateWhileSending(ctx context.Context, w Wallets, p Payment) (Change, time.Duration, error) {
	p, err := s.renewLease(ctx, p)
	if err != nil {
		return Change{}, 0, err
	}
	token, err := w.Token.Rotate(ctx, openpayments.TokenRotateParams{URL: p.Token.ManageURI, AccessToken: p.Token.Value.Reveal()})
	if err == nil {
		return p.Rotate(token, s.clock.Now()), 0, nil
	}
	if passing(err) {
		return s.later(p, backoff(p.Tries, err), err)
	}
	return p.LoseToken(s.clock.Now()), 0, nil
}

// renewLease counts the lease from now, before a call that must not be made twice at a time: the calls before it in the same step may have taken longer. It
// returns ErrStale when somebody else has the payment.
func (s *Service) renewLease(ctx context.Context, p Payment) (Payment, error) {
	c := p.touch(s.clock.Now(), time.Time{})
	c.held = true
	return s.record(ctx, ByWorker, c)
}

const (
	// bookClosing is how long after the end of the incoming payment's life the last question is asked.
	bookClosing = 10 * time.Minute
	// silence is how long wallets may be silent before a payment ends without their word.
	silence = 7 * 24 * time.Hour
)

// closeBooks ends a payment whose incoming payment has expired: no money can arrive any more. The seller's side is asked for the last
// time. A wallet that has no such payment deleted it without a cent in it.
func (s *Service) closeBooks(ctx context.Context, w Wallets, p Payment) (Change, time.Duration, error) {
	incoming, err := w.IncomingPayment.GetPublic(ctx, openpayments.IncomingPaymentGetPublicParams{URL: p.IncomingPaymentID})
	now := s.clock.Now()
	gone := errors.Is(err, openpayments.ErrUnknownPayment)
	if err == nil {
		p.ReceivedAmount = incoming.ReceivedAmount
	}
	var c Change
	switch {
	case err == nil && fills(p.ReceivedAmount, p.Amount) && p.State == Sending:
		c, err = p.Settle(p.ReceivedAmount, now)
	case err == nil && fills(p.ReceivedAmount, p.Amount) && p.State == Authorized:
		c, err = p.Send(p.paysQuote(), now)
	case (gone || err == nil) && p.ReceivedAmount.IsZero():
		c, err = p.Fail(PaymentFailed, "the seller's incoming payment expired before any money came", now)
	case gone, err == nil:
		c, err = p.Fail(PaidInPart, fmt.Sprintf("the seller's incoming payment expired with %s of %s", p.ReceivedAmount, p.Amount), now)
	case now.Sub(p.CreatedAt) > silence:
		c, err = p.Fail(OutcomeUnknown, "the seller's wallet does not answer: "+err.Error(), now)
	default:
		return s.later(p, backoff(p.Tries, err), err)
	}
	return c, 0, err
}
