-- the list of payments, newest first: by a state that is not the one that most have, by the reason of a failure, by whose wallet it is, by when it was paid
CREATE INDEX IF NOT EXISTS payments_not_paid ON payments (state, id) WHERE state <> 'paid';
CREATE INDEX IF NOT EXISTS payments_reason ON payments (reason, id) WHERE reason <> '';
CREATE INDEX IF NOT EXISTS payments_buyer ON payments (buyer_wallet_address, id);
CREATE INDEX IF NOT EXISTS payments_seller ON payments (seller_wallet_address, id);
CREATE INDEX IF NOT EXISTS payments_paid ON payments (paid_at) WHERE paid_at IS NOT NULL;
-- the audit trail of a time
CREATE INDEX IF NOT EXISTS payment_events_at ON payment_events (at, id);
