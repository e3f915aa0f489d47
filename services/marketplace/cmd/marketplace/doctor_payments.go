package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/doctor"
	"tianguis.example/marketplace/store"
	"tianguis.example/payments/api"
	"tianguis.example/payments/webhook"
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
	return one(doctor.Fine("the payments service takes our key"))
}

// lookAtOwnDoor sends a test event through our own public address, signed with our own secret, and one that is not signed.
func (x *examination) lookAtOwnDoor(ctx context.Context) []doctor.Finding {
	c := x.config
	secrets, err := c.webhookSecrets()
	if err != nil || len(secrets) == 0 && !c.AllowUnsigned {
		return one(doctor.Skip("needs WEBHOOK_SECRET"))
	}
	address := strings.TrimRight(c.BaseURL, "/") + webhook.Path
	unsigned, err := x.knock(ctx, address, nil)
	if u, _ := url.Parse(c.BaseURL); err != nil && x.notes.Known().runs && u != nil && doctor.OnThisMachine(u.Host) {
		// In a container this machine is another one than the browsers'.
		address = doctor.Here(c.Listen) + webhook.Path
		unsigned, err = x.knock(ctx, address, nil)
	}
	const another = "restart the marketplace, so that it runs with these settings; if another answers there, set MARKETPLACE_BASE_URL"
	switch {
	case err != nil && !x.notes.Known().runs:
		return one(doctor.Skip("needs the marketplace to run"))
	case err != nil:
		return one(doctor.Fail("set MARKETPLACE_BASE_URL to the address under which people reach the marketplace", "%s does not answer: %s", address, doctor.Why(ctx, err)))
	case unsigned.Status != http.StatusUnauthorized && !pong(unsigned):
		return one(doctor.Fail("set MARKETPLACE_BASE_URL; a proxy before it must let POST "+webhook.Path+" through", "%s is not the door of a marketplace: it answered %d: %.100s", address, unsigned.Status, unsigned.Body))
	case pong(unsigned) && !c.AllowUnsigned:
		return one(doctor.Fail(another, "%s believes webhooks that nobody has signed", address))
	case len(secrets) == 0 && pong(unsigned):
		return one(doctor.Fine("%s took a test event that nobody has signed, as WEBHOOK_ALLOW_UNSIGNED says", address))
	case len(secrets) == 0:
		return one(doctor.Fail(another, "%s refused a test event that is not signed, although WEBHOOK_ALLOW_UNSIGNED is set", address))
	case !slices.ContainsFunc(secrets, webhook.Secret.Signs):
		return one(doctor.Fine("%s is the marketplace's door; WEBHOOK_SECRET verifies and cannot sign, so that only the payments service can try it", address))
	}
	signed, err := x.knock(ctx, address, secrets)
	if err != nil || !pong(signed) {
		return one(doctor.Fail(another, "%s does not believe a test event that is signed with WEBHOOK_SECRET (%s)", address, strings.Join(secrets.Fingerprints(), ", ")))
	}
	return one(doctor.Fine("%s took a test event that is signed with WEBHOOK_SECRET (%s)", address, strings.Join(secrets.Fingerprints(), ", ")))
}

func pong(a doctor.Answer) bool { return a.Status/100 == 2 && strings.Contains(a.Body, "pong") }

// knock sends a test event, without secrets an unsigned one.
func (x *examination) knock(ctx context.Context, address string, secrets webhook.Secrets) (doctor.Answer, error) {
	now := x.clock.Now()
	body, err := webhook.Body(webhook.Event{Type: webhook.Ping, Timestamp: now})
	if err != nil {
		return doctor.Answer{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return doctor.Answer{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	if len(secrets) > 0 {
		secrets.Sign(request.Header, ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String(), now, body)
	}
	return doctor.Send(request)
}

// configuredEndpoint is the marketplace among the payments service's webhook endpoints.
const configuredEndpoint = "marketplace"

// lookAtSecret compares what the payments service signs with, by its fingerprints, with what is verified here.
func (x *examination) lookAtSecret(ctx context.Context) []doctor.Finding {
	secrets, err := x.config.webhookSecrets()
	if err != nil || len(secrets) == 0 {
		return one(doctor.Skip("needs WEBHOOK_SECRET"))
	}
	if !x.notes.Known().payments {
		return one(doctor.Skip(needsPayments))
	}
	there, err := x.payments.WebhookSecrets(ctx, configuredEndpoint)
	if err != nil {
		return one(doctor.Fail("on its machine: payments webhook secret list", "ask what the payments service signs with: %s", doctor.Why(ctx, err)))
	}
	own := secrets.Fingerprints()
	var shared, others []string
	for _, s := range there.Secrets {
		if !s.Active {
			continue
		}
		if slices.Contains(own, s.Fingerprint) {
			shared = append(shared, s.Fingerprint)
		} else {
			others = append(others, s.Fingerprint)
		}
	}
	switch {
	case len(shared) == 0 && len(others) == 0:
		return one(doctor.Fail("set WEBHOOK_SECRET at the payments service, and restart it", "the payments service signs with nothing"))
	case len(shared) == 0:
		return one(doctor.Fail("set WEBHOOK_SECRET to the same on both sides, and restart both", "the payments service signs with %s, and WEBHOOK_SECRET here is %s: no webhook will be believed",
			strings.Join(others, ", "), strings.Join(own, ", ")))
	case len(others) > 0:
		return one(doctor.Warn("add the new secret to WEBHOOK_SECRET, before the old one expires: payments webhook secret list", "the payments service signs with %s too, which is not in WEBHOOK_SECRET", strings.Join(others, ", ")))
	}
	return one(doctor.Fine("the payments service signs with what is verified here (%s)", strings.Join(shared, ", ")))
}

// How long the payments service may take to send a test event and be answered, and how often it is asked.
const (
	pingWait = 20 * time.Second
	askEvery = 200 * time.Millisecond
)

// lookAtWay has the payments service send a test event, which takes the way of all webhooks.
func (x *examination) lookAtWay(ctx context.Context) []doctor.Finding {
	if !x.notes.Known().payments {
		return one(doctor.Skip(needsPayments))
	}
	ping, err := x.payments.PingWebhookEndpoint(ctx, configuredEndpoint)
	if failed, ok := errors.AsType[*api.Error](err); ok && failed.Code == "endpoint_disabled" {
		return one(doctor.Fail("payments webhook endpoint enable "+configuredEndpoint, "the payments service sends no webhooks here: they are disabled, and wait"))
	}
	if err != nil {
		return one(doctor.Fail("on its machine: payments doctor", "have the payments service send a test event: %s", doctor.Why(ctx, err)))
	}
	waiting, cancel := context.WithTimeout(ctx, pingWait)
	defer cancel()
	for ping.State == "pending" {
		if clock.Sleep(waiting, x.clock, askEvery) == nil {
			ping, err = x.payments.WebhookDelivery(waiting, ping.ID)
		}
		if waiting.Err() != nil {
			return one(doctor.Fail("see the log of the payments service for [webhook]", "the payments service has not sent a test event within %s", pingWait))
		}
		if err != nil {
			return one(doctor.Fail("on its machine: payments webhook list", "ask what came of a test event: %s", doctor.Why(ctx, err)))
		}
	}
	if len(ping.Attempts) == 0 {
		return one(doctor.Fail("payments webhook show "+ping.ID, "the payments service did not send a test event"))
	}
	return one(x.arrival(ping.Attempts[len(ping.Attempts)-1]))
}

func (x *examination) arrival(a api.WebhookAttempt) doctor.Finding {
	said := strings.TrimSpace(a.Answer)
	switch {
	case a.Status/100 == 2 && strings.Contains(said, "pong"):
		return doctor.Fine("the payments service sent a test event to %s, which answered %d after %d ms", a.URL, a.Status, a.DurationMS)
	case a.Status == 0:
		return doctor.Fail("set MARKETPLACE_BASE_URL at the payments service to where it reaches the marketplace, and restart it", "the payments service sends webhooks to %s, which does not answer: %s", a.URL, a.Error)
	case a.Status == http.StatusUnauthorized:
		return doctor.Fail("set WEBHOOK_SECRET to the same on both sides, and restart both; are both clocks right?", "%s does not believe what the payments service signs", a.URL)
	}
	return doctor.Fail("set MARKETPLACE_BASE_URL at the payments service to where it reaches the marketplace, and restart it", "the payments service sends webhooks to %s, which is no marketplace of ours: it answered %d: %.100s", a.URL, a.Status, said)
}

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
