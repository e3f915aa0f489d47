-- a person's list: what they fund, what they work on, and what looks for somebody, lately changed ones first
CREATE INDEX IF NOT EXISTS jobs_funder_updated ON jobs (funder_id, updated_at, id);
CREATE INDEX IF NOT EXISTS jobs_worker_updated ON jobs (worker_id, updated_at, id);
CREATE INDEX IF NOT EXISTS jobs_recruiting_updated ON jobs (updated_at, id) WHERE state = 'recruiting';
-- the attempts whose end is not known yet: how many, and the oldest first
CREATE INDEX IF NOT EXISTS payment_attempts_open ON payment_attempts (created_at) WHERE state IN ('starting', 'awaiting', 'confirming');
-- sessions that have expired are forgotten
CREATE INDEX IF NOT EXISTS sessions_expires ON sessions (expires_at);
-- tries to sign in are counted for each e-mail and each peer
CREATE INDEX IF NOT EXISTS sign_in_tries_email ON sign_in_tries (email, at);
CREATE INDEX IF NOT EXISTS sign_in_tries_peer ON sign_in_tries (peer, at);
