-- what operators did, one chain of all of them
CREATE TABLE operator_actions (
	number  INTEGER PRIMARY KEY,
	at      TIMESTAMP NOT NULL,
	door    TEXT NOT NULL,
	name    TEXT NOT NULL DEFAULT '',
	key_id  TEXT NOT NULL DEFAULT '',
	kind    TEXT NOT NULL,
	subject TEXT NOT NULL DEFAULT '',
	detail  TEXT NOT NULL DEFAULT '',
	hash    TEXT NOT NULL
);
CREATE INDEX operator_actions_subject ON operator_actions (subject, number);
-- append-only, as the other audit trail is
CREATE TRIGGER operator_actions_update BEFORE UPDATE ON operator_actions BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER operator_actions_delete BEFORE DELETE ON operator_actions BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;

-- the signed end of a chain that belongs to no payment
CREATE TABLE audit_chains (
	name   TEXT PRIMARY KEY,
	events INTEGER NOT NULL,
	head   TEXT NOT NULL
);
INSERT INTO audit_chains (name, events, head) VALUES ('operators', 0, '');

-- what one replica does in the background because somebody asked for it; its result is kept for a while
CREATE TABLE tasks (
	id         TEXT PRIMARY KEY,
	kind       TEXT NOT NULL,
	asked_by   TEXT NOT NULL,
	asked_at   TIMESTAMP NOT NULL,
	busy_until TIMESTAMP,
	begun_at   TIMESTAMP,
	ended_at   TIMESTAMP,
	failure    TEXT NOT NULL DEFAULT '',
	result     TEXT NOT NULL DEFAULT ''
);
-- one of a kind at a time
CREATE UNIQUE INDEX tasks_one ON tasks (kind) WHERE ended_at IS NULL;
CREATE INDEX tasks_kind ON tasks (kind, id);
