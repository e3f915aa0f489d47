-- who receives webhooks. The configured one is always there; the service writes its address at each start
CREATE TABLE webhook_endpoints (
	id              TEXT PRIMARY KEY,
	url             TEXT NOT NULL,
	description     TEXT NOT NULL DEFAULT '',
	event_types     TEXT NOT NULL DEFAULT '',
	disabled_at     TIMESTAMP,
	disabled_reason TEXT NOT NULL DEFAULT '',
	created_at      TIMESTAMP NOT NULL,
	updated_at      TIMESTAMP NOT NULL
);
INSERT INTO webhook_endpoints (id, url, created_at, updated_at) VALUES ('marketplace', '', '2026-11-25 00:00:00+00:00', '2026-11-25 00:00:00+00:00');

CREATE TABLE webhook_secrets (
	endpoint_id   TEXT NOT NULL,
	fingerprint   TEXT NOT NULL,
	version       TEXT NOT NULL,
	secret_sealed TEXT NOT NULL,
	configured    BOOLEAN NOT NULL DEFAULT FALSE,
	created_at    TIMESTAMP NOT NULL,
	expires_at    TIMESTAMP,
	PRIMARY KEY (endpoint_id, fingerprint)
);

ALTER TABLE deliveries ADD COLUMN endpoint_id TEXT NOT NULL DEFAULT 'marketplace';
ALTER TABLE deliveries ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
UPDATE deliveries SET failures = attempts WHERE state = 'pending';
-- what is due of each endpoint
CREATE INDEX deliveries_due_of_endpoint ON deliveries (endpoint_id, next_at) WHERE next_at IS NOT NULL;
-- the delivery log, newest first
CREATE INDEX deliveries_state ON deliveries (state, id);
CREATE INDEX deliveries_offer ON deliveries (offer_id, id);
CREATE INDEX deliveries_ended ON deliveries (ended_at) WHERE ended_at IS NOT NULL;

ALTER TABLE delivery_attempts ADD COLUMN url TEXT NOT NULL DEFAULT '';
ALTER TABLE delivery_attempts ADD COLUMN next_at TIMESTAMP;
