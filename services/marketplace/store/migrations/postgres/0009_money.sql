-- when an attempt was paid, and what the worker then received; of those from before, and of those that an older replica records, neither is known
ALTER TABLE payment_attempts ADD COLUMN paid_at TIMESTAMPTZ;
ALTER TABLE payment_attempts ADD COLUMN received_value BIGINT NOT NULL DEFAULT 0;
ALTER TABLE payment_attempts ADD COLUMN received_asset_code TEXT NOT NULL DEFAULT '';
ALTER TABLE payment_attempts ADD COLUMN received_asset_scale INTEGER NOT NULL DEFAULT 0;
