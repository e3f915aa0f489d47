package payments

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments/openpayments"
)

type advanceStore interface {
	// ClaimDue leases up to n payments whose NextStepAt has come to the caller: their Version
	// is a new one, and their NextStepAt is until.
	ClaimDue(ctx context.Context, n int, now, until time.Time) ([]Payment, error)
}

// Claim leases up to n payments that are due, for Advance.
func (s *Service) Claim(ctx context.Context, n int) ([]Payment, error) {
	now := s.clock.Now()
	return s.store.ClaimDue(ctx, n, now, now.Add(s.settings.Lease))
}

// Advance drives a claimed payment as far as it gets. What another process did before may have taken effect at
// the wallet, so it looks before it asks. It is safe to call for the same payment twice, in two processes too.
func (s *Service) Advance(ctx context.Context, p Payment) error {
	_, err := s.advance(ctx, ByWorker, p, s.clock.Now().Add(s.settings.FinishWait), false)
	if errors.Is(err, ErrStale) {
		return nil // the lease ran out, and somebody else has it
	}
	return err
}

// advance takes steps until the payment has ended, or must wait beyond until. The caller holds its lease. fresh says
// that nothing has been asked of a wallet in this state yet: without it, the wallet is looked at first.
func (s *Service) advance(ctx context.Context, by Actor, p Payment, until time.Time, fresh bool) (Payment, error) {
	wallets, err := s.walletsOf(ctx, p)
	if err != nil {
		return p, err
	}
	for !p.NextStepAt.IsZero() {
		ended := p.State.Ended()
		c, wait, err := s.step(ctx, wallets, p, fresh)
		if err != nil {
			return p, err
		}
		if wait > 0 && !ended && !s.clock.Now().Add(wait).After(until) {
			// Short enough to keep the lease and wait here; nothing to write down.
			p.Tries, p.ReceivedAmount, fresh = c.After.Tries, c.After.ReceivedAmount, false
			if err := clock.Sleep(ctx, s.clock, wait); err != nil {
				return p, err
			}
			continue
		}
		if p, err = s.record(ctx, by, c); err != nil || wait > 0 || p.State.Ended() {
			return p, err
		}
		fresh = c.moves() || c.Before.QuoteID != c.After.QuoteID
	}
	return p, nil
}

// later is the verdict that p has to wait: the change is to be recorded by whoever will not.
func (s *Service) later(p Payment, wait time.Duration) (Change, time.Duration, error) {
	now := s.clock.Now()
	return p.Postpone(now.Add(wait), now), wait, nil
}

// step decides the next step. It returns the change to record; and, above zero, how long to wait before the
// same step is taken again.
func (s *Service) step(ctx context.Context, w Wallets, p Payment, fresh bool) (Change, time.Duration, error) {
	now := s.clock.Now()
	switch {
	case p.State == Created:
		// The process that was starting it is gone, and with it the buyer's redirect.
		c, err := p.Fail(Interrupted, "the start was interrupted", now)
		return c, 0, err
	case p.Ending != "":
		return s.cancelConsent(ctx, w, p)
	case p.State == AwaitingApproval:
		c, err := p.End(Expired, now)
		return c, 0, err
	case p.State == Approved:
		return s.continueGrant(ctx, w, p)
	case p.State == Authorized:
		return s.pay(ctx, w, p, fresh)
	case p.State == Sending:
		return s.settle(ctx, w, p)
	case p.State.Ended():
		return s.watch(ctx, w, p)
	}
	return Change{}, 0, fmt.Errorf("there is no step from %q", p.State)
}

// cancelTries is how often a wallet that does not answer is asked to cancel a consent. Without our next call the
// consent pays nothing, so in the end the payment fails without the wallet's word.
const cancelTries = 5

// cancelConsent tells the wallet that the consent is not wanted any more, and ends the payment.
func (s *Service) cancelConsent(ctx context.Context, w Wallets, p Payment) (Change, time.Duration, error) {
	err := w.Grant.Cancel(ctx, openpayments.GrantCancelParams{URL: p.Consent.ContinueURI, AccessToken: p.Consent.ContinueToken.Reveal()})
	detail := "the consent was cancelled at the wallet"
	if err != nil {
		if passing(err) && p.Tries < cancelTries {
			return s.later(p, backoff(p.Tries, err))
		}
		detail = "the wallet did not confirm that the consent is cancelled: " + err.Error()
	}
	c, err := p.Fail(p.Ending, detail, s.clock.Now())
	return c, 0, err
}

// continueGrant turns the buyer's approval into an access token. It can be done once: when the answer is lost, the
// token is lost, no money has moved, and the buyer must approve again (traces/02-c-continue-twice.json).
func (s *Service) continueGrant(ctx context.Context, w Wallets, p Payment) (Change, time.Duration, error) {
	if wait := p.Consent.ContinueNotUntil.Sub(s.clock.Now()); wait > 0 {
		return s.later(p, wait)
	}
	g, err := w.Grant.Continue(ctx, openpayments.GrantContinueParams{
		URL: p.Consent.ContinueURI, AccessToken: p.Consent.ContinueToken.Reveal(), InteractRef: p.Consent.InteractRef,
	})
	if err != nil {
		return s.decide(p, err)
	}
	if g.AccessToken != nil {
		c, err := p.Authorize(*g.AccessToken, s.clock.Now())
		return c, 0, err
	}
	if g.Continue == nil {
		c, err := p.Fail(WalletError, "the wallet answered with neither a token nor a way to continue", s.clock.Now())
		return c, 0, err
	}
	return p.Renew(*g.Continue, s.clock.Now()), 0, nil
}

// maxQuotes is how many quotes one consent is tried with.
const maxQuotes = 5

// pay makes the outgoing payment of the quote. The quote's UUID makes it idempotent at the wallet: a second POST is "invalid
// quote", and the outgoing payment is found under that UUID (traces/02-e-outgoing-same-quote-twice.json).
func (s *Service) pay(ctx context.Context, w Wallets, p Payment, fresh bool) (Change, time.Duration, error) {
	if p.Token.dying(s.clock.Now()) {
		return s.rotate(ctx, w, p)
	}
	if !fresh {
		c, found, err := s.look(ctx, w, p)
		if errors.Is(err, openpayments.ErrInactiveToken) {
			return s.rotate(ctx, w, p)
		}
		if err != nil {
			return s.decide(p, err)
		}
		if found {
			return c, 0, nil
		}
	}
	out, err := w.OutgoingPayment.Create(ctx, openpayments.OutgoingPaymentCreateParams{
		BaseURL: p.Buyer.ResourceServer, AccessToken: p.Token.Value.Reveal(), WalletAddress: p.Buyer.WalletAddress, QuoteID: p.QuoteID,
		Metadata: map[string]string{"offerId": p.OfferID, "pendingId": string(p.ID)},
	})
	if err == nil {
		c, err := p.Send(out.ID, s.clock.Now())
		return c, 0, err
	}
	if errors.Is(err, openpayments.ErrInactiveToken) {
		return s.rotate(ctx, w, p)
	}
	if !errors.Is(err, openpayments.ErrInvalidQuote) {
		return s.decide(p, err)
	}
	// Used already, or dead: only a look can tell.
	c, found, err := s.look(ctx, w, p)
	if err != nil {
		return s.decide(p, err)
	}
	if found {
		return c, 0, nil
	}
	return s.requote(ctx, w, p)
}

// look asks the wallet whether there is an outgoing payment of the quote: under the quote's UUID, where the wallets that we know have it, and
// then among the newest of the buyer's, which name their quotes.
func (s *Service) look(ctx context.Context, w Wallets, p Payment) (Change, bool, error) {
	out, err := w.OutgoingPayment.Get(ctx, openpayments.OutgoingPaymentGetParams{URL: p.paysQuote(), AccessToken: p.Token.Value.Reveal()})
	if err == nil {
		c, err := p.Send(out.ID, s.clock.Now())
		return c, true, err
	}
	if !errors.Is(err, openpayments.ErrUnknownPayment) {
		return Change{}, false, err
	}
	newest, err := w.OutgoingPayment.List(ctx, openpayments.ListParams{
		BaseURL: p.Buyer.ResourceServer, AccessToken: p.Token.Value.Reveal(), WalletAddress: p.Buyer.WalletAddress, First: lookedAt,
	})
	if passing(err) || errors.Is(err, openpayments.ErrInactiveToken) {
		return Change{}, false, err
	}
	for _, out := range newest.Result { // none, of a wallet that refuses to list
		if out.QuoteID == p.QuoteID {
			c, err := p.Send(out.ID, s.clock.Now())
			return c, true, err
		}
	}
	return Change{}, false, nil
}

// lookedAt is how many of a buyer's newest outgoing payments are looked through.
const lookedAt = 20

// paysQuote is where the outgoing payment of the quote is, if there is one: under the quote's UUID.
func (p Payment) paysQuote() string {
	uuid := p.QuoteID[strings.LastIndexByte(p.QuoteID, '/')+1:]
	return strings.TrimSuffix(p.Buyer.ResourceServer, "/") + "/outgoing-payments/" + uuid
}

// rotate replaces a token that died before the quote was paid, or before we knew that it was; a dead token can be rotated
// (traces/02-j-token-rotation-expiry.json). When it cannot, the seller's side tells whether the money came.
func (s *Service) rotate(ctx context.Context, w Wallets, p Payment) (Change, time.Duration, error) {
	token, err := w.Token.Rotate(ctx, openpayments.TokenRotateParams{URL: p.Token.ManageURI, AccessToken: p.Token.Value.Reveal()})
	if err == nil {
		return p.Rotate(token, s.clock.Now()), 0, nil
	}
	if passing(err) {
		return s.later(p, backoff(p.Tries, err))
	}
	incoming, lookErr := w.IncomingPayment.GetPublic(ctx, openpayments.IncomingPaymentGetPublicParams{URL: p.IncomingPaymentID})
	if lookErr != nil && !errors.Is(lookErr, openpayments.ErrUnknownPayment) {
		return s.later(p, backoff(p.Tries, lookErr))
	}
	if fills(incoming.ReceivedAmount, p.Amount) {
		c, err := p.Send(p.paysQuote(), s.clock.Now())
		return c, 0, err
	}
	return s.decide(p, err)
}

// requote replaces a quote that died while the buyer was deciding: a quote lives 5 minutes and a consent 10. The
// consent is not bound to a quote, and pays any that is within it (traces/05-01-requote-within-consent.json).
func (s *Service) requote(ctx context.Context, w Wallets, p Payment) (Change, time.Duration, error) {
	now := s.clock.Now()
	if p.Quotes >= maxQuotes {
		c, err := p.Fail(WalletError, fmt.Sprintf("the wallet refused %d quotes", p.Quotes), now)
		return c, 0, err
	}
	token, err := grant(ctx, w, p.Buyer.AuthServer, openpayments.AccessQuote, openpayments.ActionCreate, openpayments.ActionRead)
	if err != nil {
		return s.decide(p, err)
	}
	q, err := quote(ctx, w, p, token, p.IncomingPaymentID)
	if err != nil {
		return s.decide(p, err)
	}
	c, err := p.Requote(q, now)
	if CodeOf(err) == CodeQuoteTooDear {
		c, err = p.Fail(QuoteTooDear, err.Error(), now)
	}
	return c, 0, err
}

// settle asks both sides. The incoming payment is the truth: sentAmount and completed are not
// (PROTOCOL, "When is it paid?"; traces/05-07-cross-currency.json).
func (s *Service) settle(ctx context.Context, w Wallets, p Payment) (Change, time.Duration, error) {
	incoming, err := w.IncomingPayment.GetPublic(ctx, openpayments.IncomingPaymentGetPublicParams{URL: p.IncomingPaymentID})
	if err == nil {
		p.ReceivedAmount = incoming.ReceivedAmount
		if fills(p.ReceivedAmount, p.Amount) {
			c, err := p.Settle(incoming.ReceivedAmount, s.clock.Now())
			return c, 0, err
		}
	} else if ctx.Err() != nil {
		return Change{}, 0, ctx.Err()
	}
	now := s.clock.Now()
	if errors.Is(err, openpayments.ErrUnknownPayment) && now.Sub(p.CreatedAt) > incomingLifetime {
		// It expired without a cent, and wallets delete those: nothing can arrive any more.
		c, err := p.Fail(PaymentFailed, "the seller's incoming payment expired before any money came", now)
		return c, 0, err
	}
	if p.Token.Value == "" {
		return s.later(p, settleAgain(p.Tries)) // lost: the seller's side alone can tell
	}
	if p.Token.dying(now) {
		return s.rotateWhileSending(ctx, w, p)
	}
	out, err := w.OutgoingPayment.Get(ctx, openpayments.OutgoingPaymentGetParams{URL: p.OutgoingPaymentID, AccessToken: p.Token.Value.Reveal()})
	switch {
	case errors.Is(err, openpayments.ErrInactiveToken):
		return s.rotateWhileSending(ctx, w, p)
	case err == nil && out.Failed:
		reason := PaymentFailed
		words := out.Metadata["cancellationReason"]
		if strings.Contains(words, "enough balance") { // traces/02-k-exceeding-limits.json
			reason = InsufficientFunds
		}
		c, err := p.Fail(reason, "the wallet says: "+words, now)
		return c, 0, err
	case err == nil && out.SentAmount.IsZero() && p.ReceivedAmount.IsZero() && now.Sub(p.Since) > sendingLimit:
		// Of two payments of one incoming payment that raced, the loser stays so for ever (traces/05-12-double.json).
		c, err := p.Fail(PaymentFailed, fmt.Sprintf("the wallet has sent nothing for %s", sendingLimit), now)
		return c, 0, err
	}
	// Money is on its way, or we could not ask. Nobody but the wallets can end this.
	return s.later(p, settleAgain(p.Tries))
}

// sendingLimit is how long an outgoing payment may send nothing. Money takes about 0.4 s, and a quote lives five
// minutes: a payment that has not begun by then never will.
const sendingLimit = 15 * time.Minute

// rotateWhileSending keeps the token alive that lets us ask how the outgoing payment fares. When it cannot be, the
// payment is still asked for at the seller's side.
func (s *Service) rotateWhileSending(ctx context.Context, w Wallets, p Payment) (Change, time.Duration, error) {
	token, err := w.Token.Rotate(ctx, openpayments.TokenRotateParams{URL: p.Token.ManageURI, AccessToken: p.Token.Value.Reveal()})
	if err == nil {
		return p.Rotate(token, s.clock.Now()), 0, nil
	}
	if passing(err) {
		return s.later(p, backoff(p.Tries, err))
	}
	return p.LoseToken(s.clock.Now()), 0, nil
}

// watch looks at the seller's side of a payment that has ended, for a while: money of a failed payment that arrives all the same, and money
// that arrives twice, must be seen.
func (s *Service) watch(ctx context.Context, w Wallets, p Payment) (Change, time.Duration, error) {
	now := s.clock.Now()
	incoming, err := w.IncomingPayment.GetPublic(ctx, openpayments.IncomingPaymentGetPublicParams{URL: p.IncomingPaymentID})
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
		return s.later(p, watchPaid[p.Tries+1])
	}
	if now.Sub(p.CreatedAt) > incomingLifetime+time.Hour {
		return p.Forget(now), 0, nil
	}
	return s.later(p, min(time.Minute<<min(p.Tries, 6), time.Hour))
}

// decide is what every error of a wallet means for a payment on its way: ask again later, or the
// reason why it fails. Until there is an outgoing payment, a refusal means that no money moves.
func (s *Service) decide(p Payment, err error) (Change, time.Duration, error) {
	now := s.clock.Now()
	var reason Reason
	switch {
	case passing(err), errors.Is(err, openpayments.ErrTooFast):
		return s.later(p, backoff(p.Tries, err))
	case errors.Is(err, openpayments.ErrInvalidClient) && p.Tries < cancelTries:
		// The wallet could not read our keys just now, or an operator is changing them.
		return s.later(p, backoff(p.Tries, err))
	case errors.Is(err, openpayments.ErrRequestDenied), errors.Is(err, openpayments.ErrInvalidContinuation),
		errors.Is(err, openpayments.ErrInactiveToken), errors.Is(err, openpayments.ErrInvalidRotation):
		reason = AuthorizationLost
	case isWallets(err):
		reason = WalletError
	default:
		return Change{}, 0, err
	}
	c, failed := p.Fail(reason, err.Error(), now)
	return c, 0, failed
}

// passing reports whether a wallet may answer differently the next time, or has done what was asked
// although we do not know it: then the next try looks first.
func passing(err error) bool {
	return openpayments.OutcomeUnknown(err) || errors.Is(err, openpayments.ErrUnreachable) || errors.Is(err, openpayments.ErrTooManyRequests)
}

func isWallets(err error) bool {
	_, wallets := errors.AsType[*openpayments.Error](err)
	return wallets || CodeOf(err) == CodeWalletRefused
}

// backoff is 1 s, 2 s, 4 s, … up to 5 minutes, or what the wallet asked for.
func backoff(tries int, err error) time.Duration {
	wait := min(time.Second<<min(tries, 10), 5*time.Minute)
	if refused, ok := errors.AsType[*openpayments.Error](err); ok && refused.RetryAfter > 0 {
		wait = min(refused.RetryAfter, time.Hour)
	}
	return wait
}

// settleAgain is when to ask again whether the money has arrived: soon at first, since it takes about 0.4 s, then ever later.
func settleAgain(tries int) time.Duration {
	return min(100*time.Millisecond<<min(tries, 12), 5*time.Minute)
}
