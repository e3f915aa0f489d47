package sandbox

import (
	"encoding/json"
	"time"
)

// OutgoingPayment is money on its way. Its id is its quote's.
type OutgoingPayment struct {
	ID       string          `json:"id"`
	Seq      int64           `json:"seq"`
	Account  string          `json:"account"`
	Tenant   string          `json:"tenant"`
	Client   string          `json:"client"`
	Grant    string          `json:"grant"`
	Quote    Quote           `json:"quote"`
	Sent     Amount          `json:"sentAmount"`
	Arrived  Amount          `json:"arrivedAmount"` // what the receiver got, which may be a little more than was asked
	Failed   bool            `json:"failed"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	// CancellationReason is why it failed, where the wallet says so.
	CancellationReason string    `json:"cancellationReason,omitempty"`
	Created            time.Time `json:"createdAt"`
	Due                time.Time `json:"dueAt"` // when it settles
	Settled            bool      `json:"settled"`
}

// OutgoingRequest pays a quote or, without one, an incoming payment with a debit
// amount (which a repeated request pays twice).
type OutgoingRequest struct {
	Quote    string // UUID
	Incoming string // URL
	Debit    *Amount
	Metadata json.RawMessage
}

// Spent is what a grant has used of its limits; failed payments do not count.
type Spent struct {
	Debit, Receive *Amount // nil while nothing was paid
}

// CreateOutgoing starts a payment and tells what the grant had spent before it. The
// money moves after the settle delay, or not.
func (b *Bank) CreateOutgoing(access Access, r OutgoingRequest) (OutgoingPayment, Spent, error) {
	if r.Incoming == "" && !isUUID(r.Quote) {
		return OutgoingPayment{}, Spent{}, ErrInternal
	}
	now := b.enter()
	defer b.leave()
	account, ok := b.s.Accounts[access.Account]
	if !ok {
		return OutgoingPayment{}, Spent{}, ErrNoWalletAddress
	}
	quote, err := b.payable(access, r, now)
	if err != nil {
		return OutgoingPayment{}, Spent{}, err
	}
	if !b.withinLimits(access, quote) {
		return OutgoingPayment{}, Spent{}, ErrUnauthorizedPayment
	}
	spent := b.spent(access.GrantID)
	p := &OutgoingPayment{
		ID: quote.ID, Seq: b.s.next(), Account: account.Name, Tenant: account.Tenant,
		Client: access.Client.key(), Grant: access.GrantID, Quote: *quote,
		Sent: Amount{0, account.Asset}, Arrived: Amount{0, quote.Receive.Asset},
		Metadata: r.Metadata, Created: now, Due: now.Add(b.lifetimes.Settle),
	}
	b.s.Quotes[quote.ID] = quote
	b.s.indexOutgoing(p)
	b.touch()
	if spent.Debit == nil {
		spent = Spent{&Amount{0, quote.Debit.Asset}, &Amount{0, quote.Receive.Asset}}
	}
	return *p, spent, nil
}

// payable is the quote to pay, which must be live, unused, the account's own, and for
// a receiver that still takes money. All of those are the same refusal.
func (b *Bank) payable(access Access, r OutgoingRequest, now time.Time) (*Quote, error) {
	if r.Incoming != "" {
		return b.quote(access, QuoteRequest{Receiver: r.Incoming, Debit: r.Debit}, now)
	}
	q, ok := b.s.Quotes[r.Quote]
	if !ok || q.Tenant != access.Tenant {
		return nil, ErrUnknownQuote
	}
	_, used := b.s.Outgoing[q.ID]
	in, ok := b.incoming(q.Incoming, now)
	if used || q.Account != access.Account || !now.Before(q.Expires) || !ok || in.Completed(now) {
		return nil, ErrInvalidQuote
	}
	return q, nil
}

// withinLimits checks the first access item only, as the recorded wallet did
// (traces/05-04-split.json, 4c). The receiver is compared as a string.
func (b *Bank) withinLimits(access Access, q *Quote) bool {
	l := access.Item.Limits
	if l == nil {
		return true
	}
	if l.Receiver != "" && l.Receiver != q.Receiver {
		return false
	}
	spent := b.spent(access.GrantID)
	return fits(l.Debit, spent.Debit, q.Debit) && fits(l.Receive, spent.Receive, q.Receive)
}

func fits(limit, spent *Amount, next Amount) bool {
	if limit == nil {
		return true
	}
	if limit.Asset != next.Asset {
		return false
	}
	left := limit.Value
	if spent != nil {
		left -= spent.Value
	}
	return next.Value <= left
}

// spent adds up what the grant's payments take of its limits: the debit of the quote,
// and what arrived, or will. The caller holds the lock.
func (b *Bank) spent(grant string) Spent {
	var s Spent
	for _, p := range b.s.byGrant[grant] {
		if s.Debit == nil {
			s = Spent{&Amount{0, p.Quote.Debit.Asset}, &Amount{0, p.Quote.Receive.Asset}}
		}
		if p.Failed {
			continue
		}
		s.Debit.Value += p.Quote.Debit.Value
		if p.Arrived.Value > 0 {
			s.Receive.Value += p.Arrived.Value
		} else {
			s.Receive.Value += p.Quote.Receive.Value
		}
	}
	return s
}

// Spent is what the grant behind access has used.
func (b *Bank) Spent(access Access) Spent {
	b.enter()
	defer b.leave()
	return b.spent(access.GrantID)
}

// Outgoing is the outgoing payment with that id, whoever made it.
func (b *Bank) Outgoing(tenant, id string) (OutgoingPayment, error) {
	if !isUUID(id) {
		return OutgoingPayment{}, ErrInternal
	}
	b.enter()
	defer b.leave()
	p, ok := b.s.Outgoing[id]
	if !ok || p.Tenant != tenant {
		return OutgoingPayment{}, ErrNotFound
	}
	return *p, nil
}

// ListOutgoing is a page of the account's outgoing payments, newest first.
func (b *Bank) ListOutgoing(access Access, q PageQuery) (Page[OutgoingPayment], error) {
	b.enter()
	defer b.leave()
	var mine []OutgoingPayment
	for _, p := range b.s.Outgoing {
		if p.Account == access.Account && access.sees(p.Client) {
			mine = append(mine, *p)
		}
	}
	return pageOf(mine, q, func(p OutgoingPayment) (string, int64) { return p.ID, p.Seq })
}
