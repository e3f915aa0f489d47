package payments

import (
	"context"
	"time"

	"tianguis.example/payments/openpayments"
)

// cancelTries is how often a wallet that does not answer is asked to cancel a consent. Without our next call the
// consent pays nothing, so in the end the payment fails without the wallet's word.
const cancelTries = 5

// cancelConsent tells the wallet that the consent is not wanted any more, and ends the payment.
func (s *Service) cancelConsent(ctx context.Context, w Wallets, p Payment) (Change, time.Duration, error) {
	err := w.Grant.Cancel(ctx, openpayments.GrantCancelParams{URL: p.Consent.ContinueURI, AccessToken: p.Consent.ContinueToken.Reveal()})
	detail := "the consent was cancelled at the wallet"
	if err != nil {
		if passing(err) && p.Tries < cancelTries {
			return s.later(p, backoff(p.Tries, err), err)
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
		return s.later(p, wait, nil)
	}
	g, err := w.Grant.Continue(ctx, openpayments.GrantContinueParams{
		URL: p.Consent.ContinueURI, AccessToken: p.Consent.ContinueToken.Reveal(), InteractRef: p.Consent.InteractRef.Reveal(),
	})
	now := s.clock.Now()
	switch {
	case err != nil && passing(err):
		return s.later(p, backoff(p.Tries, err), err)
	case err != nil:
		reason, ok := reasonOf(err)
		if !ok {
			return Change{}, 0, err
		}
		c, err := p.Fail(reason, err.Error(), now) // no token, no money
		return c, 0, err
	case g.AccessToken != nil:
		c, err := p.Authorize(*g.AccessToken, now)
		return c, 0, err
	case g.Continue != nil:
		return p.Renew(*g.Continue, now), 0, nil
	}
	c, err := p.Fail(WalletError, "the wallet answered with neither a token nor a way to continue", now)
	return c, 0, err
}
