package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"tianguis.example/chassis/doctor"
	"tianguis.example/marketplace/store"
	"tianguis.example/payments/api"
)

// lookAtPayments looks who answers at PAYMENTS_SERVICE_URL.
func (x *examination) lookAtPayments(ctx context.Context) []doctor.Finding {
	base := strings.TrimRight(x.config.PaymentsURL, "/")
	health, err := doctor.Ask(ctx, base+"/health")
	if err != nil {
		return one(doctor.Fail("start the payments service, or set PAYMENTS_SERVICE_URL", "%s does not answer: %s", base, doctor.Why(ctx, err)))
	}
	if health.Service() != "payments" {
		who := "is not the payments service: it answers " + http.StatusText(health.Status)
		if health.Service() != "" {
			who = fmt.Sprintf("is not the payments service but the %.40q service", health.Service())
		}
		return one(doctor.Fail("set PAYMENTS_SERVICE_URL", "%s %s", base, who))
	}
	ready, err := doctor.Ask(ctx, base+"/ready")
	if err != nil || ready.Status != http.StatusOK {
		return one(doctor.Fail("on its machine: payments doctor", "%s is the payments service, and is not ready", base))
	}
	return one(doctor.Fine("%s is the payments service, and is ready", base))
}

// lookAtKey asks for something harmless that needs the key.
func (x *examination) lookAtKey(ctx context.Context) []doctor.Finding {
	sellers, err := x.payments.Sellers(ctx)
	if failed, ok := errors.AsType[*api.Error](err); ok {
		switch {
		case failed.Status == http.StatusUnauthorized && x.config.PaymentsKey == "":
			return one(doctor.Fail("set PAYMENTS_API_KEY to the one of the payments service", "the payments service asks for a key, and PAYMENTS_API_KEY is not set"))
		case failed.Status == http.StatusUnauthorized || failed.Status == http.StatusForbidden:
			return one(doctor.Fail("set PAYMENTS_API_KEY to the one of the payments service", "the payments service does not take our PAYMENTS_API_KEY (%d)", failed.Status))
		case failed.Code == api.CodeUnreachable, failed.Code == api.CodeUnintelligible:
			return one(doctor.Skip("needs the payments service"))
		}
	}
	if err != nil {
		return one(doctor.Fail("on its machine: payments doctor", "list the sellers: %s", doctor.Why(ctx, err)))
	}
	x.notes.Learn(func(k *known) { k.payments = true })
	if id := x.config.SellerID; id != "" && !slices.ContainsFunc(sellers.Sellers, func(s api.Seller) bool { return s.ID == id }) {
		return one(doctor.Fail("set PAYMENTS_SELLER_ID, or add the seller: payments seller add --id "+id+" --wallet-address <url>", "PAYMENTS_SELLER_ID is %s, whom the payments service does not know", id))
	}
	if x.config.PaymentsKey == "" {
		return one(doctor.Fine("the payments service asks for no key"))
	}
	// What a start needs, and this does not do: no address is nobody's wallet.
	if failed, ok := errors.AsType[*api.Error](second(x.payments.Profile(ctx, ""))); ok && failed.Status == http.StatusForbidden {
		return one(doctor.Fail("set PAYMENTS_API_KEY to a key that may pay: payments apikey create --name marketplace --scope pay",
			"the payments service takes our key for looking only: nobody can pay"))
	}
	return one(doctor.Fine("the payments service takes our key"))
}

func second[V any](_ V, err error) error { return err }

// mostWallets is how many people's wallets are looked at.
const mostWallets = 5

// lookAtWallets has the payments service look at the wallets of the newest people: the marketplace itself talks to none.
func (x *examination) lookAtWallets(ctx context.Context) []doctor.Finding {
	k := x.notes.Known()
	if k.db == nil {
		return one(doctor.Skip(needsDatabase))
	}
	if !k.payments {
		return one(doctor.Skip(needsPayments))
	}
	addresses, err := store.New(k.db).WalletAddresses(ctx, mostWallets)
	if err != nil {
		return one(doctor.Fail("see the check of the database", "read the wallet addresses: %s", doctor.Why(ctx, err)))
	}
	var found []doctor.Finding
	for _, address := range addresses {
		if _, err := x.payments.Profile(ctx, address); err != nil {
			words := doctor.Why(ctx, err)
			if failed, ok := errors.AsType[*api.Error](err); ok && ctx.Err() == nil {
				words = failed.Message
			}
			found = append(found, doctor.Warn("ask its owner, who cannot be paid there; if it is many: payments doctor", "the wallet %s: %s", address, words))
		}
	}
	if len(found) == 0 {
		return one(doctor.Fine("the wallets of the newest %d people answer", len(addresses)))
	}
	return found
}
