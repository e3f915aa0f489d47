-- when the buyer's wallet was last asked to pay: whether money may be under way is counted from then
ALTER TABLE payments ADD COLUMN asked_at TIMESTAMP;
