package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/doctor"
	"tianguis.example/payments/api"
	"tianguis.example/payments/webhook"
)

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
	id := "doctor_" + ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String() // seen in the log of who answers
	request.Header.Set(webhook.HeaderID, id)
	if len(secrets) > 0 {
		secrets.Sign(request.Header, id, now, body)
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
	failed, ok := errors.AsType[*api.Error](err)
	if ok && failed.Code == "endpoint_disabled" {
		return one(doctor.Fail("payments webhook endpoint enable "+configuredEndpoint, "the payments service sends no webhooks here: they are disabled, and wait"))
	}
	if ok && failed.Status == http.StatusForbidden { // as it should be: whoever has the marketplace's key has no more than that
		return one(doctor.Skip("needs a key that may do everything, which PAYMENTS_API_KEY is not; on the machine of the payments service: payments webhook send-test"))
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
