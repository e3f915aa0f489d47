package openpayments

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"tianguis.example/payments/money"
)

// WalletAddressService reads wallet addresses. Nothing of it is signed.
type WalletAddressService struct{ caller *caller }

// Get reads the document behind a wallet address. The answer must be of the host that
// was asked: a wallet cannot speak for an address of another. ErrNotFound is an unknown
// address. The document changes rarely; where the wallet does not say how long it may be kept, as the recorded one
// does not, a caller may choose.
func (s *WalletAddressService) Get(ctx context.Context, params WalletAddressGetParams) (WalletAddress, error) {
	return params.Question().ask(ctx, s.caller)
}

// Question is what WalletAddressService.Get asks.
func (p WalletAddressGetParams) Question() Question[WalletAddress] {
	q := question(call{op: "get wallet address", method: http.MethodGet, url: p.URL, public: true}, nil,
		func(wire walletAddressWire) (WalletAddress, error) { return wire.believe(p.URL) })
	q.note = func(w *WalletAddress, h http.Header) { w.KeepFor = keepFor(h) }
	return q
}

// GetKeys reads the keys that a wallet address has published: of a client, those that
// its signatures are verified with.
func (s *WalletAddressService) GetKeys(ctx context.Context, params WalletAddressGetKeysParams) (JWKS, error) {
	const op = "get wallet address keys"
	address, err := join(params.URL, "/jwks.json")
	if err != nil {
		return JWKS{}, &Error{Op: op, Kind: ErrInvalidRequest, Err: err}
	}
	return ask(ctx, s.caller, call{op: op, method: http.MethodGet, url: address, public: true}, believeKeys)
}

// walletAddressWire tells a scale of 0 from none: money would be off by powers of ten.
type walletAddressWire struct {
	WalletAddress
	AssetScale *uint8 `json:"assetScale"`
}

func (w walletAddressWire) believe(asked string) (WalletAddress, error) {
	if w.AssetScale == nil {
		return WalletAddress{}, errors.New("assetScale: it is missing")
	}
	w.WalletAddress.AssetScale = *w.AssetScale
	if _, err := money.New(0, w.AssetCode, *w.AssetScale); err != nil {
		return WalletAddress{}, fmt.Errorf("assetCode: %w", err)
	}
	err := believeURLs([2]string{"id", w.ID}, [2]string{"authServer", w.AuthServer}, [2]string{"resourceServer", w.ResourceServer})
	if err != nil {
		return WalletAddress{}, err
	}
	if !sameHost(w.ID, asked) {
		return WalletAddress{}, errors.New("id: it is of another host than was asked")
	}
	return w.WalletAddress, nil
}

// sameHost compares host and port of two URLs that have been checked.
func sameHost(a, b string) bool {
	left, errLeft := url.Parse(a)
	right, errRight := url.Parse(b)
	return errLeft == nil && errRight == nil && strings.EqualFold(left.Host, right.Host)
}

func believeKeys(keys JWKS) (JWKS, error) {
	if keys.Keys == nil {
		return JWKS{}, errors.New("keys: they are missing")
	}
	for _, key := range keys.Keys {
		if key.KeyID == "" || key.KeyType == "" {
			return JWKS{}, errors.New("keys: one has no kid or kty")
		}
	}
	return keys, nil
}
