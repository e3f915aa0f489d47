-- since when a payment is in its state
ALTER TABLE payments ADD COLUMN state_since TIMESTAMP;

-- an offer may have a payment whose money came late beside the one that lives
DROP INDEX payments_one_live;
CREATE UNIQUE INDEX payments_one_live ON payments (offer_id) WHERE state NOT IN ('failed', 'paid_late');

-- payments that have ended are looked at for a while: a due time does not tell any more that one is pending
CREATE INDEX payments_pending ON payments (id) WHERE state NOT IN ('paid', 'failed', 'paid_late');

-- the client identity that a payment's grants belong to; empty for the platform's
ALTER TABLE payments ADD COLUMN client_wallet_address TEXT NOT NULL DEFAULT '';
ALTER TABLE payments ADD COLUMN client_key_id TEXT NOT NULL DEFAULT '';
ALTER TABLE payments ADD COLUMN client_key_path TEXT NOT NULL DEFAULT '';
