package payments

import (
	"context"
	"errors"
)

// Cancel calls a payment off that nobody has approved yet, and cancels its consent at the wallet. It may be called again. Errors: CodeNotFound;
// CodeInProgress once money may be moving; CodeAlreadyPaid; CodeWrongState for a payment that failed for another reason.
func (s *Service) Cancel(ctx context.Context, by Actor, id PaymentID) (Payment, error) {
	p, err := s.payment(ctx, id)
	if err != nil {
		return Payment{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.settings.FinishWait+s.settings.Lease)
	defer cancel()
	if p.State != AwaitingApproval {
		return canceled(p)
	}
	if p.Ending == "" {
		c, err := p.End(Canceled, s.clock.Now())
		if err != nil {
			return Payment{}, err
		}
		if p, err = s.record(ctx, by, c); err != nil {
			return Payment{}, stillMoving(err)
		}
	}
	until := s.clock.Now().Add(s.settings.FinishWait)
	p, err = s.advance(ctx, by, p, until, true)
	if errors.Is(err, ErrStale) {
		p, err = s.await(ctx, p, until)
	}
	if err != nil {
		return Payment{}, err
	}
	if p.State == AwaitingApproval && p.Ending != "" {
		// The wallet does not answer. The intent is kept: no approval counts any more, and a worker goes on.
		return Payment{}, &Error{Code: CodeWalletDown, Message: "the wallet does not answer: the payment is being canceled, and no approval counts any more", RetryAfter: until.Sub(s.clock.Now()) + s.settings.Lease}
	}
	return canceled(p)
}

// canceled returns the payment if it is, or says why not.
func canceled(p Payment) (Payment, error) {
	switch {
	case p.State == Failed && p.Reason == Canceled:
		return p, nil
	case p.State == Failed:
		return Payment{}, Errorf(CodeWrongState, "this payment has failed already: %s", p.Reason)
	case p.State.Received():
		return Payment{}, Errorf(CodeAlreadyPaid, "this payment is paid, and cannot be canceled")
	}
	return Payment{}, inProgress()
}
