package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Account is a wallet address with money behind it.
type Account struct {
	Name       string `json:"name"` // the wallet address is the base URL, a slash and this
	PublicName string `json:"publicName"`
	Tenant     string `json:"tenant"` // whose auth server and resource server it has
	Asset
	Keys []JWK `json:"keys"`
}

// JWK is a public Ed25519 key (RFC 8037) as jwks.json publishes it.
type JWK struct {
	Kid string `json:"kid"`
	X   string `json:"x"` // base64url of the 32 bytes, without padding
	Alg string `json:"alg"`
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	Use string `json:"use,omitempty"`
}

// Validate says what is missing for the key to verify anything.
func (k JWK) Validate() error {
	if k.Kid == "" || k.X == "" || k.Alg != "EdDSA" || k.Kty != "OKP" || k.Crv != "Ed25519" {
		return errors.New(`a key needs kid, x, "alg":"EdDSA", "kty":"OKP" and "crv":"Ed25519"`)
	}
	return nil
}

var accountName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// reservedNames are the first path segments that the wallet needs for itself.
var reservedNames = []string{"auth", "op", "interact", "continue", "token", "consent", "control", "health", "ready"}

// openingLiquidity is what stands ready in each asset to pay out what comes in in
// another, in minor units.
const openingLiquidity = 1_000_000_000_000

// AddAccount opens an account with an opening balance, in minor units, which is issued
// on the ledger. It refuses a name that is taken, reserved or no path segment.
func (b *Bank) AddAccount(a Account, opening int64) error {
	switch {
	case !accountName.MatchString(a.Name), slices.Contains(reservedNames, a.Name):
		return fmt.Errorf("%q cannot be the name of a wallet: use a-z, 0-9 and -, and none of %s", a.Name, strings.Join(reservedNames, " "))
	case a.Code == "":
		return errors.New("a wallet needs an asset code")
	case opening < 0:
		return errors.New("an opening balance must not be negative")
	}
	for _, key := range a.Keys {
		if err := key.Validate(); err != nil {
			return err
		}
	}
	a.PublicName = cmp.Or(a.PublicName, a.Name)
	a.Tenant = cmp.Or(a.Tenant, tenants[0])
	if !slices.Contains(tenants, a.Tenant) {
		return fmt.Errorf("unknown tenant %q: there are %s", a.Tenant, strings.Join(tenants, " and "))
	}
	now := b.enter()
	defer b.leave()
	if _, taken := b.s.Accounts[a.Name]; taken {
		return fmt.Errorf("there is a wallet named %q already", a.Name)
	}
	a.Keys = slices.Clone(a.Keys)
	b.s.Accounts[a.Name] = &a
	if liquidity := liquidityAccount(a.Asset); b.s.Balances[liquidity] == 0 {
		b.post(now, issuedAccount(a.Asset), liquidity, Amount{openingLiquidity, a.Asset}, "opening liquidity", "")
	}
	if opening > 0 {
		b.post(now, issuedAccount(a.Asset), walletAccount(a.Name), Amount{opening, a.Asset}, "opening balance", "")
	}
	b.touch()
	return nil
}

// RegisterKey publishes a key in the wallet address' jwks.json, in place of one with the same kid.
func (b *Bank) RegisterKey(name string, key JWK) error {
	if err := key.Validate(); err != nil {
		return err
	}
	b.enter()
	defer b.leave()
	a, ok := b.s.Accounts[name]
	if !ok {
		return ErrNoWalletAddress
	}
	a.Keys = append(slices.DeleteFunc(a.Keys, func(k JWK) bool { return k.Kid == key.Kid }), key)
	b.touch()
	return nil
}

// Account is the account with that name.
func (b *Bank) Account(name string) (Account, error) {
	b.enter()
	defer b.leave()
	a, ok := b.s.Accounts[name]
	if !ok {
		return Account{}, ErrNoWalletAddress
	}
	return a.clone(), nil
}

func (a *Account) clone() Account {
	copied := *a
	copied.Keys = append([]JWK{}, a.Keys...)
	return copied
}

// AccountAt is the account behind a wallet address, or ErrNoWalletAddress.
func (b *Bank) AccountAt(walletAddress string) (Account, error) {
	name, ok := b.accountName(walletAddress)
	if !ok {
		return Account{}, ErrNoWalletAddress
	}
	return b.Account(name)
}

// accountName is the name in a wallet address of this wallet.
func (b *Bank) accountName(walletAddress string) (string, bool) {
	name, ok := strings.CutPrefix(walletAddress, b.baseURL+"/")
	return strings.TrimSuffix(name, "/"), ok
}

// Balance is an account with what is in it.
type Balance struct {
	Account
	Balance int64 // minor units
}

// Accounts are all accounts with their balances, by name.
func (b *Bank) Accounts() []Balance {
	b.enter()
	defer b.leave()
	all := make([]Balance, 0, len(b.s.Accounts))
	for _, a := range b.s.Accounts {
		all = append(all, Balance{a.clone(), b.s.Balances[walletAccount(a.Name)]})
	}
	slices.SortFunc(all, func(x, y Balance) int { return cmp.Compare(x.Name, y.Name) })
	return all
}
