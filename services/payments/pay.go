package payments

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tianguis.example/payments/openpayments"
)

// pay makes the outgoing payment of the quote. The quote's UUID makes it idempotent at the wallet: a second POST is "invalid
// quote", and the outgoing payment is found under that UUID (traces/02-e-outgoing-same-quote-twice.json). Unless this is the first try, it looks
// first. A look that is refused says nothing about the money, so then the payment waits.
func (s *Service) pay(ctx context.Context, w Wallets, p Payment, fresh bool) (Change, time.Duration, error) {
	if p.Token.dying(s.clock.Now()) {
		return s.rotate(ctx, w, p, fresh)
	}
	if !fresh {
		c, found, err := s.look(ctx, w, p)
		if errors.Is(err, openpayments.ErrInactiveToken) {
			return s.rotate(ctx, w, p, fresh)
		}
		if err != nil {
			return s.later(p, backoff(p.Tries, err), err)
		}
		if found {
			return c, 0, nil
		}
	}
	// Money of an earlier payment may have come late, and the buyer has approved this one in the meantime.
	if other, err := s.store.LivePayment(ctx, p.OfferID); err != nil || other.ID != p.ID {
		if err != nil {
			return Change{}, 0, fmt.Errorf("read the offer's payment: %w", err)
		}
		return s.giveUp(ctx, w, p, fresh, alreadyPaid(other))
	}
	if now := s.clock.Now(); !fresh && now.Sub(p.asked()) > askedMargin {
		return p.AskAgain(now), 0, nil
	}
	out, err := w.OutgoingPayment.Create(ctx, openpayments.OutgoingPaymentCreateParams{
		BaseURL: p.Buyer.ResourceServer, AccessToken: p.Token.Value.Reveal(), WalletAddress: p.Buyer.WalletAddress, QuoteID: p.QuoteID,
		Metadata: map[string]string{"offerId": p.OfferID, "pendingId": string(p.ID)},
	})
	switch {
	case err == nil:
		c, err := p.Send(out.ID, s.clock.Now())
		return c, 0, err
	case passing(err):
		return s.later(p, backoff(p.Tries, err), err)
	}
	p = p.refused()
	switch {
	case errors.Is(err, openpayments.ErrInactiveToken):
		return s.rotate(ctx, w, p, fresh)
	case !errors.Is(err, openpayments.ErrInvalidQuote):
		return s.giveUp(ctx, w, p, fresh, err)
	}
	// Used already, or dead: only a look can tell.
	c, found, err := s.look(ctx, w, p)
	if err != nil {
		return s.later(p, backoff(p.Tries, err), err)
	}
	if found {
		return c, 0, nil
	}
	return s.requote(ctx, w, p, fresh)
}

// paysQuote is where the outgoing payment of the quote is, if there is one: under the quote's UUID.
func (p Payment) paysQuote() string {
	uuid := p.QuoteID[strings.LastIndexByte(p.QuoteID, '/')+1:]
	return strings.TrimSuffix(p.Buyer.ResourceServer, "/") + "/outgoing-payments/" + uuid
}

// lookedAt is how many of a buyer's newest outgoing payments are looked through.
const lookedAt = 20

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
	if err != nil && (passing(err) || errors.Is(err, openpayments.ErrInactiveToken)) {
		return Change{}, false, err
	}
	for _, out := range newest.Result { // none, of a wallet that refuses to list: its word on the UUID has to do
		if out.QuoteID == p.QuoteID {
			c, err := p.Send(out.ID, s.clock.Now())
			return c, true, err
		}
	}
	return Change{}, false, nil
}

// rotate replaces a token that died, or is about to, before we know that the quote is paid; a dead token can be rotated
// (traces/02-j-token-rotation-expiry.json).
func (s *Service) rotate(ctx context.Context, w Wallets, p Payment, fresh bool) (Change, time.Duration, error) {
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
	return s.giveUp(ctx, w, p, fresh, err)
}

// requote replaces a quote that died while the buyer was deciding: a quote lives 5 minutes and a consent 10. The
// consent is not bound to a quote, and pays any that is within it (traces/05-01-requote-within-consent.json).
func (s *Service) requote(ctx context.Context, w Wallets, p Payment, fresh bool) (Change, time.Duration, error) {
	if p.Quotes >= maxQuotes {
		return s.giveUp(ctx, w, p, fresh, Errorf(CodeWalletRefused, "the wallet refused %d quotes", p.Quotes))
	}
	token, err := grant(ctx, w, p.Buyer.AuthServer, openpayments.AccessQuote, openpayments.ActionCreate, openpayments.ActionRead)
	var q openpayments.Quote
	if err == nil {
		q, err = quote(ctx, w, p, token, p.IncomingPaymentID)
	}
	if err != nil {
		if passing(err) {
			return s.later(p, backoff(p.Tries, err), err)
		}
		return s.giveUp(ctx, w, p, fresh, err)
	}
	c, err := p.Requote(q, s.clock.Now())
	if CodeOf(err) == CodeQuoteTooDear {
		return s.giveUp(ctx, w, p, fresh, err)
	}
	return c, 0, err
}

// askedMargin is how far AskedAt may be behind the last time that the buyer's wallet was asked to pay.
const askedMargin = time.Minute

// maxQuotes is how many quotes one consent is tried with.
const maxQuotes = 5

// giveUp ends a payment that the buyer's wallet will not make, after the seller's side has been asked: only that tells that nothing was paid. Unless
// nothing was asked of the buyer's wallet before, money may still be under way, and gets the time for it.
func (s *Service) giveUp(ctx context.Context, w Wallets, p Payment, fresh bool, cause error) (Change, time.Duration, error) {
	reason, ok := reasonOf(cause)
	if ours, known := map[Code]Reason{CodeQuoteTooDear: QuoteTooDear, CodeAlreadyPaid: Canceled}[CodeOf(cause)]; known {
		reason, ok = ours, true
	}
	if !ok {
		return Change{}, 0, cause
	}
	incoming, err := w.IncomingPayment.GetPublic(ctx, openpayments.IncomingPaymentGetPublicParams{URL: p.IncomingPaymentID})
	now := s.clock.Now()
	switch {
	case err != nil:
		return s.later(p, backoff(p.Tries, err), errors.Join(cause, err))
	case fills(incoming.ReceivedAmount, p.Amount):
		c, err := p.Send(p.paysQuote(), now)
		return c, 0, err
	case !incoming.ReceivedAmount.IsZero(), !fresh && now.Sub(p.asked()) <= sendingLimit+askedMargin:
		p.ReceivedAmount = incoming.ReceivedAmount
		return s.later(p, backoff(p.Tries, nil), fmt.Errorf("the wallet refused, and money may be under way: %w", cause))
	}
	detail := cause.Error()
	if fresh { // no money is under way, which cancelling would leave us blind for: the consent must not outlive the payment
		if err := w.Grant.Cancel(ctx, openpayments.GrantCancelParams{URL: p.Consent.ContinueURI, AccessToken: p.Consent.ContinueToken.Reveal()}); err != nil {
			detail += "; the wallet did not confirm that the consent is cancelled: " + err.Error()
		}
	}
	c, err := p.Fail(reason, detail, s.clock.Now())
	return c, 0, err
}
