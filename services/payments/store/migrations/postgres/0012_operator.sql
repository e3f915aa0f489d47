-- what operators did, one chain of all of them
CREATE TABLE operator_actions (
	number  BIGINT PRIMARY KEY,
	at      TIMESTAMPTZ NOT NULL,
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
CREATE TRIGGER operator_actions_update BEFORE UPDATE OR DELETE OR TRUNCATE ON operator_actions FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

-- the signed end of a chain that belongs to no payment
CREATE TABLE audit_chains (
	name   TEXT PRIMARY KEY,
	events BIGINT NOT NULL,
	head   TEXT NOT NULL
);
INSERT INTO audit_chains (name, events, head) VALUES ('operators', 0, '');

-- what one replica does in the background because somebody asked for it; its result is kept for a while
CREATE TABLE tasks (
	id         TEXT PRIMARY KEY,
	kind       TEXT NOT NULL,
	asked_by   TEXT NOT NULL,
	asked_at   TIMESTAMPTZ NOT NULL,
	busy_until TIMESTAMPTZ,
	begun_at   TIMESTAMPTZ,
	ended_at   TIMESTAMPTZ,
	failure    TEXT NOT NULL DEFAULT '',
	result     TEXT NOT NULL DEFAULT ''
);
-- one of a kind at a time
CREATE UNIQUE INDEX tasks_one ON tasks (kind) WHERE ended_at IS NULL;
CREATE INDEX tasks_kind ON tasks (kind, id);
