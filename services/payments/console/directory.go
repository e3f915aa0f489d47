package console

import (
	"context"
	"net/url"
	"time"

	"tianguis.example/payments/outbox"
)

// endpointReader is what is read of endpoints.
type endpointReader interface {
	// Endpoints are all, the configured one first.
	Endpoints(ctx context.Context) ([]outbox.Endpoint, error)
	// ActiveSecrets are what is signed with at now, of all endpoints, the newest first.
	ActiveSecrets(ctx context.Context, now time.Time) ([]outbox.Secret, error)
	// Standings are how the deliveries of each endpoint that has any stand.
	Standings(ctx context.Context) ([]outbox.Standing, error)
}

// directory is who receives webhooks, as every page needs to know it.
type directory struct {
	endpoints []outbox.Endpoint
	secrets   map[string][]Secret // that sign now, by endpoint
}

// Secret is a signing secret without the secret: what a page may know of it.
type Secret struct {
	Fingerprint string
	Kind        string // "v1": HMAC-SHA256; "v1a": Ed25519
	Configured  bool
	CreatedAt   time.Time
	ExpiresAt   time.Time // zero for one that was not replaced
}

func (p *Pages) directory(ctx context.Context) (directory, error) {
	all, err := p.read.Endpoints(ctx)
	if err != nil {
		return directory{}, err
	}
	active, err := p.read.ActiveSecrets(ctx, p.clock.Now())
	if err != nil {
		return directory{}, err
	}
	d := directory{endpoints: all, secrets: map[string][]Secret{}}
	for _, s := range active {
		d.secrets[s.EndpointID] = append(d.secrets[s.EndpointID], Secret{s.Secret.Fingerprint(), s.Secret.Version(), s.Configured, s.CreatedAt, s.ExpiresAt})
	}
	return d, nil
}

// find returns false for an endpoint that was removed.
func (d directory) find(id string) (outbox.Endpoint, bool) {
	for _, e := range d.endpoints {
		if e.ID == id {
			return e, true
		}
	}
	return outbox.Endpoint{ID: id}, false
}

// unsigned reports whether webhooks are sent to an endpoint that it cannot verify.
func (d directory) unsigned(e outbox.Endpoint) bool {
	return e.Enabled() && e.URL != "" && len(d.secrets[e.ID]) == 0
}

// Warning is what stands on top of every page until it is mended: an endpoint that is disabled, or one whose webhooks are sent unsigned.
type Warning struct {
	Endpoint outbox.Endpoint
	Name     string
	Unsigned bool
}

func (d directory) warnings() []Warning {
	var all []Warning
	for _, e := range d.endpoints {
		if unsigned := d.unsigned(e); unsigned || !e.Enabled() {
			all = append(all, Warning{e, nameOf(e), unsigned})
		}
	}
	return all
}

// nameOf is an endpoint's name for people.
func nameOf(e outbox.Endpoint) string {
	if e.ID == outbox.Configured {
		return e.ID
	}
	if e.Description != "" {
		return e.Description
	}
	if u, err := url.Parse(e.URL); err == nil && u.Host != "" {
		return u.Host
	}
	return e.ID
}
