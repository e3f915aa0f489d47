package sandbox

import (
	"strings"
	"time"
)

// Quote says what a payment would cost. It binds nobody to pay.
type Quote struct {
	ID       string    `json:"id"` // UUID; the outgoing payment made from it gets the same
	Account  string    `json:"account"`
	Tenant   string    `json:"tenant"`
	Client   string    `json:"client"`
	Receiver string    `json:"receiver"` // URL of the incoming payment, as it was given
	Incoming string    `json:"incoming"` // its id
	Receive  Amount    `json:"receiveAmount"`
	Debit    Amount    `json:"debitAmount"`
	Created  time.Time `json:"createdAt"`
	Expires  time.Time `json:"expiresAt"`
}

// QuoteRequest asks what it costs to pay Receiver: what the incoming payment asks for,
// or so much arriving (Receive), or so much spent (Debit). At most one is set.
type QuoteRequest struct {
	Receiver       string
	Receive, Debit *Amount
}

// CreateQuote makes a quote for the account that access names.
func (b *Bank) CreateQuote(access Access, r QuoteRequest) (Quote, error) {
	now := b.enter()
	defer b.leave()
	q, err := b.quote(access, r, now)
	if err != nil {
		return Quote{}, err
	}
	b.s.Quotes[q.ID] = q
	b.touch()
	return *q, nil
}

// quote prices without storing. The caller holds the lock.
func (b *Bank) quote(access Access, r QuoteRequest, now time.Time) (*Quote, error) {
	account, ok := b.s.Accounts[access.Account]
	if !ok {
		return nil, ErrNoWalletAddress
	}
	in, ok := b.receiver(r.Receiver, now)
	if !ok || in.Completed(now) {
		return nil, ErrInvalidReceiver
	}
	asset := in.Received.Asset
	q := &Quote{
		ID: newUUID(), Account: account.Name, Tenant: account.Tenant, Client: access.Client.key(),
		Receiver: r.Receiver, Incoming: in.ID, Created: now, Expires: now.Add(b.lifetimes.Quote),
	}
	switch {
	case r.Debit != nil:
		if r.Debit.Asset != account.Asset || r.Debit.Value <= 0 {
			return nil, ErrInvalidAmount
		}
		receive, err := b.receiveFor(*r.Debit, asset)
		if err != nil || receive <= 0 || in.Incoming != nil && receive > in.Incoming.Value {
			return nil, ErrInvalidAmount
		}
		q.Debit, q.Receive = *r.Debit, Amount{receive, asset}
	default:
		receive := in.Incoming
		if r.Receive != nil {
			receive = r.Receive
		}
		if receive == nil || receive.Asset != asset || receive.Value <= 0 ||
			in.Incoming != nil && receive.Value > in.Incoming.Value {
			return nil, ErrInvalidAmount
		}
		debit, err := b.debitFor(*receive, account.Asset)
		if err != nil {
			return nil, ErrInvalidAmount
		}
		q.Receive, q.Debit = *receive, Amount{debit, account.Asset}
	}
	return q, nil
}

// debitFor is what an account must be ready to lose for so much to arrive: what will
// be sent, plus slippage, and then the next whole unit. 1250 → 1263, 500 → 506,
// 10000 MXN → 592 USD cents (traces/01-happy.json, traces/05-07-cross-currency.json).
func (b *Bank) debitFor(receive Amount, asset Asset) (int64, error) {
	sent, err := b.convert(receive.Value, receive.Asset, asset, up)
	if err != nil {
		return 0, err
	}
	debit, err := partsPerMillion(sent, b.slippage)
	if err != nil || b.slippage == 0 {
		return debit, err
	}
	return debit + 1, nil
}

// receiveFor is what surely arrives for so much spent: 500 → 495, 202 → 199
// (traces/02-i-incoming-wrong-asset-and-validation.json).
func (b *Bank) receiveFor(debit Amount, asset Asset) (int64, error) {
	sent, err := partsPerMillion(debit.Value, -b.slippage)
	if err != nil {
		return 0, err
	}
	return b.convert(sent, debit.Asset, asset, down)
}

// receiver is the incoming payment behind a URL of this wallet. The caller holds the lock.
func (b *Bank) receiver(url string, now time.Time) (*IncomingPayment, bool) {
	rest, ok := strings.CutPrefix(url, b.baseURL+"/op/")
	if !ok {
		return nil, false
	}
	tenant, id, ok := strings.Cut(rest, "/incoming-payments/")
	if !ok {
		return nil, false
	}
	p, ok := b.incoming(id, now)
	return p, ok && p.Tenant == tenant
}

// Quote is the quote with that id, dead or alive.
func (b *Bank) Quote(tenant, id string) (Quote, error) {
	if !isUUID(id) {
		return Quote{}, ErrInternal
	}
	b.enter()
	defer b.leave()
	q, ok := b.s.Quotes[id]
	if !ok || q.Tenant != tenant {
		return Quote{}, ErrNotFound
	}
	return *q, nil
}
