-- outside of a transaction
-- the delivery log by the type of the event, of which one may be rare
CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_event_type ON deliveries (event_type, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_endpoint_event_type ON deliveries (endpoint_id, event_type, id);
-- the few that are not delivered: what waits for each endpoint, and since when
CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_undelivered ON deliveries (endpoint_id, state, id) WHERE state IN ('pending', 'dead');
-- how many payments are in each state that is not the end, and since when
CREATE INDEX CONCURRENTLY IF NOT EXISTS payments_open ON payments (state, state_since) WHERE state NOT IN ('paid', 'failed', 'paid_late');
-- those that changed lately, in the order in which they are compared with the wallets
CREATE INDEX CONCURRENTLY IF NOT EXISTS payments_changed ON payments (updated_at, id);
DROP INDEX CONCURRENTLY IF EXISTS payments_updated;
-- kept answers that hold a secret, for whoever replaces the key
CREATE INDEX CONCURRENTLY IF NOT EXISTS idempotency_keys_sealed ON idempotency_keys (scope, key) WHERE answer LIKE 'v2:%';
