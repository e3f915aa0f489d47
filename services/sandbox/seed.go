package sandbox

import "errors"

// tenants are the two wallet providers that the sandbox plays: a buyer's bank and a
// worker's bank, so that a token of one is worth nothing at the other.
var tenants = []string{"sierra", "bahia"}

func defaultRates() map[string]Rate {
	return map[string]Rate{
		"USD": {1, 1},
		"MXN": {100, 1707}, // 17.07 MXN to the dollar, as recorded in traces/05-07-cross-currency.json
		"EUR": {11, 10},
		"JPY": {1, 150},
		"XAU": {4000, 1},
	}
}

// Seed opens the accounts that a first start has.
func (b *Bank) Seed() error {
	usd, mxn := Asset{"USD", 2}, Asset{"MXN", 2}
	var errs []error
	for _, a := range []struct {
		Account
		balance int64
	}{
		{Account{Name: "buyer-usd", PublicName: "Fernanda Ruiz", Tenant: "sierra", Asset: usd}, 10_000_000_00},
		{Account{Name: "buyer-mxn", PublicName: "Fernanda Ruiz, pesos", Tenant: "sierra", Asset: mxn}, 100_000_000_00},
		{Account{Name: "worker-mxn", PublicName: "Beto Hernández", Tenant: "bahia", Asset: mxn}, 1_000_00},
		{Account{Name: "worker-usd", PublicName: "Beto Hernández, dollars", Tenant: "bahia", Asset: usd}, 100_00},
		{Account{Name: "scale9", PublicName: "Aurelia Fine", Tenant: "sierra", Asset: Asset{"XAU", 9}}, 1_000_000_000_000},
		{Account{Name: "yen", PublicName: "Yuki Round", Tenant: "bahia", Asset: Asset{"JPY", 0}}, 100_000_000},
		{Account{Name: "marketplace", PublicName: "Tianguis Marketplace", Tenant: "bahia", Asset: mxn}, 0},
	} {
		errs = append(errs, b.AddAccount(a.Account, a.balance))
	}
	return errors.Join(errs...)
}
