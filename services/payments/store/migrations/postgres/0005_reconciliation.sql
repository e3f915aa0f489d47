-- what one replica does for all, now and then: whoever moves next_at on is the one
CREATE TABLE periodic_tasks (
	name    TEXT PRIMARY KEY,
	next_at TIMESTAMPTZ NOT NULL
);

-- reconciliation compares what changed lately
CREATE INDEX payments_updated ON payments (updated_at);
