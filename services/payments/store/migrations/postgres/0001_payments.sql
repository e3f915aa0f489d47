CREATE TABLE sellers (
	id                 TEXT PRIMARY KEY,
	wallet_address_url TEXT NOT NULL,
	key_id             TEXT NOT NULL DEFAULT '',
	private_key_path   TEXT NOT NULL DEFAULT '',
	created_at         TIMESTAMPTZ NOT NULL,
	updated_at         TIMESTAMPTZ NOT NULL
);

CREATE TABLE payments (
	id                     TEXT PRIMARY KEY,
	offer_id               TEXT NOT NULL,
	seller_id              TEXT NOT NULL REFERENCES sellers (id),
	version                BIGINT NOT NULL,
	state                  TEXT NOT NULL,
	reason                 TEXT NOT NULL DEFAULT '',
	message                TEXT NOT NULL DEFAULT '',
	ending                 TEXT NOT NULL DEFAULT '',
	amount_value           BIGINT NOT NULL,
	amount_asset_code      TEXT NOT NULL,
	amount_asset_scale     SMALLINT NOT NULL,
	debit_value            BIGINT NOT NULL DEFAULT 0,
	debit_asset_code       TEXT NOT NULL DEFAULT '',
	debit_asset_scale      SMALLINT NOT NULL DEFAULT 0,
	received_value         BIGINT NOT NULL DEFAULT 0,
	received_asset_code    TEXT NOT NULL DEFAULT '',
	received_asset_scale   SMALLINT NOT NULL DEFAULT 0,
	buyer_wallet_url       TEXT NOT NULL,
	buyer_wallet_address   TEXT NOT NULL,
	buyer_auth_server      TEXT NOT NULL,
	buyer_resource_server  TEXT NOT NULL,
	seller_wallet_address  TEXT NOT NULL,
	seller_auth_server     TEXT NOT NULL,
	seller_resource_server TEXT NOT NULL,
	incoming_payment_id    TEXT NOT NULL DEFAULT '',
	quote_id               TEXT NOT NULL DEFAULT '',
	quotes                 INTEGER NOT NULL DEFAULT 0,
	outgoing_payment_id    TEXT NOT NULL DEFAULT '',
	redirect_url           TEXT NOT NULL DEFAULT '',
	client_nonce_sealed    TEXT NOT NULL DEFAULT '',
	interact_nonce         TEXT NOT NULL DEFAULT '',
	continue_uri           TEXT NOT NULL DEFAULT '',
	continue_token_sealed  TEXT NOT NULL DEFAULT '',
	continue_not_until     TIMESTAMPTZ,
	consent_expires_at     TIMESTAMPTZ,
	interact_ref_sealed    TEXT NOT NULL DEFAULT '',
	access_token_sealed    TEXT NOT NULL DEFAULT '',
	manage_uri             TEXT NOT NULL DEFAULT '',
	token_expires_at       TIMESTAMPTZ,
	next_step_at           TIMESTAMPTZ,
	tries                  INTEGER NOT NULL DEFAULT 0,
	created_at             TIMESTAMPTZ NOT NULL,
	updated_at             TIMESTAMPTZ NOT NULL,
	paid_at                TIMESTAMPTZ
);
-- one payment of an offer that lives or is paid
CREATE UNIQUE INDEX payments_one_live ON payments (offer_id) WHERE state <> 'failed';
CREATE INDEX payments_offer ON payments (offer_id, id);
CREATE INDEX payments_due ON payments (next_step_at) WHERE next_step_at IS NOT NULL;

CREATE TABLE payment_events (
	id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	payment_id TEXT NOT NULL REFERENCES payments (id),
	at         TIMESTAMPTZ NOT NULL,
	actor      TEXT NOT NULL,
	from_state TEXT NOT NULL,
	to_state   TEXT NOT NULL,
	reason     TEXT NOT NULL DEFAULT '',
	detail     TEXT NOT NULL DEFAULT ''
);
CREATE INDEX payment_events_payment ON payment_events (payment_id, id);

CREATE TABLE deliveries (
	id         TEXT PRIMARY KEY,
	pending_id TEXT NOT NULL,
	offer_id   TEXT NOT NULL,
	event_type TEXT NOT NULL,
	body       TEXT NOT NULL,
	state      TEXT NOT NULL,
	attempts   INTEGER NOT NULL DEFAULT 0,
	next_at    TIMESTAMPTZ,
	created_at TIMESTAMPTZ NOT NULL,
	ended_at   TIMESTAMPTZ
);
CREATE INDEX deliveries_due ON deliveries (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX deliveries_payment ON deliveries (pending_id, id);

CREATE TABLE delivery_attempts (
	delivery_id TEXT NOT NULL REFERENCES deliveries (id),
	number      INTEGER NOT NULL,
	at          TIMESTAMPTZ NOT NULL,
	status      INTEGER NOT NULL,
	duration_us BIGINT NOT NULL,
	excerpt     TEXT NOT NULL DEFAULT '',
	error       TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (delivery_id, number)
);
