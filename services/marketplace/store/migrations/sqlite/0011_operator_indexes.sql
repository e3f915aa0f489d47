-- what the operators' lists are filtered by
CREATE INDEX users_disabled ON users (id) WHERE disabled_at IS NOT NULL;
CREATE INDEX users_role ON users (role, id);
CREATE INDEX jobs_state ON jobs (state, id);
CREATE INDEX jobs_asset ON jobs (budget_asset_code, id);
CREATE INDEX payment_attempts_open_newest ON payment_attempts (id) WHERE state IN ('starting', 'awaiting', 'confirming');
CREATE INDEX payment_attempts_state ON payment_attempts (state, id);

-- the words that people are found by: see 0005_jobs.sql
CREATE VIRTUAL TABLE users_words USING fts5 (name, email, content = 'users', content_rowid = 'id', tokenize = "unicode61 remove_diacritics 2");
INSERT INTO users_words (users_words) VALUES ('rebuild');
CREATE TRIGGER users_words_insert AFTER INSERT ON users
	BEGIN INSERT INTO users_words (rowid, name, email) VALUES (new.id, new.name, new.email); END;
CREATE TRIGGER users_words_update AFTER UPDATE OF name, email ON users
	BEGIN INSERT INTO users_words (users_words, rowid, name, email) VALUES ('delete', old.id, old.name, old.email); INSERT INTO users_words (rowid, name, email) VALUES (new.id, new.name, new.email); END;
