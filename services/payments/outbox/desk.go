package outbox

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/webhook"
)

// deskStore is what an operator's work needs of a store. What was done is kept in the same transaction.
type deskStore interface {
	// Endpoint returns CodeUnknownEndpoint when there is none.
	Endpoint(ctx context.Context, id string) (Endpoint, error)
	// AddEndpoint returns CodeTooManyEndpoints when there are most already.
	AddEndpoint(ctx context.Context, e Endpoint, s Secret, most int, done operator.Action) error
	ChangeEndpoint(ctx context.Context, e Endpoint, done operator.Action) error
	// RemoveEndpoint ends what is still pending for it.
	RemoveEndpoint(ctx context.Context, id string, done operator.Action) error
	// Configure says what the configuration has for the configured endpoint, and returns the secrets that are kept of it.
	Configure(ctx context.Context, url string, secrets webhook.Secrets, now time.Time) ([]Secret, error)
	// ReplaceSecret adds a secret to its endpoint, and lets all others of the same version that do not expire sooner expire at oldUntil.
	ReplaceSecret(ctx context.Context, s Secret, oldUntil time.Time, done operator.Action) error
	// AddPing writes a test event to the endpoint.
	AddPing(ctx context.Context, endpointID string, e webhook.Event, done operator.Action) (Delivery, error)
	// ReplayOne makes a delivery due, whatever its state: CodeUnknownDelivery when there is none.
	ReplayOne(ctx context.Context, id string, done operator.Action) (Delivery, error)
	// RecordAction keeps what is about to be done.
	RecordAction(ctx context.Context, a operator.Action) error
	// Replay makes those due that the filter picks and that had ended by now, and says how many that were.
	Replay(ctx context.Context, f Filter, now time.Time) (int, error)
}

// Desk is where operators, who say who they are, manage endpoints and replay deliveries, through the API, on the command line or on a page.
type Desk struct {
	store   deskStore
	clock   clock.Clock
	permits func(url string) error
	news    func()
}

// NewDesk makes a desk. permits says, in words, why an added endpoint's address is not allowed; news is called after a commit that made a delivery due.
func NewDesk(s deskStore, c clock.Clock, permits func(url string) error, news func()) *Desk {
	return &Desk{store: s, clock: c, permits: permits, news: news}
}

// Configure brings the configured endpoint up to date, at a start. It returns the configuration's secrets that do not sign any more,
// since they were replaced.
func (d *Desk) Configure(ctx context.Context, url string, secrets webhook.Secrets) (expired []Secret, err error) {
	now := d.clock.Now()
	kept, err := d.store.Configure(ctx, url, secrets, now)
	if err != nil {
		return nil, fmt.Errorf("keep the configured webhook endpoint: %w", err)
	}
	for _, s := range kept {
		if s.Configured && !s.Active(now) {
			expired = append(expired, s)
		}
	}
	return expired, nil
}

// NewEndpoint is what an added endpoint is made of.
type NewEndpoint struct {
	URL         string
	Description string
	Types       []webhook.Type // none for all
	Secret      string         // "whsec_…" or "whsk_…"; "" for a new one
	Asymmetric  bool           // a new one is a key pair
}

// Add makes an endpoint, which gets the events that happen from now on. The secret is shown this once. Errors: CodeInvalidEndpoint, CodeTooManyEndpoints.
func (d *Desk) Add(ctx context.Context, by operator.Operator, n NewEndpoint) (Endpoint, Secret, error) {
	now := d.clock.Now()
	e := Endpoint{ID: d.newID(now), URL: n.URL, Description: n.Description, Types: n.Types, CreatedAt: now, UpdatedAt: now}
	if err := d.check(e); err != nil {
		return Endpoint{}, Secret{}, err
	}
	if n.Secret == "" {
		n.Secret = newSecret(n.Asymmetric)
	}
	parsed, err := webhook.ParseSecret(n.Secret)
	if err != nil || !parsed.Signs() {
		return Endpoint{}, Secret{}, Errorf(CodeInvalidEndpoint, "secret must be whsec_ and 24 to 64 bytes in base64, or whsk_ and an Ed25519 key: leave it out to have one made")
	}
	s := Secret{EndpointID: e.ID, Secret: parsed, CreatedAt: now}
	done := operator.Action{At: now, By: by, Kind: operator.AddEndpoint, Subject: e.ID, Detail: "host " + host(e.URL)}
	return e, s, d.store.AddEndpoint(ctx, e, s, MaxEndpoints, done)
}

func (d *Desk) newID(now time.Time) string {
	return ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String() // no secret
}

func newSecret(asymmetric bool) string {
	if asymmetric {
		private, _ := webhook.GenerateKeyPair()
		return private
	}
	return webhook.GenerateSecret()
}

func (d *Desk) check(e Endpoint) error {
	for _, err := range []error{checkURL(e.URL), checkTypes(e.Types), checkDescription(e.Description)} {
		if err != nil {
			return err
		}
	}
	if err := d.permits(e.URL); err != nil {
		return Errorf(CodeInvalidEndpoint, "url cannot be used: %v", err)
	}
	return nil
}

// EndpointChange says what is to be different; nil is as it was.
type EndpointChange struct {
	URL         *string
	Description *string
	Types       *[]webhook.Type
	Enabled     *bool
}

// kind is the word for the change.
func (c EndpointChange) kind() operator.Kind {
	switch {
	case c.Enabled == nil || c.URL != nil || c.Description != nil || c.Types != nil:
		return operator.ChangeEndpoint
	case *c.Enabled:
		return operator.EnableEndpoint
	}
	return operator.DisableEndpoint
}

// words say what is changed. An address may hold a secret in its path or query, so only its host is kept.
func (c EndpointChange) words() string {
	var all []string
	if c.URL != nil {
		all = append(all, "host "+host(*c.URL))
	}
	if c.Description != nil {
		all = append(all, fmt.Sprintf("description %q", *c.Description))
	}
	if c.Types != nil {
		all = append(all, fmt.Sprintf("events %v", *c.Types))
	}
	if c.Enabled != nil && len(all) > 0 {
		all = append(all, fmt.Sprintf("enabled %t", *c.Enabled))
	}
	return strings.Join(all, "; ")
}

// Change changes an endpoint. Of the configured one, only whether it is enabled. Errors: CodeUnknownEndpoint, CodeInvalidEndpoint, CodeConfiguredEndpoint.
func (d *Desk) Change(ctx context.Context, by operator.Operator, id string, c EndpointChange) (Endpoint, error) {
	e, err := d.store.Endpoint(ctx, id)
	if err != nil {
		return Endpoint{}, err
	}
	described := c.URL != nil || c.Description != nil || c.Types != nil
	if id == Configured && described {
		return Endpoint{}, Errorf(CodeConfiguredEndpoint, "this endpoint is the configuration's: set MARKETPLACE_BASE_URL instead")
	}
	now := d.clock.Now()
	e.UpdatedAt = now
	if c.URL != nil {
		e.URL = *c.URL
	}
	if c.Description != nil {
		e.Description = *c.Description
	}
	if c.Types != nil {
		e.Types = *c.Types
	}
	if described { // one whose address is not permitted any more can be disabled all the same
		if err := d.check(e); err != nil {
			return Endpoint{}, err
		}
	}
	if c.Enabled != nil {
		switch {
		case *c.Enabled:
			e.DisabledAt, e.DisabledReason = time.Time{}, ""
		case e.Enabled():
			e.DisabledAt, e.DisabledReason = now, "an operator disabled it"
		}
	}
	if err := d.store.ChangeEndpoint(ctx, e, operator.Action{At: now, By: by, Kind: c.kind(), Subject: id, Detail: c.words()}); err != nil {
		return Endpoint{}, err
	}
	d.news()
	return e, nil
}

// Remove removes an endpoint that was added; what was on its way to it is given up. Errors: CodeUnknownEndpoint, CodeConfiguredEndpoint.
func (d *Desk) Remove(ctx context.Context, by operator.Operator, id string) error {
	if id == Configured {
		return Errorf(CodeConfiguredEndpoint, "the configured endpoint cannot be removed: disable it instead")
	}
	return d.store.RemoveEndpoint(ctx, id, operator.Action{At: d.clock.Now(), By: by, Kind: operator.RemoveEndpoint, Subject: id})
}

// The overlap of an old secret with a new one: how long both sign.
const (
	DefaultOverlap = 24 * time.Hour
	MaxOverlap     = 30 * 24 * time.Hour
)

// Rotate gives an endpoint a new secret. The old ones of its kind go on signing beside it for overlap, in which the receiver is to be given the
// new one; zero for a secret that has leaked. The new one is shown this once. Errors: CodeUnknownEndpoint, CodeInvalidRequest.
func (d *Desk) Rotate(ctx context.Context, by operator.Operator, id string, asymmetric bool, overlap time.Duration) (Secret, time.Time, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return Secret{}, time.Time{}, Errorf(CodeInvalidRequest, "the overlap must be from 0 to %d days", int(MaxOverlap.Hours()/24))
	}
	if _, err := d.store.Endpoint(ctx, id); err != nil {
		return Secret{}, time.Time{}, err
	}
	parsed, err := webhook.ParseSecret(newSecret(asymmetric))
	if err != nil {
		return Secret{}, time.Time{}, err
	}
	now := d.clock.Now()
	s := Secret{EndpointID: id, Secret: parsed, CreatedAt: now}
	done := operator.Action{
		At: now, By: by, Kind: operator.RotateSecret, Subject: id, Detail: fmt.Sprintf("the new one is %s; the old ones sign for %s more", parsed.Fingerprint(), overlap),
	}
	return s, now.Add(overlap), d.store.ReplaceSecret(ctx, s, now.Add(overlap), done)
}

// Ping sends a test event, once. Errors: CodeUnknownEndpoint, CodeEndpointDisabled.
func (d *Desk) Ping(ctx context.Context, by operator.Operator, id string) (Delivery, error) {
	e, err := d.store.Endpoint(ctx, id)
	if err != nil {
		return Delivery{}, err
	}
	if !e.Enabled() {
		return Delivery{}, Errorf(CodeEndpointDisabled, "this endpoint is disabled, so that nothing is sent to it: enable it first")
	}
	now := d.clock.Now()
	done := operator.Action{At: now, By: by, Kind: operator.PingEndpoint, Subject: id}
	ping, err := d.store.AddPing(ctx, id, webhook.Event{Type: webhook.Ping, Timestamp: now}, done)
	if err == nil {
		d.news()
	}
	return ping, err
}

// ReplayOne sends a delivery again, under the same id, whatever became of it. Errors: CodeUnknownDelivery; CodeUnknownEndpoint when its endpoint was removed.
func (d *Desk) ReplayOne(ctx context.Context, by operator.Operator, id string) (Delivery, error) {
	again, err := d.store.ReplayOne(ctx, id, operator.Action{At: d.clock.Now(), By: by, Kind: operator.ReplayWebhook, Subject: id})
	if err == nil {
		d.news()
	}
	return again, err
}

// Replay sends again, under the same ids, what the filter picks of the deliveries that have ended. A filter must name an endpoint or
// a time, so that nothing is sent again by a slip. Errors: CodeInvalidRequest, CodeUnknownEndpoint.
func (d *Desk) Replay(ctx context.Context, by operator.Operator, f Filter) (int, error) {
	if f.EndpointID == "" && f.Since.IsZero() {
		return 0, Errorf(CodeInvalidRequest, "say which: an endpoint, or since when")
	}
	if f.EndpointID != "" {
		if _, err := d.store.Endpoint(ctx, f.EndpointID); err != nil {
			return 0, err
		}
	}
	now := d.clock.Now()
	// It is one transaction for a thousand of them: said before.
	if err := d.store.RecordAction(ctx, operator.Action{At: now, By: by, Kind: operator.ReplayWebhooks, Subject: f.EndpointID, Detail: f.words()}); err != nil {
		return 0, err
	}
	n, err := d.store.Replay(ctx, f, now)
	if n > 0 {
		d.news()
	}
	return n, err
}
