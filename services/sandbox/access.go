package sandbox

import "slices"

// AccessItem is one right that a grant gives, as the wire has it.
type AccessItem struct {
	Type       string   `json:"type"`
	Actions    []string `json:"actions"`
	Identifier string   `json:"identifier,omitempty"` // a wallet address
	Limits     *Limits  `json:"limits,omitempty"`
}

// Limits bound the outgoing payments of a grant. An interval is kept and returned,
// but amounts are counted over the whole life of the grant.
type Limits struct {
	Receiver string  `json:"receiver,omitempty"`
	Debit    *Amount `json:"debitAmount,omitempty"`
	Receive  *Amount `json:"receiveAmount,omitempty"`
	Interval string  `json:"interval,omitempty"`
}

// The types of access.
const (
	AccessIncoming = "incoming-payment"
	AccessQuote    = "quote"
	AccessOutgoing = "outgoing-payment"
)

// Client is who asks: a wallet address with published keys, or a bare key.
type Client struct {
	WalletAddress string `json:"walletAddress,omitempty"`
	JWK           *JWK   `json:"jwk,omitempty"`
	Name          string `json:"-"` // its public name, for the consent page
}

func (c Client) key() string {
	if c.JWK != nil {
		return "jwk:" + c.JWK.X
	}
	return c.WalletAddress
}

// Access is what a live token allows at one account.
type Access struct {
	GrantID string
	Client  Client
	Tenant  string
	Account string // name; empty where the request names no wallet address
	Item    AccessItem
	all     bool // sees what other clients made
}

func (a Access) sees(client string) bool { return a.all || a.Client.key() == client }

// Sees tells whether the token may read what that client made.
func (a Access) Sees(client string) bool { return a.sees(client) }

// AccessQuery says what a request to a resource server needs of its token.
type AccessQuery struct {
	Tenant, Token string
	Type, Action  string
	Account       string // name
}

// Allow finds out what a token allows: ErrInactiveToken when it is unknown, dead,
// revoked or of another tenant; ErrInsufficientGrant when it lives but says nothing
// of this action or this wallet address.
func (b *Bank) Allow(q AccessQuery) (Access, error) {
	now := b.enter()
	defer b.leave()
	t, ok := b.s.Tokens[q.Token]
	if !ok || !now.Before(t.Expires) {
		return Access{}, ErrInactiveToken
	}
	g := b.s.Grants[t.Grant]
	if g == nil || g.revoked() || g.Tenant != q.Tenant {
		return Access{}, ErrInactiveToken
	}
	for _, item := range g.Access {
		if item.Type != q.Type || !slices.Contains(item.Actions, q.Action) && !slices.Contains(item.Actions, q.Action+"-all") {
			continue
		}
		if item.Identifier != "" && q.Account != "" && item.Identifier != b.WalletAddress(q.Account) {
			continue
		}
		return Access{
			GrantID: g.ID, Client: g.Client, Tenant: g.Tenant, Account: q.Account, Item: item,
			all: slices.Contains(item.Actions, q.Action+"-all"),
		}, nil
	}
	return Access{}, ErrInsufficientGrant
}
