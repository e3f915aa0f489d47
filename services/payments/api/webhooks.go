package api

import "time"

// WebhookEndpoint receives webhooks. The one with the id "marketplace" is the configuration's.
type WebhookEndpoint struct {
	ID              string    `json:"id"`
	URL             string    `json:"url"`
	Description     string    `json:"description"`
	EventTypes      []string  `json:"eventTypes"` // none for all
	Enabled         bool      `json:"enabled"`
	DisabledAt      time.Time `json:"disabledAt,omitzero"`
	DisabledReason  string    `json:"disabledReason,omitempty"` // a sentence
	CreatedAt       time.Time `json:"createdAt"`
	UpdatedAt       time.Time `json:"updatedAt"`
	Pending         int       `json:"pending"`                  // webhooks that wait to be delivered
	Dead            int       `json:"dead"`                     // webhooks that were given up
	OldestPendingAt time.Time `json:"oldestPendingAt,omitzero"` // when the oldest that waits was made
}

// WebhookEndpoints is the answer to GET /webhooks/endpoints.
type WebhookEndpoints struct {
	Endpoints []WebhookEndpoint `json:"endpoints"`
}

// AddWebhookEndpoint is the body of POST /webhooks/endpoints.
type AddWebhookEndpoint struct {
	URL         string   `json:"url"`
	Description string   `json:"description,omitempty"`
	EventTypes  []string `json:"eventTypes,omitempty"` // none for all
	Secret      string   `json:"secret,omitempty"`     // "whsec_…" or "whsk_…"; "" for a new one
	Asymmetric  bool     `json:"asymmetric,omitempty"` // a new one is a key pair (v1a, Ed25519)

	// IdempotencyKey, if there is one, makes it safe to send this again when the answer was lost, for a day.
	IdempotencyKey string `json:"-"`
}

// AddedWebhookEndpoint is its answer, the only one that has the secret.
type AddedWebhookEndpoint struct {
	WebhookEndpoint
	Secret string `json:"secret"` // what the receiver verifies with: "whsec_…", or "whpk_…" of a key pair
}

// ChangeWebhookEndpoint is the body of PATCH /webhooks/endpoints/{endpointId}; what is left out stays as it is.
type ChangeWebhookEndpoint struct {
	URL         *string   `json:"url,omitempty"`
	Description *string   `json:"description,omitempty"`
	EventTypes  *[]string `json:"eventTypes,omitempty"`
	Enabled     *bool     `json:"enabled,omitempty"`
}

// WebhookSecret is what webhooks are signed with, without the secret.
type WebhookSecret struct {
	Fingerprint string    `json:"fingerprint"`
	Kind        string    `json:"kind"`       // "v1": HMAC-SHA256; "v1a": Ed25519
	Configured  bool      `json:"configured"` // it is in WEBHOOK_SECRET
	Active      bool      `json:"active"`     // it signs
	CreatedAt   time.Time `json:"createdAt"`
	ExpiresAt   time.Time `json:"expiresAt,omitzero"` // of one that was replaced
}

// WebhookSecrets is the answer to GET /webhooks/endpoints/{endpointId}/secrets, the newest first.
type WebhookSecrets struct {
	Secrets []WebhookSecret `json:"secrets"`
}

// RotateWebhookSecret is the body of POST /webhooks/endpoints/{endpointId}/secrets/rotate.
type RotateWebhookSecret struct {
	OverlapSeconds *int64 `json:"overlapSeconds,omitempty"` // how long the old secret signs too; a day when it is left out
	Asymmetric     bool   `json:"asymmetric,omitempty"`     // the new one is a key pair (v1a, Ed25519)

	// IdempotencyKey, if there is one, makes it safe to send this again when the answer was lost, for a day.
	IdempotencyKey string `json:"-"`
}

// RotatedWebhookSecret is its answer, the only one that has the secret.
type RotatedWebhookSecret struct {
	Secret       string    `json:"secret"`       // what the receiver verifies with: "whsec_…", or "whpk_…" of a key pair
	OldExpiresAt time.Time `json:"oldExpiresAt"` // older secrets of its kind sign nothing from then on
}

// WebhookDelivery is one event on its way to one endpoint.
type WebhookDelivery struct {
	ID          string           `json:"id"` // the webhook-id, the same at every attempt
	EndpointID  string           `json:"endpointId"`
	Type        string           `json:"type"`
	PendingID   string           `json:"pendingId,omitempty"` // of the payment; a ping has none
	OfferID     string           `json:"offerId,omitempty"`
	State       string           `json:"state"`           // pending, delivered or dead
	Tried       int              `json:"tried"`           // attempts in all
	CreatedAt   time.Time        `json:"createdAt"`       // with the payment's change
	NextAt      time.Time        `json:"nextAt,omitzero"` // when it is tried next
	EndedAt     time.Time        `json:"endedAt,omitzero"`
	LastAttempt *WebhookAttempt  `json:"lastAttempt,omitempty"` // in a list
	Attempts    []WebhookAttempt `json:"attempts,omitempty"`    // not in a list
	Body        string           `json:"body,omitempty"`        // what is sent and signed, to the byte; not in a list
}

// WebhookAttempt is one try to deliver.
type WebhookAttempt struct {
	Number     int       `json:"number"` // from 1
	At         time.Time `json:"at"`
	URL        string    `json:"url"`              // where it was POSTed
	Status     int       `json:"status,omitempty"` // HTTP; none when there was no answer
	DurationMS int64     `json:"durationMs"`
	Answer     string    `json:"answer,omitempty"` // its first bytes
	Error      string    `json:"error,omitempty"`  // why there was no answer
	NextAt     time.Time `json:"nextAt,omitzero"`  // when the next one was to come
}

// FindWebhookDeliveries is the query of GET /webhooks/deliveries, and picks for POST /webhooks/replay; what is "" does not narrow it.
type FindWebhookDeliveries struct {
	State      string `json:"state,omitempty"` // pending, delivered, dead or all; a replay takes the dead when it is ""
	EndpointID string `json:"endpointId,omitempty"`
	Type       string `json:"type,omitempty"`
	OfferID    string `json:"offerId,omitempty"`
	PendingID  string `json:"pendingId,omitempty"`
	Since      string `json:"since,omitempty"` // made then or later: a time, a date (UTC), or how long ago, such as "2h"
	Until      string `json:"until,omitempty"` // made before
	Cursor     string `json:"-"`               // the NextCursor of the page before
	Limit      int    `json:"-"`               // how many at most, up to 100; 50 when it is 0
}

// WebhookDeliveries is a page of the delivery log, newest first.
type WebhookDeliveries struct {
	Deliveries []WebhookDelivery `json:"deliveries"`
	NextCursor string            `json:"nextCursor,omitempty"` // none on the last page
}

// ReplayedWebhooks is the answer to POST /webhooks/replay.
type ReplayedWebhooks struct {
	Replayed int `json:"replayed"` // how many are due again
}
