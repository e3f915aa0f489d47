package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/settings"
	"tianguis.example/payments"
	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/walletcache"
)

// identities gives the wallets as a client identity reaches them: the seller's own, or the platform's. They are made once for each.
type identities struct {
	http    *http.Client
	clock   clock.Clock
	keys    string        // folder of sellers' keys; "" for none
	timeout time.Duration // of one wallet call
	cached  time.Duration // 0 for nothing
	make    NewWallets

	platform *payments.Wallets // nil without an identity

	mu      sync.Mutex
	wallets map[payments.Client]payments.Wallets
}

// NewWallets gives the wallets as an identity reaches them: openpayments' own, or another implementation that passes openpayments/contracttest.
type NewWallets func(openpayments.Config) (payments.Wallets, error)

// ownWallets are those of package openpayments.
func ownWallets(config openpayments.Config) (payments.Wallets, error) {
	c, err := openpayments.New(config)
	if err != nil {
		return payments.Wallets{}, err
	}
	return payments.Wallets{
		WalletAddress: c.WalletAddress, Grant: c.Grant, Token: c.Token, IncomingPayment: c.IncomingPayment,
		Quote: c.Quote, OutgoingPayment: c.OutgoingPayment,
	}, nil
}

// newIdentities makes the identities. cached is how long wallets' documents are kept that do not say; commands, which ask once, keep nothing.
func newIdentities(c config, httpClient *http.Client, cached time.Duration, clk clock.Clock) (*identities, error) {
	ids := &identities{
		http: httpClient, clock: clk, keys: c.KeyFolder, timeout: c.WalletTimeout, cached: cached, make: c.newWallets, wallets: map[payments.Client]payments.Wallets{},
	}
	if ids.make == nil {
		ids.make = ownWallets
	}
	if c.SellerPrivateKeyPath != "" {
		pem, err := os.ReadFile(c.SellerPrivateKeyPath)
		if err != nil {
			return nil, settings.Wrong("SELLER_PRIVATE_KEY_PATH", "cannot be read: %w", err)
		}
		platform, err := ids.walletsOf(c.SellerWalletAddressURL, c.SellerKeyID, pem)
		if err != nil {
			return nil, settings.Wrong("SELLER_WALLET_ADDRESS_URL, SELLER_KEY_ID, SELLER_PRIVATE_KEY_PATH", "are no client identity: %w", err)
		}
		ids.platform = &platform
	}
	return ids, nil
}

// of gives the wallets as an identity reaches them, the platform's for none. Errors: CodeNoIdentity, CodeInvalidKey.
func (ids *identities) of(who payments.Client) (payments.Wallets, error) {
	if who.KeyID != "" {
		return ids.own(who)
	}
	if ids.platform == nil {
		return payments.Wallets{}, payments.Errorf(payments.CodeNoIdentity, "this service has no client identity yet: its operator has to set the SELLER_… variables")
	}
	return *ids.platform, nil
}

func (ids *identities) own(who payments.Client) (payments.Wallets, error) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	if wallets, ok := ids.wallets[who]; ok {
		return wallets, nil
	}
	if ids.keys == "" {
		return payments.Wallets{}, payments.Errorf(payments.CodeInvalidKey, "this service takes no keys of sellers: its operator has to set KEY_FOLDER")
	}
	pem, err := readBelow(ids.keys, who.PrivateKeyPath)
	if err != nil {
		return payments.Wallets{}, &payments.Error{Code: payments.CodeInvalidKey, Message: "privateKeyPath does not name a key in this service's folder of keys", Err: err}
	}
	wallets, err := ids.walletsOf(who.WalletAddress, who.KeyID, pem)
	if err != nil {
		return payments.Wallets{}, &payments.Error{Code: payments.CodeInvalidKey, Message: "the key that privateKeyPath names is not an Ed25519 key in PKCS #8 PEM", Err: err}
	}
	ids.wallets[who] = wallets
	return wallets, nil
}

// readBelow reads a file that a caller named, never outside of folder, links included.
func readBelow(folder, name string) ([]byte, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	info, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	const maxKey = 16 << 10
	if !info.Mode().IsRegular() || info.Size() > maxKey {
		return nil, errors.New("it is not a key file")
	}
	return root.ReadFile(name)
}

func (ids *identities) walletsOf(wallet, keyID string, pem []byte) (payments.Wallets, error) {
	key, err := openpayments.ParsePrivateKeyPEM(pem)
	if err != nil {
		return payments.Wallets{}, err
	}
	signer, err := openpayments.NewEd25519Signer(keyID, key)
	if err != nil {
		return payments.Wallets{}, err
	}
	wallets, err := ids.make(openpayments.Config{WalletAddress: wallet, Signer: signer, HTTPClient: ids.http, Timeout: ids.timeout, Now: ids.clock.Now})
	if err != nil || ids.cached == 0 {
		return wallets, err
	}
	return walletcache.Over(wallets, ids.cached, ids.clock), nil
}

// bootstrap makes the platform's own seller known.
func bootstrap(ctx context.Context, c config, service *payments.Service) error {
	if c.SellerID == "" {
		return nil
	}
	err := service.RegisterSeller(ctx, operator.Operator{Door: operator.BySettings}, payments.Seller{ID: c.SellerID, WalletAddressURL: c.SellerWalletAddressURL})
	if err != nil {
		return fmt.Errorf("make the seller of SELLER_ID: %w", err)
	}
	return nil
}
