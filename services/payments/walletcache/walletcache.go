package walletcache

import (
	"context"
	"errors"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments"
	"tianguis.example/payments/openpayments"
)

// size bounds how many documents, and how many tokens, are kept for one client identity: strangers type wallet addresses.
const size = 10_000

// margin is how long before its end a token is no longer handed out: as long as a wallet call may be under way.
const margin = 30 * time.Second

// longestKept bounds how long a token is kept, whatever its wallet says of it.
const longestKept = time.Hour

// Over returns wallets that ask w what is not known yet. They are of one client identity, which the tokens belong to. A document is kept for life where
// its wallet does not say how long it may be.
func Over(w payments.Wallets, life time.Duration, c clock.Clock) payments.Wallets {
	cache := &cache{
		wallets: w, life: life, documents: newShelf[string, openpayments.WalletAddress](c),
		tokens: newShelf[grantKey, string](c), handedOut: newLRU[string, openpayments.GrantRequestParams](),
	}
	w.WalletAddress, w.Grant = walletAddresses{cache}, grants{w.Grant, cache}
	w.IncomingPayment, w.Quote = incomingPayments{w.IncomingPayment, cache}, quotes{w.Quote, cache}
	return w
}

type cache struct {
	wallets   payments.Wallets
	life      time.Duration
	documents *shelf[string, openpayments.WalletAddress]
	tokens    *shelf[grantKey, string]
	handedOut *lru.Cache[string, openpayments.GrantRequestParams] // what each token was asked for with
}

// doubt forgets the documents that name a server which could not be asked, or refused: the wallet may have moved.
func (c *cache) doubt(server string, err error) {
	if err == nil || errors.Is(err, openpayments.ErrTooManyRequests) || errors.Is(err, context.Canceled) {
		return
	}
	c.documents.forget(func(_ string, w openpayments.WalletAddress) bool {
		return w.AuthServer == server || w.ResourceServer == server
	})
}

type walletAddresses struct{ *cache }

// Get reads the document behind a wallet address, or gives the one that was read before.
func (w walletAddresses) Get(ctx context.Context, p openpayments.WalletAddressGetParams) (openpayments.WalletAddress, error) {
	return w.documents.get(ctx, p.URL, func(ctx context.Context) (openpayments.WalletAddress, time.Duration, error) {
		document, err := w.wallets.WalletAddress.Get(ctx, p)
		if document.KeepFor != 0 {
			return document, document.KeepFor, err
		}
		return document, w.life, err
	})
}
