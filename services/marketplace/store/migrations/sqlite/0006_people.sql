-- What a wallet said of itself when it was looked at, the language that a person reads, and a count of changes, so that no change is made upon an
-- account that is not any more what it was decided on.
ALTER TABLE users ADD COLUMN wallet_public_name TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN wallet_asset_code TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN wallet_asset_scale INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN wallet_checked_at DATETIME;
ALTER TABLE users ADD COLUMN language TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

-- where a session was opened, and when it was last used; empty for those from before
ALTER TABLE sessions ADD COLUMN peer TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN device TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN seen_at DATETIME;

CREATE INDEX sessions_user ON sessions (user_id);

-- what was tried; those from before were tries to sign in
ALTER TABLE sign_in_tries ADD COLUMN kind TEXT NOT NULL DEFAULT 'password';

-- accounts that wait for their e-mail to be proved
CREATE TABLE sign_ups (
	token_hash         TEXT PRIMARY KEY,
	email              TEXT NOT NULL,
	name               TEXT NOT NULL,
	role               TEXT NOT NULL,
	language           TEXT NOT NULL,
	wallet_address_url TEXT NOT NULL,
	wallet_public_name TEXT NOT NULL,
	wallet_asset_code  TEXT NOT NULL,
	wallet_asset_scale INTEGER NOT NULL,
	wallet_checked_at  DATETIME,
	password_hash      TEXT NOT NULL,
	created_at         DATETIME NOT NULL,
	expires_at         DATETIME NOT NULL
);

CREATE INDEX sign_ups_expires ON sign_ups (expires_at);

-- links that were sent by mail; without a user where nobody has the e-mail
CREATE TABLE account_links (
	token_hash TEXT PRIMARY KEY,
	kind       TEXT NOT NULL CHECK (kind IN ('reset', 'email')),
	user_id    INTEGER REFERENCES users (id),
	email      TEXT NOT NULL,
	created_at DATETIME NOT NULL,
	expires_at DATETIME NOT NULL
);

CREATE INDEX account_links_user ON account_links (user_id);

CREATE INDEX account_links_expires ON account_links (expires_at);

-- what happened to accounts; only added to
CREATE TABLE account_events (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	user_id INTEGER NOT NULL REFERENCES users (id),
	at      DATETIME NOT NULL,
	event   TEXT NOT NULL,
	peer    TEXT NOT NULL,
	detail  TEXT NOT NULL DEFAULT ''
);

CREATE INDEX account_events_user ON account_events (user_id, id);
