package payments_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments"
	"tianguis.example/payments/money"
	"tianguis.example/payments/openpayments"
)

// bank is the two wallets of the property test, with a ledger. It knows many payments at a time, expires and deletes as the real wallets do
// (PROTOCOL.md, "What goes wrong"), loses calls and answers on demand, and keeps account of each unit.
type bank struct {
	mu    sync.Mutex
	clock clock.Clock
	n     int // makes ids

	grants   map[string]*bankGrant    // by continue URI
	tokens   map[string]*bankToken    // by value
	incoming map[string]*bankIncoming // by URL
	quotes   map[string]*bankQuote    // by URL
	outgoing map[string]*bankOutgoing // by URL

	before, after map[string][]error // faults of the next calls of an operation, as in wallets

	balance int64 // of the buyer, USD/2
	taken   int64 // out of it, by the buyer, for other things
	price   int64 // of a hundred units of the seller's, in the buyer's
	sends   sending
}

const (
	startBalance = 1_000_000
	quoteLife    = 5 * time.Minute
	tokenLife    = 10 * time.Minute
	consentLife  = 10 * time.Minute
	continueWait = 5 * time.Second
)

// sending is how the next outgoing payments fare.
type sending string

const (
	sendsAtOnce sending = "at once"
	sendsSlowly sending = "slowly"
	sendsHalf   sending = "half, and no more"
	sendsNever  sending = "nothing, for ever" // the loser of a race: traces/05-12-double.json
	sendsFails  sending = "fails"
)

type bankGrant struct {
	uri, token, ref    string
	limit              openpayments.Limits
	notUntil, diesAt   time.Time
	approved           bool
	continued, revoked bool
	spent              int64
}

type bankToken struct {
	grant     *bankGrant
	manage    string
	expiresAt time.Time
	dead      bool
}

type bankIncoming struct {
	offer     string
	amount    money.Amount
	received  int64
	strangers int64 // of it, what nobody of ours sent
	expiresAt time.Time
}

type bankQuote struct {
	receiver       string
	debit, receive int64
	expiresAt      time.Time
	used           bool
}

type bankOutgoing struct {
	id, quote, receiver string
	debit, receive      int64 // when all of it is sent
	sentDebit, sent     int64
	settlesAt           time.Time // zero when no more is sent
	failed              string
}

// moving reports whether money of it has left the buyer, or will.
func (o *bankOutgoing) moving() bool { return o.sent > 0 || !o.settlesAt.IsZero() }

func newBank(c clock.Clock) *bank {
	return &bank{
		clock: c, balance: startBalance, price: 6, sends: sendsAtOnce,
		grants: map[string]*bankGrant{}, tokens: map[string]*bankToken{}, incoming: map[string]*bankIncoming{},
		quotes: map[string]*bankQuote{}, outgoing: map[string]*bankOutgoing{},
		before: map[string][]error{}, after: map[string][]error{},
	}
}

func (b *bank) id(kind string) string {
	b.n++
	return fmt.Sprintf("%s%d", kind, b.n)
}

const (
	sellersServer = "https://rs.seller.example"
	buyersServer  = "https://rs.buyer.example/tenant"
)

// settle sends what is due. What has expired without a unit in it is gone.
func (b *bank) settle() {
	now := b.clock.Now()
	for _, o := range b.outgoing {
		if !o.settlesAt.IsZero() && !now.Before(o.settlesAt) {
			o.settlesAt = time.Time{}
			b.send(o, 1)
		}
	}
	for url, in := range b.incoming {
		if in.received == 0 && !now.Before(in.expiresAt) {
			delete(b.incoming, url)
		}
	}
}

// send moves a share of a payment: 1 for all of it, 2 for half. Of one that is full, or expired, nothing more can be sent.
func (b *bank) send(o *bankOutgoing, share int64) {
	in := b.incoming[o.receiver]
	if in == nil || in.received >= in.amount.Value() || !b.clock.Now().Before(in.expiresAt) {
		return
	}
	o.sentDebit, o.sent = o.debit/share, o.receive/share
	b.balance -= o.sentDebit
	in.received += o.sent
}

// stranger pays an incoming payment by other means.
func (b *bank) stranger(url string, value int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settle()
	if in := b.incoming[url]; in != nil && b.clock.Now().Before(in.expiresAt) {
		in.received += value
		in.strangers += value
	}
}

// approve is the buyer's yes at the wallet. It returns the interact_ref, or "" when the page has died.
func (b *bank) approve(continueURI string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := b.grants[continueURI]
	if g == nil || g.revoked || !b.clock.Now().Before(g.diesAt) {
		return ""
	}
	g.approved = true
	return g.ref
}

// behave ends all faults.
func (b *bank) behave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.before, b.after = map[string][]error{}, map[string][]error{}
	b.sends = sendsAtOnce
}

// bankCalls is the bank as one process reaches it.
type bankCalls struct {
	*bank
	*process
}

func (c bankCalls) wallets(payments.Client) (payments.Wallets, error) {
	return payments.Wallets{
		WalletAddress: bankAddresses{c}, Grant: bankGrants{c}, Token: bankTokens{c}, IncomingPayment: bankIncomings{c},
		Quote: bankQuotes{c}, OutgoingPayment: bankOutgoings{c},
	}, nil
}

// call is one call: the process may die before it or after, and it may fail before its effect or after.
func call[T any](c bankCalls, op string, effect func() (T, error)) (T, error) {
	var none T
	if err := c.tick(); err != nil {
		return none, err
	}
	answer, err := func() (T, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.settle()
		if err := pop(c.before, op); err != nil {
			return none, err
		}
		answer, err := effect()
		if err != nil {
			return none, err
		}
		return answer, pop(c.after, op)
	}()
	if killed := c.tick(); killed != nil {
		return none, killed
	}
	if err != nil {
		return none, err
	}
	return answer, nil
}

type bankAddresses struct{ bankCalls }

func (c bankAddresses) Get(_ context.Context, p openpayments.WalletAddressGetParams) (openpayments.WalletAddress, error) {
	return call(c.bankCalls, "address", func() (openpayments.WalletAddress, error) {
		if p.URL == sellerWallet {
			return openpayments.WalletAddress{ID: p.URL, AssetCode: "MXN", AssetScale: 2, AuthServer: "https://auth.seller.example", ResourceServer: sellersServer}, nil
		}
		return openpayments.WalletAddress{ID: p.URL, AssetCode: "USD", AssetScale: 2, AuthServer: authServer, ResourceServer: buyersServer}, nil
	})
}

type bankGrants struct{ bankCalls }

func (c bankGrants) Request(_ context.Context, p openpayments.GrantRequestParams) (openpayments.Grant, error) {
	return call(c.bankCalls, "grant", func() (openpayments.Grant, error) {
		if p.Interact == nil {
			return openpayments.Grant{AccessToken: &openpayments.AccessToken{Value: c.id("t")}}, nil
		}
		now := c.clock.Now()
		g := &bankGrant{
			uri: c.id("https://auth.buyer.example/continue/"), token: c.id("c"), ref: c.id("ref"), limit: *p.Access[0].Limits,
			notUntil: now.Add(continueWait), diesAt: now.Add(consentLife),
		}
		c.grants[g.uri] = g
		return openpayments.Grant{
			Interaction: &openpayments.Interaction{Redirect: "https://auth.buyer.example/interact", Finish: "as-nonce"},
			Continue:    &openpayments.Continuation{URI: g.uri, AccessToken: g.token, Wait: continueWait},
		}, nil
	})
}

func (c bankGrants) Continue(_ context.Context, p openpayments.GrantContinueParams) (openpayments.Grant, error) {
	return call(c.bankCalls, "continue", func() (openpayments.Grant, error) {
		g := c.grants[p.URL]
		switch {
		case g == nil, g.token != p.AccessToken, g.revoked, g.approved && p.InteractRef != g.ref:
			return openpayments.Grant{}, refusal(openpayments.ErrInvalidContinuation)
		case c.clock.Now().Before(g.notUntil):
			return openpayments.Grant{}, refusal(openpayments.ErrTooFast)
		case !g.approved, g.continued:
			return openpayments.Grant{}, refusal(openpayments.ErrRequestDenied)
		}
		g.continued = true
		return openpayments.Grant{AccessToken: c.newToken(g)}, nil
	})
}

func (b *bank) newToken(g *bankGrant) *openpayments.AccessToken {
	t := &bankToken{grant: g, manage: b.id("https://auth.buyer.example/token/"), expiresAt: b.clock.Now().Add(tokenLife)}
	value := b.id("t")
	b.tokens[value] = t
	return &openpayments.AccessToken{Value: value, ManageURI: t.manage, ExpiresIn: tokenLife}
}

func (c bankGrants) Cancel(_ context.Context, p openpayments.GrantCancelParams) error {
	_, err := call(c.bankCalls, "cancel", func() (struct{}, error) {
		g := c.grants[p.URL]
		if g == nil || g.token != p.AccessToken || g.revoked {
			return struct{}{}, refusal(openpayments.ErrInvalidContinuation)
		}
		g.revoked = true
		return struct{}{}, nil
	})
	return err
}

type bankTokens struct{ bankCalls }

func (c bankTokens) Rotate(_ context.Context, p openpayments.TokenRotateParams) (openpayments.AccessToken, error) {
	return call(c.bankCalls, "rotate", func() (openpayments.AccessToken, error) {
		t := c.tokens[p.AccessToken]
		if t == nil || t.manage != p.URL || t.dead || t.grant.revoked {
			return openpayments.AccessToken{}, refusal(openpayments.ErrInvalidRotation)
		}
		t.dead = true
		return *c.newToken(t.grant), nil
	})
}

// active is the token's grant, or why it cannot be used.
func (b *bank) active(value string) (*bankGrant, error) {
	t := b.tokens[value]
	if t == nil || t.dead || t.grant.revoked || !b.clock.Now().Before(t.expiresAt) {
		return nil, refusal(openpayments.ErrInactiveToken)
	}
	return t.grant, nil
}

type bankIncomings struct{ bankCalls }

func (c bankIncomings) Create(_ context.Context, p openpayments.IncomingPaymentCreateParams) (openpayments.IncomingPayment, error) {
	return call(c.bankCalls, "incoming", func() (openpayments.IncomingPayment, error) {
		url := c.id(sellersServer + "/incoming-payments/")
		c.incoming[url] = &bankIncoming{offer: p.Metadata["offerId"], amount: *p.IncomingAmount, expiresAt: p.ExpiresAt}
		return openpayments.IncomingPayment{ID: url, IncomingAmount: p.IncomingAmount, ReceivedAmount: amount(0, "MXN"), ExpiresAt: p.ExpiresAt}, nil
	})
}

func (c bankIncomings) GetPublic(_ context.Context, p openpayments.IncomingPaymentGetPublicParams) (openpayments.PublicIncomingPayment, error) {
	return call(c.bankCalls, "received", func() (openpayments.PublicIncomingPayment, error) {
		in := c.incoming[p.URL]
		if in == nil {
			return openpayments.PublicIncomingPayment{}, refusal(openpayments.ErrUnknownPayment)
		}
		return openpayments.PublicIncomingPayment{ReceivedAmount: amount(in.received, "MXN")}, nil
	})
}

type bankQuotes struct{ bankCalls }

func (c bankQuotes) Create(_ context.Context, p openpayments.QuoteCreateParams) (openpayments.Quote, error) {
	return call(c.bankCalls, "quote", func() (openpayments.Quote, error) {
		in := c.incoming[p.Receiver]
		if in == nil || in.received >= in.amount.Value() {
			return openpayments.Quote{}, refusal(openpayments.ErrInvalidReceiver)
		}
		url := c.id(buyersServer + "/quotes/")
		q := &bankQuote{receiver: p.Receiver, receive: in.amount.Value(), debit: in.amount.Value() / 100 * c.price, expiresAt: c.clock.Now().Add(quoteLife)}
		c.quotes[url] = q
		return openpayments.Quote{ID: url, Receiver: p.Receiver, DebitAmount: amount(q.debit, "USD"), ReceiveAmount: amount(q.receive, "MXN")}, nil
	})
}

type bankOutgoings struct{ bankCalls }

func (c bankOutgoings) Create(_ context.Context, p openpayments.OutgoingPaymentCreateParams) (openpayments.OutgoingPayment, error) {
	return call(c.bankCalls, "pay", func() (openpayments.OutgoingPayment, error) {
		g, err := c.active(p.AccessToken)
		if err != nil {
			return openpayments.OutgoingPayment{}, err
		}
		q := c.quotes[p.QuoteID]
		now := c.clock.Now()
		if q == nil || q.used || !now.Before(q.expiresAt) || c.incoming[q.receiver] == nil || c.incoming[q.receiver].received >= c.incoming[q.receiver].amount.Value() {
			return openpayments.OutgoingPayment{}, refusal(openpayments.ErrInvalidQuote)
		}
		if g.limit.Receiver != q.receiver || g.spent+q.debit > g.limit.DebitAmount.Value() {
			return openpayments.OutgoingPayment{}, refusal(openpayments.ErrUnauthorized)
		}
		q.used = true
		o := &bankOutgoing{id: strings.Replace(p.QuoteID, "/quotes/", "/outgoing-payments/", 1), quote: p.QuoteID, receiver: q.receiver, debit: q.debit, receive: q.receive}
		c.outgoing[o.id] = o
		switch {
		case c.balance < q.debit:
			o.failed = "Account does not have enough balance."
		case c.sends == sendsFails:
			o.failed = "Quote expired"
		default:
			g.spent += q.debit
		}
		if o.failed == "" {
			switch c.sends {
			case sendsAtOnce:
				c.send(o, 1)
			case sendsSlowly:
				o.settlesAt = now.Add(4 * time.Minute)
			case sendsHalf:
				c.send(o, 2)
			case sendsNever, sendsFails:
			}
		}
		return c.told(o), nil
	})
}

func (b *bank) told(o *bankOutgoing) openpayments.OutgoingPayment {
	out := openpayments.OutgoingPayment{ID: o.id, QuoteID: o.quote, Receiver: o.receiver, Failed: o.failed != "", SentAmount: amount(o.sentDebit, "USD")}
	if out.Failed {
		out.Metadata = map[string]string{"cancellationReason": o.failed}
	}
	return out
}

func (c bankOutgoings) Get(_ context.Context, p openpayments.OutgoingPaymentGetParams) (openpayments.OutgoingPayment, error) {
	return call(c.bankCalls, "look", func() (openpayments.OutgoingPayment, error) {
		if _, err := c.active(p.AccessToken); err != nil {
			return openpayments.OutgoingPayment{}, err
		}
		if o := c.outgoing[p.URL]; o != nil {
			return c.told(o), nil
		}
		return openpayments.OutgoingPayment{}, refusal(openpayments.ErrUnknownPayment)
	})
}

func (c bankOutgoings) List(_ context.Context, p openpayments.ListParams) (openpayments.Page[openpayments.OutgoingPayment], error) {
	return call(c.bankCalls, "list", func() (openpayments.Page[openpayments.OutgoingPayment], error) {
		var page openpayments.Page[openpayments.OutgoingPayment]
		if _, err := c.active(p.AccessToken); err != nil {
			return page, err
		}
		for _, o := range c.outgoing {
			page.Result = append(page.Result, c.told(o))
		}
		return page, nil
	})
}
