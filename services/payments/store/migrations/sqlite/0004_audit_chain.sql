-- an event's number in its payment's chain, the key that its hash was made with, and the hash; 0 and empty before the chain began
ALTER TABLE payment_events ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE payment_events ADD COLUMN key_id TEXT NOT NULL DEFAULT '';
ALTER TABLE payment_events ADD COLUMN hash TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX payment_events_number ON payment_events (payment_id, number) WHERE number > 0;

-- how many events the payment's chain has, and the signed end of it: the last event cannot go unnoticed
ALTER TABLE payments ADD COLUMN audit_events INTEGER NOT NULL DEFAULT 0;
ALTER TABLE payments ADD COLUMN audit_head TEXT NOT NULL DEFAULT '';

-- what the whole trail was, up to an event: a payment cannot go unnoticed with all that it had
CREATE TABLE audit_checkpoints (
	number INTEGER PRIMARY KEY,
	at     TIMESTAMP NOT NULL,
	up_to  INTEGER NOT NULL,
	events INTEGER NOT NULL,
	digest TEXT NOT NULL,
	key_id TEXT NOT NULL,
	hash   TEXT NOT NULL
);

-- append-only, also for whoever mends something by hand
CREATE TRIGGER payment_events_update BEFORE UPDATE ON payment_events BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER payment_events_delete BEFORE DELETE ON payment_events BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_checkpoints_update BEFORE UPDATE ON audit_checkpoints BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_checkpoints_delete BEFORE DELETE ON audit_checkpoints BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
