-- What people are told, on the site, and by messages that wait here to be sent. facts is JSON (marketplace.Facts).
-- who is told of money that nobody waited for
CREATE INDEX users_operators ON users (id) WHERE operator;

CREATE TABLE notifications (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	user_id INTEGER NOT NULL REFERENCES users (id),
	kind    TEXT NOT NULL,
	facts   TEXT NOT NULL,
	at      DATETIME NOT NULL,
	read_at DATETIME
);

CREATE INDEX notifications_user ON notifications (user_id, id);

CREATE INDEX notifications_unread ON notifications (user_id) WHERE read_at IS NULL;

CREATE INDEX notifications_at ON notifications (at);

CREATE TABLE messages (
	id       TEXT PRIMARY KEY,
	channel  TEXT NOT NULL CHECK (channel IN ('email', 'sms')),
	kind     TEXT NOT NULL,
	user_id  INTEGER REFERENCES users (id), -- NULL for somebody who has no account yet
	address  TEXT NOT NULL,
	name     TEXT NOT NULL,
	language TEXT NOT NULL,
	facts    TEXT NOT NULL,
	state    TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'dead')),
	attempts INTEGER NOT NULL DEFAULT 0,
	next_at  DATETIME NOT NULL,
	until    DATETIME NOT NULL,
	error    TEXT NOT NULL DEFAULT '',
	at       DATETIME NOT NULL,
	ended_at DATETIME
);

CREATE INDEX messages_due ON messages (channel, next_at) WHERE state = 'pending';

CREATE INDEX messages_until ON messages (until) WHERE state = 'pending';

CREATE INDEX messages_dead ON messages (id) WHERE state = 'dead';

CREATE INDEX messages_ended ON messages (ended_at) WHERE state <> 'pending';

-- wanted is JSON: {"sms": {"payments": true}}
CREATE TABLE notification_preferences (
	user_id INTEGER PRIMARY KEY REFERENCES users (id),
	phone   TEXT NOT NULL DEFAULT '',
	wanted  TEXT NOT NULL DEFAULT '{}'
);

-- a payment that takes long is news of a payment too
DROP INDEX job_history_payments;

CREATE INDEX job_history_payments ON job_history (id)
	WHERE event IN ('payment_started', 'payment_failed', 'payment_late', 'pay', 'paid_out_of_turn', 'paid_again', 'overpaid', 'rounded_up');
