-- when the buyer's approval was verified: how long it takes from there to the money
ALTER TABLE payments ADD COLUMN approved_at TIMESTAMPTZ;
