package sandbox

import (
	"encoding/json"
	"time"
)

// IncomingPayment is a request for money to an account.
type IncomingPayment struct {
	ID       string          `json:"id"` // UUID
	Seq      int64           `json:"seq"`
	Account  string          `json:"account"`
	Tenant   string          `json:"tenant"`
	Client   string          `json:"client"` // who asked for it
	Incoming *Amount         `json:"incomingAmount,omitempty"`
	Received Amount          `json:"receivedAmount"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Created  time.Time       `json:"createdAt"`
	Expires  time.Time       `json:"expiresAt"`
	// Closed is when it stopped taking money: completed by its owner, or full for as
	// long as completion lags. Zero while it is open.
	Closed time.Time `json:"closedAt,omitzero"`
}

// Completed tells whether it takes no more money.
func (p IncomingPayment) Completed(now time.Time) bool {
	if !p.Closed.IsZero() && !now.Before(p.Closed) {
		return true
	}
	return !now.Before(p.Expires)
}

// IncomingRequest asks for an incoming payment.
type IncomingRequest struct {
	Amount   *Amount // nil for an open one
	Expires  *time.Time
	Metadata json.RawMessage
}

// CreateIncoming makes an incoming payment at the account that access names.
func (b *Bank) CreateIncoming(access Access, r IncomingRequest) (IncomingPayment, error) {
	now := b.enter()
	defer b.leave()
	account, ok := b.s.Accounts[access.Account]
	if !ok {
		return IncomingPayment{}, ErrNoWalletAddress
	}
	if r.Amount != nil && (r.Amount.Asset != account.Asset || r.Amount.Value <= 0) {
		return IncomingPayment{}, ErrInvalidAmount
	}
	expires := now.Add(incomingMaxLife)
	if r.Expires != nil {
		if !r.Expires.After(now) || r.Expires.After(expires) {
			return IncomingPayment{}, ErrInvalidExpiry
		}
		expires = r.Expires.UTC()
	}
	p := &IncomingPayment{
		ID: newUUID(), Seq: b.s.next(), Account: account.Name, Tenant: account.Tenant, Client: access.Client.key(),
		Incoming: r.Amount, Received: Amount{0, account.Asset}, Metadata: r.Metadata, Created: now, Expires: expires,
	}
	b.s.Incoming[p.ID] = p
	b.touch()
	return *p, nil
}

// incoming finds an incoming payment that still exists: one that expired unpaid is
// deleted (traces/02-i-incoming-wrong-asset-and-validation.json). The caller holds the lock.
func (b *Bank) incoming(id string, now time.Time) (*IncomingPayment, bool) {
	p, ok := b.s.Incoming[id]
	if ok && p.Received.Value == 0 && !now.Before(p.Expires) {
		delete(b.s.Incoming, id)
		b.touch()
		return nil, false
	}
	return p, ok
}

// Incoming is the incoming payment with that id. ErrInternal is for an id that is no
// UUID, on which a real wallet stumbles.
func (b *Bank) Incoming(tenant, id string) (IncomingPayment, error) {
	if !isUUID(id) {
		return IncomingPayment{}, ErrInternal
	}
	now := b.enter()
	defer b.leave()
	p, ok := b.incoming(id, now)
	if !ok || p.Tenant != tenant {
		return IncomingPayment{}, ErrNotFound
	}
	return *p, nil
}

// CompleteIncoming closes it for good, paid or not; a second time is ErrWrongState.
func (b *Bank) CompleteIncoming(id string) (IncomingPayment, error) {
	now := b.enter()
	defer b.leave()
	p, ok := b.incoming(id, now)
	switch {
	case !ok:
		return IncomingPayment{}, ErrNotFound
	case p.Completed(now):
		return IncomingPayment{}, ErrWrongState
	}
	p.Closed = now
	b.touch()
	return *p, nil
}

// ListIncoming is a page of the account's incoming payments, newest first; those of
// the asking client only, unless its access says list-all.
func (b *Bank) ListIncoming(access Access, q PageQuery) (Page[IncomingPayment], error) {
	now := b.enter()
	defer b.leave()
	var mine []IncomingPayment
	for id := range b.s.Incoming {
		if p, ok := b.incoming(id, now); ok && p.Account == access.Account && access.sees(p.Client) {
			mine = append(mine, *p)
		}
	}
	return pageOf(mine, q, func(p IncomingPayment) (string, int64) { return p.ID, p.Seq })
}

// receive books money that arrived. The caller holds the lock.
func (b *Bank) receive(p *IncomingPayment, value int64, at time.Time) {
	p.Received.Value += value
	if p.Incoming != nil && p.Received.Value >= p.Incoming.Value && p.Closed.IsZero() {
		p.Closed = at.Add(b.lifetimes.Complete)
	}
}

// wanted is what it may still take. An open one takes anything.
func (p *IncomingPayment) wanted(offered int64) int64 {
	if p.Incoming == nil {
		return offered
	}
	return max(0, min(offered, p.Incoming.Value-p.Received.Value))
}

// description is the text that merchants put into metadata for people to read.
func description(metadata json.RawMessage) string {
	var m struct {
		Description string `json:"description"`
	}
	_ = json.Unmarshal(metadata, &m) // metadata is the client's own; without a description there is none to show
	return m.Description
}
