-- when an operator closed the account: nobody signs in to it
ALTER TABLE users ADD COLUMN disabled_at DATETIME;

-- what operators did, numbered from 1 without a gap, each with a hash over what it says and the hash before it
CREATE TABLE operator_actions (
	number  INTEGER PRIMARY KEY,
	at      DATETIME NOT NULL,
	user_id INTEGER REFERENCES users (id), -- NULL for the command line
	name    TEXT NOT NULL,                 -- of that person, then
	action  TEXT NOT NULL,
	subject TEXT NOT NULL,                 -- on what: person:7, job:3, or a list
	reason  TEXT NOT NULL,
	detail  TEXT NOT NULL,
	hash    TEXT NOT NULL
);

CREATE INDEX operator_actions_action ON operator_actions (action, number);

CREATE INDEX operator_actions_subject ON operator_actions (subject, number);

CREATE INDEX operator_actions_user ON operator_actions (user_id, number);

-- append-only, also for whoever mends something by hand
CREATE TRIGGER operator_actions_update BEFORE UPDATE ON operator_actions BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER operator_actions_delete BEFORE DELETE ON operator_actions BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;

-- where the chain ends, in one row: whoever appends to it holds this row
CREATE TABLE operator_actions_end (
	one    INTEGER PRIMARY KEY CHECK (one = 1),
	number BIGINT NOT NULL,
	hash   TEXT NOT NULL
);

INSERT INTO operator_actions_end (one, number, hash) VALUES (1, 0, '');

-- lines of a job's history that needed a person, and the action by which one said what they found
CREATE TABLE looked_into (
	history_id INTEGER PRIMARY KEY REFERENCES job_history (id),
	number     INTEGER NOT NULL REFERENCES operator_actions (number)
);
