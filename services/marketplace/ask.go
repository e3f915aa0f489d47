package marketplace

import (
	"context"
	"fmt"
	"time"

	"tianguis.example/payments/api"
)

// askStore is what asking needs of a store, beside what the others need.
type askStore interface {
	// KnownPendingIDs are those of all attempts for a job.
	KnownPendingIDs(ctx context.Context, id JobID) (map[string]bool, error)
	// SaveLate keeps an entry for an attempt whose end should be known, once for each payment, while it is open. The entry is given the job's state.
	SaveLate(ctx context.Context, a Attempt, e Entry) error
}

// askPayments is what is asked.
type askPayments interface {
	Payment(ctx context.Context, pendingID string) (api.Payment, error)
	OfferPayments(ctx context.Context, offerID string) (api.Payments, error)
}

// Ask asks the payments service what became of an open attempt: for the case that neither webhook nor
// browser ever came. It ends in Paid. It is safe at any time and any number of times.
func (m *Market) Ask(ctx context.Context, a Attempt) error {
	if a.PendingID == "" {
		return m.lookForStart(ctx, a)
	}
	p, err := m.payments.Payment(ctx, a.PendingID)
	if err != nil {
		return fmt.Errorf("ask for the payment %s: %w", a.PendingID, err)
	}
	if p.PendingID != a.PendingID || p.OfferID != a.JobID.String() {
		return fmt.Errorf("ask for the payment %s: the answer is about another", a.PendingID)
	}
	switch p.Status {
	case api.StatusPaid, api.StatusFailed:
		_, err := m.Paid(ctx, newsOf(p, SourceAsked))
		return err
	}
	if a.State == AttemptAwaiting && approved(p.State) {
		now := m.clock.Now()
		return m.store.Confirming(ctx, a, now, now.Add(askSoon))
	}
	if now := m.clock.Now(); a.State == AttemptConfirming && now.Sub(a.CreatedAt) >= OpenForLong {
		return m.store.SaveLate(ctx, a, Entry{At: now, Event: EventPaymentLate, Detail: a.PendingID})
	}
	return nil
}

// approved reports whether a payment in this state of the payments service has been approved by its buyer. A service that only knows the
// documented wire tells no state: then nobody knows, and nobody is told that money is on its way.
func approved(state string) bool {
	return state != "" && state != "created" && state != "awaiting_approval"
}

// clockSkew is how far the payments service's clock may be behind ours.
const clockSkew = time.Minute

// lookForStart finds out whether a start whose answer was lost took effect, and takes over the payment.
func (m *Market) lookForStart(ctx context.Context, a Attempt) error {
	answer, err := m.payments.OfferPayments(ctx, a.JobID.String())
	if err != nil {
		return fmt.Errorf("ask for the payments of job %s: %w", a.JobID, err)
	}
	known, err := m.store.KnownPendingIDs(ctx, a.JobID)
	if err != nil {
		return fmt.Errorf("read the payments of job %s: %w", a.JobID, err)
	}
	now := m.clock.Now()
	for _, p := range answer.Payments {
		if known[p.PendingID] || p.OfferID != a.JobID.String() || !IsPendingID(p.PendingID) || p.CreatedAt.Before(a.CreatedAt.Add(-clockSkew)) {
			continue
		}
		a.PendingID, a.State, a.ExpiresAt, a.UpdatedAt = p.PendingID, AttemptAwaiting, p.ExpiresAt.UTC(), now
		if p.DebitAmount != nil {
			a.Debit = *p.DebitAmount
		}
		if p.Amount != nil {
			a.Receive = *p.Amount
		}
		if isWebPage(p.RedirectURL) {
			a.RedirectURL = p.RedirectURL
		}
		entry := Entry{At: now, By: a.UserID, Event: EventPaymentStarted, Detail: amountText(a.Debit)}
		return m.store.SaveStarted(ctx, a, entry, now.Add(askSoon))
	}
	a.State, a.Reason, a.UpdatedAt = AttemptFailed, "not_started", now
	a.Message = "The payment was never started. Nothing was paid."
	return m.store.CloseAttempt(ctx, a)
}
