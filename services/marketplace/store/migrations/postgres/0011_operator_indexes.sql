-- outside of a transaction
-- what the operators' lists are filtered by, and the words that people are found by: see 0005_jobs.sql
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_disabled ON users (id) WHERE disabled_at IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_role ON users (role, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS jobs_state ON jobs (state, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS jobs_asset ON jobs (budget_asset_code, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS payment_attempts_open_newest ON payment_attempts (id) WHERE state IN ('starting', 'awaiting', 'confirming');
CREATE INDEX CONCURRENTLY IF NOT EXISTS payment_attempts_state ON payment_attempts (state, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_words ON users USING GIN (to_tsvector('simple', folded(name || ' ' || email)));
