package payments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/logging"
	"tianguis.example/payments/openpayments"
)

type advanceStore interface {
	// ClaimDue leases up to n payments whose NextStepAt has come to the caller: their Version
	// is a new one, and their NextStepAt is until. With an error it returns what it could claim all the same.
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
	if err != nil {
		return fmt.Errorf("payment %s, %s: %w", p.ID, p.State, err)
	}
	return nil
}

// advance takes steps until the payment has ended, must wait beyond until, or until has passed; then a worker goes on. The
// caller holds its lease. fresh says that nothing has been asked of a wallet in this state yet: without it, the wallet is
// looked at first.
func (s *Service) advance(ctx context.Context, by Actor, p Payment, until time.Time, fresh bool) (Payment, error) {
	ctx = logging.With(ctx, slog.String("pending_id", string(p.ID)))
	var wallets Wallets
	if p.State != Created { // which needs no wallet any more
		var err error
		if wallets, err = s.walletsOf(p); err != nil {
			return p, err
		}
	}
	for !p.NextStepAt.IsZero() {
		ended := p.State.Ended()
		c, wait, err := s.step(ctx, wallets, p, fresh)
		if err != nil {
			return p, err
		}
		now := s.clock.Now()
		if wait > 0 && !ended && !now.Add(wait).After(until) {
			// Short enough to keep the lease and wait here; nothing to write down.
			if c.cause != nil { // nobody records it, and what a wallet has answered must be told
				s.log.WarnContext(ctx, "a wallet is asked again", slog.Any("", p), "tries", c.After.Tries, "error", c.cause)
			}
			p.Tries, p.ReceivedAmount, fresh = c.After.Tries, c.After.ReceivedAmount, false
			if err := clock.Sleep(ctx, s.clock, wait); err != nil {
				return p, err
			}
			continue
		}
		if p, err = s.record(ctx, by, c); err != nil || wait > 0 || p.State.Ended() {
			return p, err
		}
		if now = s.clock.Now(); now.After(until) {
			return s.record(ctx, by, p.touch(now, now)) // enough of the caller's time: a worker takes it from here
		}
		// Nothing was asked in a new state; and nothing of a new quote, but what was asked of the older one may still be under way.
		fresh = c.moves() || fresh && c.Before.QuoteID != c.After.QuoteID
	}
	return p, nil
}

// later is the verdict that p has to wait, because of cause if there is one: the change is to be recorded by whoever will not.
func (s *Service) later(p Payment, wait time.Duration, cause error) (Change, time.Duration, error) {
	now := s.clock.Now()
	c := p.Postpone(now.Add(wait), now)
	c.cause = cause
	return c, wait, nil
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
	case p.State.Ended():
		return s.watch(ctx, w, p)
	case now.Sub(p.CreatedAt) > incomingLifetime+bookClosing:
		return s.closeBooks(ctx, w, p)
	case p.State == Approved:
		return s.continueGrant(ctx, w, p)
	case p.State == Authorized:
		return s.pay(ctx, w, p, fresh)
	case p.State == Sending:
		return s.settle(ctx, w, p)
	}
	return Change{}, 0, fmt.Errorf("there is no step from %q", p.State)
}

// passing reports whether a wallet may answer differently the next time, or has done what was asked
// although we do not know it: then the next try looks first.
func passing(err error) bool {
	return openpayments.OutcomeUnknown(err) || errors.Is(err, openpayments.ErrUnreachable) || errors.Is(err, openpayments.ErrTooManyRequests) ||
		errors.Is(err, openpayments.ErrTooFast) ||
		errors.Is(err, openpayments.ErrInvalidClient) // the wallet could not read our keys just now, or an operator is changing them
}

// reasonOf is what a wallet's refusal means for the payment. ok is false for an error that is not the wallet's.
func reasonOf(err error) (reason Reason, ok bool) {
	for _, lost := range []error{openpayments.ErrRequestDenied, openpayments.ErrInvalidContinuation, openpayments.ErrInactiveToken, openpayments.ErrInvalidRotation} {
		if errors.Is(err, lost) {
			return AuthorizationLost, true
		}
	}
	_, wallets := errors.AsType[*openpayments.Error](err)
	return WalletError, wallets || CodeOf(err) == CodeWalletRefused
}

// backoff is 1 s, 2 s, 4 s, … up to 5 minutes, or what the wallet asked for.
func backoff(tries int, err error) time.Duration {
	wait := min(time.Second<<min(tries, 10), 5*time.Minute)
	if refused, ok := errors.AsType[*openpayments.Error](err); ok && refused.RetryAfter > 0 {
		wait = min(refused.RetryAfter, time.Hour)
	}
	return wait
}
