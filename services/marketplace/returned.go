package marketplace

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tianguis.example/payments/api"
)

// returnedStore is what a return from the wallet needs of a store.
type returnedStore interface {
	// AttemptByPendingID returns CodeNotFound when no attempt has it.
	AttemptByPendingID(ctx context.Context, pendingID string) (Attempt, error)
	// Confirming marks an open attempt as approved by its buyer, and has it asked about at askAt.
	Confirming(ctx context.Context, a Attempt, now, askAt time.Time) error
}

// returnedPayments is what a return asks of the payments service.
type returnedPayments interface {
	Finish(ctx context.Context, finish api.Finish) (api.Finished, error)
}

// Return is what a wallet's redirect brought, and the browser that it came in.
type Return struct {
	PendingID   string
	InteractRef string
	Hash        string
	Result      string // in the place of a hash, when there was no approval: "grant_rejected"
	SessionID   string // of the browser; "" when nobody is signed in
	UserID      UserID // who is signed in there; 0 for nobody
}

// Ending is what a return came to.
type Ending string

// The endings.
const (
	EndPaid         Ending = "paid"
	EndConfirming   Ending = "confirming"    // approved; the money is on its way
	EndDeclined     Ending = "declined"      // by the buyer, at the wallet
	EndFailed       Ending = "failed"        // it ended, and will not be paid
	EndUnverified   Ending = "unverified"    // the redirect proves nothing, and changed nothing
	EndOtherSession Ending = "other_session" // not the browser that started the payment; changed nothing
	EndSignedOut    Ending = "signed_out"    // nobody is signed in here; changed nothing
	EndUnknown      Ending = "unknown"       // there is no such payment
	EndUnreachable  Ending = "unreachable"   // the payments service does not answer; the same address works again
)

// Returned is how a return ended. JobID is 0 unless the browser may know the job.
type Returned struct {
	Ending Ending
	JobID  JobID
}

// askSoon is when the payments service is asked about a payment that the finish left on its way.
const askSoon = 2 * time.Second

// Returned finishes a payment when its buyer comes back from the wallet. RFC 9635 section 11.24: only the
// session that started a payment may finish it, or decline it; from any other, nothing is asked of the
// payments service. Coming back again shows the same ending. Its errors are internal ones.
func (m *Market) Returned(ctx context.Context, r Return) (Returned, error) {
	if !IsPendingID(r.PendingID) {
		return Returned{Ending: EndUnknown}, nil
	}
	attempt, err := m.store.AttemptByPendingID(ctx, r.PendingID)
	switch {
	case CodeOf(err) == CodeNotFound:
		return m.returnedWithoutUs(ctx, r)
	case err != nil:
		return Returned{}, fmt.Errorf("read the attempt: %w", err)
	case r.SessionID == "":
		return Returned{Ending: EndSignedOut}, nil
	case r.SessionID != attempt.SessionID:
		m.log.WarnContext(ctx, "return from the wallet in another session than the payment's", "", attempt)
		to := Returned{Ending: EndOtherSession}
		if r.UserID == attempt.UserID { // the payer, in another browser, or signed in anew
			to.JobID = attempt.JobID
		}
		return to, nil
	case attempt.State == AttemptPaid:
		return Returned{EndPaid, attempt.JobID}, nil
	case attempt.State == AttemptFailed:
		return Returned{endOfFailure(attempt.Reason), attempt.JobID}, nil
	}
	ctx, cancel := m.uncancelled(ctx)
	defer cancel()
	finished, err := m.payments.Finish(ctx, api.Finish{
		PendingID: r.PendingID, InteractRef: r.InteractRef, Hash: r.Hash, Result: r.Result, PayersSession: true,
	})
	if err != nil {
		return m.notFinished(ctx, attempt, err), nil
	}
	return m.finished(ctx, attempt, finished)
}

// finished applies what a finish answered.
func (m *Market) finished(ctx context.Context, attempt Attempt, f api.Finished) (Returned, error) {
	to := Returned{JobID: attempt.JobID}
	if f.PendingID != "" && f.PendingID != attempt.PendingID || f.OfferID != "" && f.OfferID != attempt.JobID.String() {
		m.log.ErrorContext(ctx, "the finish answers for another payment", "", attempt)
		to.Ending = EndUnverified
		return to, nil
	}
	news := News{Source: SourceFinish, JobID: attempt.JobID, PendingID: attempt.PendingID, At: f.PaidAt}
	switch f.Status {
	case api.StatusPaid:
		to.Ending = EndPaid
		news.Paid, news.OutgoingPaymentID = true, f.OutgoingPayment.ID
	case api.StatusFailed:
		to.Ending = endOfFailure(f.Reason)
		news.Reason, news.Message = f.Reason, f.Message
	default:
		to.Ending = EndConfirming
		now := m.clock.Now()
		if err := m.store.Confirming(ctx, attempt, now, now.Add(askSoon)); err != nil {
			return Returned{}, fmt.Errorf("keep that the payment is on its way: %w", err)
		}
		return to, nil
	}
	if _, err := m.Paid(ctx, news); err != nil {
		return Returned{}, err
	}
	return to, nil
}

// notFinished decides what an error of the finish means. None of them changes anything here.
func (m *Market) notFinished(ctx context.Context, attempt Attempt, err error) Returned {
	to := Returned{JobID: attempt.JobID, Ending: EndUnreachable}
	if said, ok := errors.AsType[*api.Error](err); ok {
		switch {
		case said.Code == api.CodeNotFound:
			to.Ending = EndUnknown
		case said.Code == api.CodeHashInvalid, said.Status == 400, said.Status == 409, said.Status == 410, said.Status == 422:
			to.Ending = EndUnverified
		}
	}
	m.log.WarnContext(ctx, "return from the wallet not finished", "", attempt, "reason", string(to.Ending), "error", err)
	return to
}

// returnedWithoutUs hands on the return of a payment that somebody started at the payments service itself,
// for an offer that is no job of ours. No session started it, so only its hash can speak for it.
func (m *Market) returnedWithoutUs(ctx context.Context, r Return) (Returned, error) {
	if r.Hash == "" || r.InteractRef == "" {
		return Returned{Ending: EndUnknown}, nil
	}
	ctx, cancel := m.uncancelled(ctx)
	defer cancel()
	f, err := m.payments.Finish(ctx, api.Finish{PendingID: r.PendingID, InteractRef: r.InteractRef, Hash: r.Hash})
	if err != nil {
		return Returned{Ending: m.notFinished(ctx, Attempt{PendingID: r.PendingID}, err).Ending}, nil
	}
	switch f.Status {
	case api.StatusPaid:
		return Returned{Ending: EndPaid}, nil
	case api.StatusFailed:
		return Returned{Ending: endOfFailure(f.Reason)}, nil
	default:
		return Returned{Ending: EndConfirming}, nil
	}
}

// reasonRejected is the payments service's word for a decline.
const reasonRejected = "rejected"

func endOfFailure(reason string) Ending {
	if reason == reasonRejected {
		return EndDeclined
	}
	return EndFailed
}
