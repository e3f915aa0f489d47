package payments

import (
	"fmt"
	"log/slog"
	"time"

	"tianguis.example/payments/money"
)

// FindingKind says in a stable word how what we believe of a payment differs from what the wallets say.
type FindingKind string

// The kinds of finding.
const (
	FoundPaidButUnmarked FindingKind = "paid_but_unmarked" // the seller has the whole amount, and we say pending or failed
	FoundMarkedButUnpaid FindingKind = "marked_but_unpaid" // we say paid, and the seller's wallet says less
	FoundPartial         FindingKind = "partial"           // the seller has something and not all, of a payment that is not paid
	FoundLate            FindingKind = "late"              // it had failed, and the whole amount came all the same
	FoundOverpaid        FindingKind = "overpaid"          // the seller has more than was asked
	FoundStuck           FindingKind = "stuck"             // it is pending, and has been in its state for too long
	FoundUnreachable     FindingKind = "unreachable"       // the seller's wallet could not be asked, so nothing is known
	FoundUnknownAtWallet FindingKind = "unknown_at_wallet" // the seller's wallet has no such incoming payment, and should
)

// FindingKinds are all of them.
var FindingKinds = []FindingKind{
	FoundPaidButUnmarked, FoundMarkedButUnpaid, FoundPartial, FoundLate, FoundOverpaid, FoundStuck, FoundUnreachable, FoundUnknownAtWallet,
}

// Severity says what a finding asks of a person.
type Severity string

// The severities, the least first.
const (
	SeverityNotice  Severity = "notice"  // booked and told: good to know
	SeverityWarning Severity = "warning" // may settle by itself: look again
	SeverityError   Severity = "error"   // a person must look
)

// Severities are all of them, the least first.
var Severities = []Severity{SeverityNotice, SeverityWarning, SeverityError}

// Finding is one difference, for an operator.
type Finding struct {
	Kind      FindingKind  `json:"kind"`
	Severity  Severity     `json:"severity"`
	PaymentID PaymentID    `json:"pendingId"`
	OfferID   string       `json:"offerId"`
	SellerID  string       `json:"sellerId"`
	State     State        `json:"state"`
	Reason    Reason       `json:"reason,omitempty"` // of a failed payment
	Since     time.Time    `json:"since"`            // when the payment came into its state
	Amount    money.Amount `json:"amount,omitzero"`
	Received  money.Amount `json:"receivedAmount,omitzero"` // as the seller's wallet says now; not set when it could not be asked
	Overpaid  money.Amount `json:"overpaidAmount,omitzero"` // not set when that is nothing
	Message   string       `json:"message"`                 // what it means and what to do
	Detail    string       `json:"detail,omitempty"`        // the wallets' words, if any
	Nudged    bool         `json:"nudged,omitempty"`        // it was made due at once, so that a worker looks at the seller's side itself
}

// Sight is what the wallets say of a payment.
type Sight struct {
	Received money.Amount // by the seller's incoming payment
	Gone     bool         // the seller's wallet has no such incoming payment
	Err      error        // why the seller's wallet could not be asked
	Outgoing string       // what the buyer's wallet says of the outgoing payment; "" when it was not asked
}

const (
	// inHand is how long after its last move a pending payment counts as being worked on: money that has arrived meanwhile is no finding.
	inHand = time.Minute
	// soon is how long money may be there unmarked before a person should hear of it.
	soon = 5 * time.Minute
	// overdue is how late a worker may be.
	overdue = 10 * time.Minute
)

// stuckAfter is how long a payment may be in a state. The consent's lifetime is the operator's, so that a payment
// that awaits approval is measured from its end.
var stuckAfter = map[State]time.Duration{
	Created:          overdue,
	AwaitingApproval: 30 * time.Minute, // beyond the consent's end: the cancelling of it is tried for a while
	Approved:         30 * time.Minute,
	Authorized:       2 * sendingLimit,
	Sending:          2 * sendingLimit,
}

// Compare says how what is believed of a payment differs from what the wallets say. An incoming payment that is gone is
// normal when nothing was paid to it: wallets delete those that expired unpaid, and no others.
func (p Payment) Compare(seen Sight, now time.Time) []Finding {
	var found []Finding
	add := func(kind FindingKind, severity Severity, message string, args ...any) {
		f := Finding{
			Kind: kind, Severity: severity, PaymentID: p.ID, OfferID: p.OfferID, SellerID: p.SellerID, State: p.State, Reason: p.Reason, Since: p.Since,
			Amount: p.Amount, Received: seen.Received, Message: fmt.Sprintf(message, args...), Detail: seen.Outgoing,
		}
		if seen.Err != nil {
			f.Detail = seen.Err.Error()
		}
		if over, err := seen.Received.Sub(p.Amount); err == nil && !over.IsZero() {
			f.Overpaid = over
		}
		found = append(found, f)
	}
	age := now.Sub(p.Since)
	switch {
	case p.IncomingPaymentID == "":
	case seen.Err != nil:
		add(FoundUnreachable, SeverityWarning, "The seller's wallet could not be asked, so it is not known what it received. Ask again later.")
	case seen.Gone:
		switch {
		case p.State.Received():
			add(FoundUnknownAtWallet, SeverityError, "It is marked paid, and the seller's wallet does not know the incoming payment any more. Ask the seller's wallet for its statement.")
		case !p.ReceivedAmount.IsZero():
			add(FoundUnknownAtWallet, SeverityError, "The seller had received %s, and the seller's wallet does not know the incoming payment any more. Ask the seller's wallet for its statement.", p.ReceivedAmount)
		case !p.State.Ended() && now.Sub(p.CreatedAt) < incomingLifetime:
			add(FoundUnknownAtWallet, SeverityWarning, "The seller's wallet does not know the incoming payment, which has not expired yet. The buyer cannot pay it: cancel the payment and start a new one.")
		}
	case p.State.Received() && !fills(seen.Received, p.Amount):
		add(FoundMarkedButUnpaid, SeverityError, "It is marked paid, and the seller's wallet says less. Nothing is changed: compare the statements of both wallets before the seller is told.")
	case !p.State.Received() && fills(seen.Received, p.Amount):
		if p.State == Failed || age > inHand {
			severity := SeverityWarning
			if age > soon {
				severity = SeverityError
			}
			add(FoundPaidButUnmarked, severity, "The seller has the whole amount. Make it due at once with: payments reconcile --nudge")
		}
	case !p.State.Received() && !seen.Received.IsZero():
		if p.State == Failed || age > inHand {
			add(FoundPartial, SeverityWarning, "The seller has a part of the amount. Do not let the buyer pay the whole again: settle the rest, or the refund, with both.")
		}
	}
	if p.State == PaidLate {
		add(FoundLate, SeverityNotice, "It had failed, and was paid all the same. Check that the buyer did not pay a second time.")
	}
	if over, err := seen.Received.Sub(p.Amount); err == nil && !over.IsZero() {
		add(FoundOverpaid, SeverityNotice, "The seller has %s more than was asked. Across currencies a few units are normal; more is a double payment to be refunded.", over)
	}
	if since, stuck := p.Stuck(now); stuck {
		add(FoundStuck, SeverityError, "It should have moved on %s ago. See what it waits for with: payments payment show %s", now.Sub(since).Round(time.Second), p.ID)
	}
	return found
}

// Stuck reports whether a pending payment is in its state for longer than that takes, or whether no worker comes for it;
// and when it should have moved on.
func (p Payment) Stuck(now time.Time) (should time.Time, stuck bool) {
	limit, pending := stuckAfter[p.State]
	if !pending {
		return time.Time{}, false
	}
	should = p.Since.Add(limit)
	if p.State == AwaitingApproval && !p.Consent.ExpiresAt.IsZero() {
		should = p.Consent.ExpiresAt.Add(limit)
	}
	if next := p.NextStepAt.Add(overdue); next.Before(should) { // also when nobody is to come, which is the zero time
		should = next
		if p.NextStepAt.IsZero() {
			should = p.UpdatedAt
		}
	}
	return should, should.Before(now)
}

// LogValue names what tells one finding from another; what it means is in the docs.
func (f Finding) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("finding", string(f.Kind)), slog.String("pending_id", string(f.PaymentID)), slog.String("offer_id", f.OfferID),
		slog.String("seller_id", f.SellerID), slog.String("state", string(f.State)), slog.Time("since", f.Since), slog.String("amount", f.Amount.String()),
	}
	if f.Received.IsSet() {
		attrs = append(attrs, slog.String("received", f.Received.String()))
	}
	if f.Reason != "" {
		attrs = append(attrs, slog.String("reason", string(f.Reason)))
	}
	if f.Detail != "" {
		attrs = append(attrs, slog.String("detail", f.Detail))
	}
	return slog.GroupValue(append(attrs, slog.Bool("nudged", f.Nudged))...)
}
