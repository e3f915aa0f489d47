-- People, their sessions, jobs and their history, attempts to pay them, and webhooks seen.
-- Times are UTC in microseconds. Amounts are minor units with asset and scale.
CREATE TABLE users (
	id                 INTEGER PRIMARY KEY AUTOINCREMENT,
	email              TEXT NOT NULL UNIQUE,
	name               TEXT NOT NULL,
	role               TEXT NOT NULL CHECK (role IN ('funder', 'worker', 'both')),
	wallet_address_url TEXT NOT NULL DEFAULT '',
	password_hash      TEXT NOT NULL,
	created_at         DATETIME NOT NULL
);

CREATE TABLE sessions (
	id         TEXT PRIMARY KEY,
	token_hash TEXT NOT NULL UNIQUE,
	user_id    INTEGER NOT NULL REFERENCES users (id),
	created_at DATETIME NOT NULL,
	expires_at DATETIME NOT NULL
);

CREATE TABLE sign_in_tries (
	email TEXT NOT NULL,
	peer  TEXT NOT NULL,
	at    DATETIME NOT NULL
);

CREATE INDEX sign_in_tries_at ON sign_in_tries (at);

CREATE TABLE jobs (
	id                 INTEGER PRIMARY KEY AUTOINCREMENT,
	title              TEXT NOT NULL,
	description        TEXT NOT NULL,
	state              TEXT NOT NULL CHECK (state IN ('draft', 'recruiting', 'selecting', 'submitting', 'reviewing', 'complete', 'canceled', 'expired')),
	budget_value       BIGINT NOT NULL CHECK (budget_value > 0),
	budget_asset_code  TEXT NOT NULL,
	budget_asset_scale INTEGER NOT NULL,
	funder_id          INTEGER NOT NULL REFERENCES users (id),
	worker_id          INTEGER REFERENCES users (id),
	submission         TEXT NOT NULL DEFAULT '',
	payment_id         TEXT NOT NULL DEFAULT '',
	contract_completed BOOLEAN NOT NULL DEFAULT FALSE,
	version            BIGINT NOT NULL DEFAULT 1,
	created_at         DATETIME NOT NULL,
	updated_at         DATETIME NOT NULL
);

CREATE INDEX jobs_funder ON jobs (funder_id);

CREATE INDEX jobs_worker ON jobs (worker_id);

CREATE TABLE job_history (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	job_id     INTEGER NOT NULL REFERENCES jobs (id),
	at         DATETIME NOT NULL,
	user_id    INTEGER REFERENCES users (id),
	event      TEXT NOT NULL,
	from_state TEXT NOT NULL,
	to_state   TEXT NOT NULL,
	detail     TEXT NOT NULL DEFAULT ''
);

CREATE INDEX job_history_job ON job_history (job_id, id);

CREATE TABLE payment_attempts (
	id                       TEXT PRIMARY KEY,
	job_id                   INTEGER NOT NULL REFERENCES jobs (id),
	user_id                  INTEGER REFERENCES users (id),
	session_id               TEXT NOT NULL DEFAULT '',
	pending_id               TEXT NOT NULL DEFAULT '',
	buyer_wallet_address_url TEXT NOT NULL DEFAULT '',
	state                    TEXT NOT NULL CHECK (state IN ('starting', 'awaiting', 'confirming', 'paid', 'failed', 'replaced')),
	reason                   TEXT NOT NULL DEFAULT '',
	message                  TEXT NOT NULL DEFAULT '',
	outgoing_payment_id      TEXT NOT NULL DEFAULT '',
	debit_value              BIGINT NOT NULL DEFAULT 0,
	debit_asset_code         TEXT NOT NULL DEFAULT '',
	debit_asset_scale        INTEGER NOT NULL DEFAULT 0,
	expires_at               DATETIME,
	polls                    INTEGER NOT NULL DEFAULT 0,
	next_poll_at             DATETIME,
	created_at               DATETIME NOT NULL,
	updated_at               DATETIME NOT NULL
);

CREATE UNIQUE INDEX payment_attempts_pending_id ON payment_attempts (pending_id) WHERE pending_id <> '';

CREATE INDEX payment_attempts_job ON payment_attempts (job_id, id);

CREATE INDEX payment_attempts_due ON payment_attempts (next_poll_at) WHERE state IN ('starting', 'awaiting', 'confirming');

CREATE TABLE webhooks_seen (
	webhook_id  TEXT PRIMARY KEY,
	job_id      INTEGER NOT NULL REFERENCES jobs (id),
	received_at DATETIME NOT NULL
);
