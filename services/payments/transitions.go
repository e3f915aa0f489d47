package payments

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"tianguis.example/chassis/logging"
	"tianguis.example/payments/money"
	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/webhook"
)

// State is where a payment stands.
type State string

// The states, in the order of life.
const (
	Created          State = "created"           // the request is kept; nobody has been sent to a wallet
	AwaitingApproval State = "awaiting_approval" // the buyer is asked to consent
	Approved         State = "approved"          // the buyer came back with a finish that proves itself
	Authorized       State = "authorized"        // we hold the access token; the quote is about to be paid
	Sending          State = "sending"           // there is an outgoing payment
	Paid             State = "paid"              // the seller has received the full amount
	Failed           State = "failed"            // it will not be paid: nobody works on it any more
	PaidLate         State = "paid_late"         // it had failed, and the full amount arrived all the same
)

// States are all of them, in the order of life.
var States = []State{Created, AwaitingApproval, Approved, Authorized, Sending, Paid, Failed, PaidLate}

// transitions is the whole life of a payment. Nothing else decides what may follow what.
var transitions = map[State][]State{
	Created:          {AwaitingApproval, Failed},
	AwaitingApproval: {Approved, Failed},
	Approved:         {Authorized, Failed},
	Authorized:       {Sending, Failed},
	Sending:          {Paid, Failed},
	Failed:           {PaidLate},
}

// Transitions is a copy of the table.
func Transitions() map[State][]State {
	table := make(map[State][]State, len(transitions))
	for from, to := range transitions {
		table[from] = slices.Clone(to)
	}
	return table
}

// Ended reports whether nothing is done for the payment any more. Only money that arrives by itself
// can follow: a failed payment whose money came late is PaidLate.
func (s State) Ended() bool { return s == Failed || s.Received() }

// Received reports whether the seller has the full amount.
func (s State) Received() bool { return s == Paid || s == PaidLate }

// Reason says why a payment failed: a stable word.
type Reason string

// The reasons, with the sentence that people get.
const (
	Rejected          Reason = "rejected"
	Expired           Reason = "expired"
	Canceled          Reason = "canceled"
	AuthorizationLost Reason = "authorization_lost"
	QuoteTooDear      Reason = "quote_too_dear"
	InsufficientFunds Reason = "insufficient_funds"
	PaymentFailed     Reason = "payment_failed"
	PaidInPart        Reason = "paid_in_part"
	WalletError       Reason = "wallet_error"
	OutcomeUnknown    Reason = "outcome_unknown"
	Interrupted       Reason = "interrupted"
)

var words = map[Reason]string{
	Rejected:          "The payment was declined in the wallet. Nothing was paid; you can try again.",
	Expired:           "The payment was not approved in time. Nothing was paid; you can try again.",
	Canceled:          "The payment was canceled, or replaced by a newer attempt. Nothing was paid.",
	AuthorizationLost: "The wallet's approval got lost on its way to us. Nothing was paid; please approve the payment again.",
	QuoteTooDear:      "The price changed while the approval was under way, and is now above what was approved. Nothing was paid; please approve the new price.",
	InsufficientFunds: "There is not enough money in the wallet. Nothing was paid; add money, or use another wallet, and try again.",
	PaymentFailed:     "The wallet could not send the payment. You can try again.",
	PaidInPart:        "Only a part of the money arrived in time. Do not pay again before the rest is settled with the seller: ask for help.",
	OutcomeUnknown:    "The wallets do not answer any more, so it is not known whether the money moved. Look into both wallets before you pay again, and ask for help.",
	WalletError:       "The wallet refused the payment. Nothing was paid; try again, or use another wallet.",
	Interrupted:       "The payment could not be prepared. Nothing was paid; you can try again.",
}

// Reasons are all of them.
func Reasons() []Reason { return slices.Sorted(maps.Keys(words)) }

// Change is one decided step. Deciding it touches nothing; Store.Record makes it so.
// An intent ("the consent is about to be cancelled") is a Change whose state stays the same.
type Change struct {
	Before, After Payment // Before is the zero Payment for a new one
	Audit         *AuditEvent
	Event         *webhook.Event // only at an end
	// Supersedes calls off, in the same transaction, the offer's other payment if that is one of Superseded.
	Supersedes bool

	held  bool  // whoever makes the change goes on working on the payment
	cause error // why it was put off, for the log
}

// moves reports whether the state changes.
func (c Change) moves() bool { return c.Before.State != c.After.State }

// begin is the first change: the payment as it was asked for.
func begin(id PaymentID, offerID string, seller Seller, buyerWallet string, amount money.Amount, sellersParty, buyersParty Party, now time.Time) Change {
	p := Payment{
		ID: id, OfferID: offerID, SellerID: seller.ID, Version: 1, State: Created,
		Amount: amount, BuyerWalletAddressURL: buyerWallet, Seller: sellersParty, Buyer: buyersParty, Client: seller.client(),
		CreatedAt: now, UpdatedAt: now, Since: now,
	}
	return Change{After: p, held: true, Audit: &AuditEvent{PaymentID: id, At: now, To: Created, Detail: amount.String()}}
}

// move changes the state, if the table has it. The payment stays with whoever moves it.
func (p Payment) move(to State, now time.Time, detail string) (Change, error) {
	if !slices.Contains(transitions[p.State], to) {
		return Change{}, Errorf(CodeWrongState, "a payment that is %s cannot become %s", p.State, to)
	}
	c := p.amend(now, detail)
	c.After.State = to
	c.After.Since = now
	c.After.Tries = 0
	c.Audit.To = to
	return c, nil
}

// amend is a change within the state, with its audit event.
func (p Payment) amend(now time.Time, detail string) Change {
	c := p.touch(now, time.Time{})
	c.held = true
	c.Audit = &AuditEvent{PaymentID: p.ID, At: now, From: p.State, To: p.State, Detail: detail}
	return c
}

// touch is a change that the audit need not know: when to look again.
func (p Payment) touch(now, next time.Time) Change {
	after := p
	after.Version++
	after.UpdatedAt = now
	after.NextStepAt = next
	return Change{Before: p, After: after}
}

// negotiated is what a start learnt from the wallets.
type negotiated struct {
	incomingPaymentID string
	quote             openpayments.Quote
	consent           Consent
}

// AwaitApproval records the incoming payment, the quote and the consent that the buyer is now asked for.
func (p Payment) AwaitApproval(n negotiated, now time.Time) (Change, error) {
	c, err := p.move(AwaitingApproval, now, fmt.Sprintf("the buyer is asked for %s at most", n.quote.DebitAmount))
	if err != nil {
		return Change{}, err
	}
	c.After.IncomingPaymentID = n.incomingPaymentID
	c.After.QuoteID, c.After.Quotes = n.quote.ID, 1
	c.After.DebitAmount = n.quote.DebitAmount
	c.After.Consent = n.consent
	// A buyer who approves in the last second still has to come back.
	grace := n.consent.ExpiresAt.Sub(now) / 20
	c.After.NextStepAt, c.held = n.consent.ExpiresAt.Add(grace), false
	return c, nil
}

// Approve records that the buyer came back with a finish whose hash was verified.
// It returns CodeWrongState unless the payment awaits approval and is not being ended.
func (p Payment) Approve(interactRef string, now time.Time) (Change, error) {
	if p.Ending != "" {
		return Change{}, Errorf(CodeWrongState, "the payment is being ended")
	}
	c, err := p.move(Approved, now, "the finish was verified")
	if err != nil {
		return Change{}, err
	}
	c.After.Consent.InteractRef, c.After.ApprovedAt = logging.Secret(interactRef), now
	return c, nil
}

// Renew records the wallet's word that the grant must be continued later, elsewhere, or with another token.
func (p Payment) Renew(next openpayments.Continuation, now time.Time) Change {
	c := p.touch(now, time.Time{})
	c.held = true
	if p.Tries == 0 { // a wallet may say so for hours
		c = p.amend(now, "the wallet wants the grant to be continued again")
	}
	c.After.Tries++
	if next.URI != "" {
		c.After.Consent.ContinueURI = next.URI
	}
	if next.AccessToken != "" {
		c.After.Consent.ContinueToken = logging.Secret(next.AccessToken)
	}
	c.After.Consent.ContinueNotUntil = now.Add(min(max(next.Wait, backoff(p.Tries, nil)), longestWait))
	return c
}

// longestWait bounds what a wallet can ask for between a grant and its continuation.
const longestWait = 5 * time.Minute

// Authorize records the access token. The state is also the intent to pay the quote.
func (p Payment) Authorize(token openpayments.AccessToken, now time.Time) (Change, error) {
	c, err := p.move(Authorized, now, "the wallet granted the payment")
	if err != nil {
		return Change{}, err
	}
	c.After.Token = newToken(token, now)
	c.After.AskedAt = now
	return c, nil
}

// AskAgain records, before the buyer's wallet is asked to pay again, when that is: whether money may still be under way is counted from then.
func (p Payment) AskAgain(now time.Time) Change {
	c := p.touch(now, time.Time{})
	c.held = true
	c.After.AskedAt, c.After.askedBefore = now, p.asked()
	return c
}

// refused is the payment whose wallet has just refused to pay: nothing came of asking it again.
func (p Payment) refused() Payment {
	if !p.askedBefore.IsZero() {
		p.AskedAt, p.askedBefore = p.askedBefore, time.Time{}
	}
	return p
}

// asked is when the buyer's wallet was last asked to pay.
func (p Payment) asked() time.Time {
	if p.AskedAt.Before(p.Since) { // one from before it was written down
		return p.Since
	}
	return p.AskedAt
}

// Rotate records the token's new value and its new manage URL: the old ones are dead.
func (p Payment) Rotate(token openpayments.AccessToken, now time.Time) Change {
	c := p.amend(now, "the token was rotated")
	c.After.Token = newToken(token, now)
	return c
}

// LoseToken records that the token can be neither used nor rotated any more.
func (p Payment) LoseToken(now time.Time) Change {
	c := p.amend(now, "the wallet does not know the token any more; the seller's side alone can tell how the payment ends")
	c.After.Token = Token{}
	return c
}

// Forget ends the looking at a payment that has ended.
func (p Payment) Forget(now time.Time) Change { return p.touch(now, time.Time{}) }

func newToken(token openpayments.AccessToken, now time.Time) Token {
	t := Token{Value: logging.Secret(token.Value), ManageURI: token.ManageURI}
	// One that never has more than the margin to live cannot be rotated ahead of its end: each new one would have to be, too.
	if token.ExpiresIn > 2*tokenMargin {
		t.ExpiresAt = now.Add(token.ExpiresIn)
	}
	return t
}

// Requote records a new quote for the same incoming payment, before it is paid. It returns
// CodeQuoteTooDear unless the quote is within what the buyer consented to.
func (p Payment) Requote(quote openpayments.Quote, now time.Time) (Change, error) {
	compared, err := quote.DebitAmount.Compare(p.DebitAmount)
	if err != nil || compared > 0 {
		return Change{}, Errorf(CodeQuoteTooDear, "the new quote takes %s, and the buyer approved %s at most", quote.DebitAmount, p.DebitAmount)
	}
	c := p.amend(now, fmt.Sprintf("the quote had died; a new one takes %s", quote.DebitAmount))
	c.After.QuoteID = quote.ID
	c.After.Quotes++
	return c, nil
}

// Send records that the wallet has an outgoing payment for the quote.
func (p Payment) Send(outgoingPaymentID string, now time.Time) (Change, error) {
	c, err := p.move(Sending, now, "the wallet is sending")
	if err != nil {
		return Change{}, err
	}
	c.After.OutgoingPaymentID = outgoingPaymentID
	return c, nil
}

// Settle records that the money has arrived. It returns CodeWrongState unless received
// is the whole amount.
func (p Payment) Settle(received money.Amount, now time.Time) (Change, error) {
	if !fills(received, p.Amount) {
		return Change{}, Errorf(CodeWrongState, "%s of %s is not all", received, p.Amount)
	}
	c, err := p.move(Paid, now, fmt.Sprintf("the seller received %s", received))
	if err != nil {
		return Change{}, err
	}
	c.After.ReceivedAmount = received
	c.After.PaidAt = now
	return c.end(webhook.Completed, now.Add(watchPaid[0])), nil
}

// SettleLate records that the money of a failed payment has arrived all the same: the wallet sent it after it had said that it would not, or
// somebody else paid. The offer is paid then, so another payment of it that has asked no wallet for money yet is called off.
// It returns CodeWrongState unless received is the whole amount.
func (p Payment) SettleLate(received money.Amount, now time.Time) (Change, error) {
	if !fills(received, p.Amount) {
		return Change{}, Errorf(CodeWrongState, "%s of %s is not all", received, p.Amount)
	}
	c, err := p.move(PaidLate, now, fmt.Sprintf("it had failed (%s), and the seller received %s all the same", p.Reason, received))
	if err != nil {
		return Change{}, err
	}
	c.Audit.Reason = p.Reason
	c.After.ReceivedAmount, c.After.PaidAt = received, now
	if p.OutgoingPaymentID == "" && !p.AskedAt.IsZero() {
		c.After.OutgoingPaymentID = p.paysQuote() // its answer was lost; if it was somebody else who paid, nobody tells us their payment's id
	}
	c.Supersedes = true
	return c.end(webhook.Completed, now.Add(watchPaid[0])), nil
}

// Book records money that was seen at the seller's wallet after the payment had ended: a part for a failed one, more for a paid one.
func (p Payment) Book(received money.Amount, now time.Time) Change {
	c := p.amend(now, fmt.Sprintf("the seller has received %s, after the end", received))
	c.After.ReceivedAmount = received
	c.held, c.After.NextStepAt = false, now.Add(watchPaid[0])
	if p.State.Received() {
		c.Event = c.After.event(webhook.Completed)
	}
	return c
}

// End records the intent to cancel the consent at the wallet and then to fail for reason. Until the wallet has been
// told, a finish could still arrive: it is refused from here on. It returns CodeWrongState
// when the payment has gone beyond the approval.
func (p Payment) End(reason Reason, now time.Time) (Change, error) {
	if p.State != AwaitingApproval {
		return Change{}, Errorf(CodeWrongState, "a payment that is %s cannot be called off", p.State)
	}
	c := p.amend(now, "the consent is being cancelled at the wallet")
	c.Audit.Reason = reason
	c.After.Ending = reason
	c.After.Tries = 0
	return c, nil
}

// Superseded are the states in which a payment is called off when its offer turns out to be paid: no wallet has been asked for its money yet. What
// has gone further looks for itself, before it asks.
var Superseded = []State{Created, AwaitingApproval, Approved}

// CallOff records the intent to cancel the consent, since the offer is paid by another payment. Whoever has this one in hand finds it stale.
func (p Payment) CallOff(paidBy PaymentID, now time.Time) Change {
	c := p.amend(now, fmt.Sprintf("payment %s of the offer was paid late", paidBy))
	c.Audit.Actor, c.Audit.Reason = ByWorker, Canceled
	c.After.Ending, c.After.Tries = Canceled, 0
	c.held, c.After.NextStepAt = false, now
	return c
}

// Fail ends the payment.
func (p Payment) Fail(reason Reason, detail string, now time.Time) (Change, error) {
	c, err := p.move(Failed, now, detail)
	if err != nil {
		return Change{}, err
	}
	c.After.Reason, c.After.Message = reason, words[reason]
	c.After.Ending = ""
	c.Audit.Reason = reason
	next := time.Time{}
	if p.IncomingPaymentID != "" {
		next = now.Add(time.Minute) // money may still come
	}
	return c.end(webhook.Failed, next), nil
}

// Postpone lets a worker take the payment up at next.
func (p Payment) Postpone(next, now time.Time) Change {
	c := p.touch(now, next)
	c.After.Tries++
	return c
}

// end completes a change to an ended state: it is looked at again at next, if at all, and the marketplace is told.
// A payment that failed before anybody could know its id is not news: the start said so itself.
func (c Change) end(event webhook.Type, next time.Time) Change {
	c.After.NextStepAt, c.held = next, false
	if c.Before.State == Created {
		return c
	}
	c.Event = c.After.event(event)
	return c
}

// event is what is told of a payment as it now is.
func (p Payment) event(kind webhook.Type) *webhook.Event {
	e := &webhook.Event{
		Type: kind, PendingID: string(p.ID), OfferID: p.OfferID, Status: statusOf[kind],
		OutgoingPaymentID: p.OutgoingPaymentID, Timestamp: p.UpdatedAt, Sequence: p.Version,
	}
	if kind == webhook.Failed {
		e.Reason, e.Message = string(p.Reason), p.Message
	}
	if over := p.Overpaid(); over.IsSet() {
		e.OverpaidAmount = &over
	}
	return e
}

// statusOf is the coarse status that an event carries.
var statusOf = map[webhook.Type]string{webhook.Completed: "paid", webhook.Failed: "failed"}
