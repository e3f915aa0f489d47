package walletcache

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"tianguis.example/payments"
	"tianguis.example/payments/openpayments"
)

// grantKey is what a shared token is for.
type grantKey struct {
	authServer string
	access     openpayments.AccessType
	actions    string
}

type grants struct {
	grantCalls
	cache *cache
}

type grantCalls interface {
	Request(ctx context.Context, p openpayments.GrantRequestParams) (openpayments.Grant, error)
	Continue(ctx context.Context, p openpayments.GrantContinueParams) (openpayments.Grant, error)
	Cancel(ctx context.Context, p openpayments.GrantCancelParams) error
}

// shared tells whether a grant may serve several payments: it is about nobody's money, needs no consent, and names no account.
func shared(p openpayments.GrantRequestParams) (grantKey, bool) {
	if p.Interact != nil || len(p.Access) != 1 {
		return grantKey{}, false
	}
	a := p.Access[0]
	if a.Type != openpayments.AccessIncomingPayment && a.Type != openpayments.AccessQuote || a.Identifier != "" || a.Limits != nil {
		return grantKey{}, false
	}
	var actions []string
	for _, action := range a.Actions {
		actions = append(actions, string(action))
	}
	slices.Sort(actions)
	return grantKey{p.URL, a.Type, strings.Join(actions, " ")}, true
}

// Request asks for a grant, or gives the token of one that may be shared. Such a grant has nothing but its token: whoever shares it may neither rotate
// nor revoke it.
func (g grants) Request(ctx context.Context, p openpayments.GrantRequestParams) (openpayments.Grant, error) {
	key, ok := shared(p)
	if !ok {
		grant, err := g.grantCalls.Request(ctx, p)
		g.cache.doubt(p.URL, err)
		return grant, err
	}
	value, err := g.cache.token(ctx, key, p)
	if err != nil {
		return openpayments.Grant{}, err
	}
	return openpayments.Grant{AccessToken: &openpayments.AccessToken{Value: value, Access: p.Access}}, nil
}

var errConsentWanted = payments.Errorf(payments.CodeWalletRefused, "the wallet wants somebody's consent where none is needed")

// token gives the value of a shared token. One whose end its wallet does not name is not kept.
func (c *cache) token(ctx context.Context, key grantKey, p openpayments.GrantRequestParams) (string, error) {
	return c.tokens.get(ctx, key, func(ctx context.Context) (string, time.Duration, error) {
		grant, err := c.wallets.Grant.Request(ctx, p)
		c.doubt(p.URL, err)
		switch {
		case err != nil:
			return "", 0, err
		case grant.AccessToken == nil:
			return "", 0, errConsentWanted
		}
		c.handedOut.Add(grant.AccessToken.Value, p)
		return grant.AccessToken.Value, min(grant.AccessToken.ExpiresIn-margin, longestKept), nil
	})
}

// renewed does something with a token. When a wallet does not take one that was shared, it is done again with a new one: nothing took effect
// (ErrInactiveToken: it ended early, or its wallet lost it).
func renewed[V any](ctx context.Context, c *cache, value, server string, do func(token string) (V, error)) (V, error) {
	v, err := do(value)
	c.doubt(server, err)
	if !errors.Is(err, openpayments.ErrInactiveToken) && !errors.Is(err, openpayments.ErrInsufficientGrant) {
		return v, err
	}
	params, ok := c.handedOut.Get(value)
	if !ok {
		return v, err
	}
	c.tokens.forget(func(_ grantKey, token string) bool { return token == value })
	key, _ := shared(params)
	fresh, errToken := c.token(ctx, key, params)
	if errToken != nil {
		return v, errToken
	}
	return do(fresh)
}

type incomingPayments struct {
	incomingCalls
	cache *cache
}

type incomingCalls interface {
	Create(ctx context.Context, p openpayments.IncomingPaymentCreateParams) (openpayments.IncomingPayment, error)
	GetPublic(ctx context.Context, p openpayments.IncomingPaymentGetPublicParams) (openpayments.PublicIncomingPayment, error)
}

// Create creates an incoming payment, with a new token if a shared one is not taken any more.
func (i incomingPayments) Create(ctx context.Context, p openpayments.IncomingPaymentCreateParams) (openpayments.IncomingPayment, error) {
	return renewed(ctx, i.cache, p.AccessToken, p.BaseURL, func(token string) (openpayments.IncomingPayment, error) {
		p.AccessToken = token
		return i.incomingCalls.Create(ctx, p)
	})
}

type quotes struct {
	quoteCalls
	cache *cache
}

type quoteCalls interface {
	Create(ctx context.Context, p openpayments.QuoteCreateParams) (openpayments.Quote, error)
}

// Create asks for a quote, with a new token if a shared one is not taken any more.
func (q quotes) Create(ctx context.Context, p openpayments.QuoteCreateParams) (openpayments.Quote, error) {
	return renewed(ctx, q.cache, p.AccessToken, p.BaseURL, func(token string) (openpayments.Quote, error) {
		p.AccessToken = token
		return q.quoteCalls.Create(ctx, p)
	})
}
