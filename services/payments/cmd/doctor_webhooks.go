package cmd

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"tianguis.example/chassis/doctor"
	"tianguis.example/payments/egress"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/store"
	"tianguis.example/payments/webhook"
)

// pingWait is how long the doctor waits until the service has sent a test event and was answered.
const pingWait = 20 * time.Second

// lookAtWebhooks sends a test event to every endpoint that is enabled. While the service runs, it is the one that sends, as it sends everything; while it
// does not, the doctor sends by itself and keeps nothing of it, since an event that waited for the service would say nothing now.
func (x *examination) lookAtWebhooks(ctx context.Context) []doctor.Finding {
	secrets, err := x.config.secrets()
	if err != nil {
		return one(doctor.Skip("needs WEBHOOK_SECRET"))
	}
	configured := outbox.Endpoint{ID: outbox.Configured, URL: x.config.webhookURL()}
	keys, err := store.ReadKeys(x.config.TokenEncryptionKey)
	keep, ok := x.store(keys)
	if !ok || err != nil { // what the configuration has can be tried all the same
		return one(x.try(ctx, configured, secrets))
	}
	endpoints, err := keep.Endpoints(ctx)
	if err != nil {
		return one(doctor.Fail("see the check of the database", "read the webhook endpoints: %s", doctor.Why(ctx, err)))
	}
	active, unreadable := keep.ActiveSecrets(ctx, x.clock.Now())
	of := map[string]webhook.Secrets{}
	for _, s := range active {
		of[s.EndpointID] = append(of[s.EndpointID], s.Secret)
	}
	runs := x.notes.Known().runs
	found := make([][]doctor.Finding, len(endpoints))
	var sending sync.WaitGroup
	for i, e := range endpoints {
		signers := of[e.ID]
		if e.ID == outbox.Configured {
			if runs {
				found[i] = x.differs(e, secrets, signers)
			} else { // it starts with these
				e.URL, signers = configured.URL, atStart(secrets, active)
			}
		}
		sending.Go(func() { found[i] = append([]doctor.Finding{x.ping(ctx, keep, e, signers, runs)}, found[i]...) })
	}
	sending.Wait()
	all := slices.Concat(found...)
	if unreadable != nil {
		all = append(all, doctor.Fail("see the check of the encryption key", "%v", unreadable))
	}
	return all
}

// atStart are the secrets that the service will sign with once it is started: the configuration's, beside those that a rotation has made.
func atStart(secrets webhook.Secrets, kept []outbox.Secret) webhook.Secrets {
	all := slices.Clone(secrets)
	for _, s := range kept {
		if s.EndpointID == outbox.Configured && !s.Configured {
			all = append(all, s.Secret)
		}
	}
	return all
}

// differs tells where the running service has another configuration than this one.
func (x *examination) differs(e outbox.Endpoint, secrets, signers webhook.Secrets) []doctor.Finding {
	var all []doctor.Finding
	if e.URL != x.config.webhookURL() {
		all = append(all, doctor.Warn("restart the service, if MARKETPLACE_BASE_URL is right here", "the service sends to %s, and MARKETPLACE_BASE_URL means %s", e.URL, x.config.webhookURL()))
	}
	here, there := secrets.Fingerprints(), signers.Fingerprints()
	if len(here) > 0 && !slices.ContainsFunc(here, func(f string) bool { return slices.Contains(there, f) }) {
		all = append(all, doctor.Warn("restart the service, or set WEBHOOK_SECRET to the one that replaced it; see them with: payments webhook secret list",
			"the service signs with %s, and WEBHOOK_SECRET is %s", cmp.Or(strings.Join(there, ", "), "nothing"), strings.Join(here, ", ")))
	}
	return all
}

func (x *examination) ping(ctx context.Context, keep *store.Store, e outbox.Endpoint, signers webhook.Secrets, runs bool) doctor.Finding {
	if !e.Enabled() {
		return doctor.Warn("payments webhook endpoint enable "+e.ID, "endpoint %s is disabled, so that its webhooks wait: %s", e.ID, e.DisabledReason)
	}
	if e.ID != outbox.Configured && len(signers) == 0 {
		return doctor.Fail("payments webhook secret rotate --endpoint "+e.ID, "endpoint %s has no secret that signs, so that nothing is sent to it", e.ID)
	}
	if !runs {
		return x.try(ctx, e, signers)
	}
	desk := outbox.NewDesk(keep, x.clock, egress.Options{AllowHosts: x.config.WebhookAllowHosts}.Check, func() {})
	delivery, err := desk.Ping(ctx, atCommandLine(), e.ID)
	if err != nil {
		return doctor.Fail("payments webhook endpoint list", "write a test event for endpoint %s: %s", e.ID, doctor.Why(ctx, err))
	}
	made, err := awaitTest(ctx, keep, delivery.ID, pingWait)
	if err != nil {
		return doctor.Fail("see the service's log for [webhook]; does it run with this DATABASE_URL? Later: payments webhook show "+delivery.ID,
			"the service runs, and has not sent a test event to endpoint %s within %s", e.ID, pingWait)
	}
	return pingFinding(e, made, "the service")
}

// try sends without the service.
func (x *examination) try(ctx context.Context, e outbox.Endpoint, signers webhook.Secrets) doctor.Finding {
	hosts := x.config.WebhookAllowHosts
	if e.ID == outbox.Configured {
		hosts = []string{x.config.marketplaceHost()}
	}
	made, err := outbox.Try(ctx, x.clock, egress.Client(egress.Options{AllowHosts: hosts}), e, signers)
	if err != nil {
		return doctor.Fail("report this", "%v", err)
	}
	sender := "this command, since the service does not run,"
	if x.notes.Known().runs {
		sender = "this command, past the database,"
	}
	return pingFinding(e, made, sender)
}

// pingFinding says what became of a test event, and what to do about it.
func pingFinding(e outbox.Endpoint, a outbox.Attempt, sender string) doctor.Finding {
	address := "set the address of the endpoint by PATCH /webhooks/endpoints/" + e.ID
	if e.ID == outbox.Configured {
		address = "set MARKETPLACE_BASE_URL"
	}
	said := strings.TrimSpace(a.Excerpt)
	switch {
	case a.Status/100 == 2:
		return doctor.Fine("%s sent a test event to endpoint %s: %s answered %d after %d ms", sender, e.ID, a.URL, a.Status, a.Duration.Milliseconds())
	case a.Status == 0:
		return doctor.Fail("is the receiver up, and may this machine reach it? If not there: "+address, "endpoint %s: %s did not answer: %s", e.ID, a.URL, a.Error)
	case a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden:
		return doctor.Fail("compare the fingerprints of payments webhook secret list --endpoint "+e.ID+" with what the receiver has (WEBHOOK_SECRET; marketplace doctor tells its), and the clocks",
			"endpoint %s: %s does not believe the signature: it answered %d: %.100s", e.ID, a.URL, a.Status, said)
	case a.Status == http.StatusGone:
		return doctor.Fail("payments webhook endpoint enable "+e.ID+", once the receiver wants webhooks again", "endpoint %s: %s answered 410, wants no more webhooks, and is disabled now", e.ID, a.URL)
	case a.Status/100 == 3, a.Status == http.StatusMethodNotAllowed, a.Status == http.StatusNotFound && !strings.HasPrefix(said, "{"):
		return doctor.Fail(address+": it has to be the last address, redirects are not followed", "endpoint %s: %s answered %d, so that nobody takes webhooks there", e.ID, a.URL, a.Status)
	case a.Status == http.StatusBadRequest, a.Status == http.StatusNotFound, a.Status == http.StatusUnprocessableEntity:
		return doctor.Warn("nothing, if it takes payments; have it answer 2xx to types that it does not know", "endpoint %s: %s was reached, and does not know test events: it answered %d: %.100s", e.ID, a.URL, a.Status, said)
	}
	return doctor.Fail("see the receiver's own log", "endpoint %s: %s answered %d: %.100s", e.ID, a.URL, a.Status, said)
}
