-- answers to requests that came with an Idempotency-Key, kept for a day
CREATE TABLE idempotency_keys (
	scope      TEXT NOT NULL,
	key        TEXT NOT NULL,
	request    TEXT NOT NULL,
	status     INTEGER NOT NULL DEFAULT 0,
	answer     TEXT NOT NULL DEFAULT '',
	busy_until TIMESTAMPTZ,
	created_at TIMESTAMPTZ NOT NULL,
	PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);
