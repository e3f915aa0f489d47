package payments

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments/openpayments"
)

// FinishRequest is what the wallet's redirect brought back.
type FinishRequest struct {
	InteractRef string
	Hash        string
	Result      string // in the place of a hash when there was no approval: "grant_rejected" and others
	// PayersSession: the caller vouches that this browser is the one that started the payment (RFC 9635 section 11.24).
	PayersSession bool
}

type finishStore interface {
	// Payment returns ErrUnknown when there is none.
	Payment(ctx context.Context, id PaymentID) (Payment, error)
}

// Finish takes the buyer's return from the wallet, drives the payment on for a bounded time, and returns it as far as it
// came. A finish must prove itself: CodeHashInvalid for one whose hash is wrong, which changes nothing, so that the right one
// still works. It may be called again with the same values, and says how the payment stands. A return without an approval, which
// carries no proof, counts only from the session that started the payment; from anywhere else it is CodeNotApproved. Other errors: CodeNotFound, CodeWrongState.
func (s *Service) Finish(ctx context.Context, id PaymentID, r FinishRequest) (Payment, error) {
	p, err := s.payment(ctx, id)
	if err != nil {
		return Payment{}, err
	}
	// A closed tab must not stop what the buyer has approved.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.settings.FinishWait+s.settings.Lease)
	defer cancel()

	if r.Result != "" || r.InteractRef == "" || r.Hash == "" {
		return s.finishWithoutProof(ctx, p, r)
	}
	if !openpayments.VerifyFinishHash(r.Hash, p.Consent.ClientNonce.Reveal(), p.Consent.InteractNonce, r.InteractRef, p.Buyer.AuthServer) {
		return Payment{}, Errorf(CodeHashInvalid, "this return from the wallet could not be verified, and changes nothing")
	}
	until := s.clock.Now().Add(s.settings.FinishWait)
	if p.State != AwaitingApproval {
		return s.await(ctx, p, until) // the second of two finishes, or a refresh of the page
	}
	c, err := p.Approve(r.InteractRef, s.clock.Now())
	if err != nil {
		return Payment{}, err
	}
	p, err = s.record(ctx, ByBuyer, c)
	if errors.Is(err, ErrStale) {
		return s.await(ctx, p, until) // somebody else was quicker, and drives it on
	}
	if err != nil {
		return Payment{}, err
	}
	p, err = s.advance(ctx, ByBuyer, p, until, true)
	if errors.Is(err, ErrStale) {
		return s.await(ctx, p, until)
	}
	if err != nil {
		// The approval is recorded, and a worker drives it on: that is what the buyer is told.
		s.log.WarnContext(ctx, "the finish leaves the payment to a worker", slog.Any("", p), "error", err)
	}
	return p, nil
}

// unapproved are the results with which a wallet sends the buyer back unapproved, and what they mean for the payment: the interaction is used up, and
// nobody can approve it any more (PROTOCOL, "What goes wrong").
var unapproved = map[string]Reason{
	"grant_rejected":      Rejected,
	"grant_invalid":       Expired, // left without a decision
	"invalid_interaction": Expired, // used, expired, or cancelled before it was opened
	"unknown_interaction": Expired,
}

// finishWithoutProof takes a return that proves nothing. The auth server cannot be asked either: it answers
// alike for a grant that is pending and one that was declined (traces/02-a-rejected-consent.json). So a rejection
// is made true, by cancelling the grant, before the payment is called rejected.
func (s *Service) finishWithoutProof(ctx context.Context, p Payment, r FinishRequest) (Payment, error) {
	if p.State.Ended() && r.PayersSession {
		return p, nil
	}
	reason, known := unapproved[r.Result]
	if p.State != AwaitingApproval || !known || !r.PayersSession {
		return Payment{}, Errorf(CodeNotApproved, "the wallet did not say that this payment was approved; nothing was changed")
	}
	if p.Ending == "" {
		c, err := p.End(reason, s.clock.Now())
		if err != nil {
			return Payment{}, err
		}
		if p, err = s.record(ctx, ByBuyer, c); err != nil {
			if errors.Is(err, ErrStale) {
				return s.await(ctx, p, s.clock.Now().Add(s.settings.FinishWait))
			}
			return Payment{}, err
		}
	}
	p, err := s.advance(ctx, ByBuyer, p, s.clock.Now().Add(s.settings.FinishWait), true)
	if err != nil {
		s.log.WarnContext(ctx, "the rejection is left to a worker", slog.Any("", p), "error", err)
	}
	return p, nil
}

// awaitEvery is how often a finish looks whether another one, or a worker, has brought the payment to its end.
const awaitEvery = 50 * time.Millisecond

func (s *Service) await(ctx context.Context, p Payment, until time.Time) (Payment, error) {
	for !p.State.Ended() && s.clock.Now().Before(until) {
		if err := clock.Sleep(ctx, s.clock, awaitEvery); err != nil {
			return p, nil //nolint:nilerr // the bound is over: the answer is how far it came
		}
		seen, err := s.payment(ctx, p.ID)
		if err != nil {
			return Payment{}, err
		}
		p = seen
	}
	return p, nil
}
