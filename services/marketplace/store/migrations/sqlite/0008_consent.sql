-- what a payer is shown before they leave for the wallet: where that is, and what the worker will receive
ALTER TABLE payment_attempts ADD COLUMN redirect_url TEXT NOT NULL DEFAULT '';
ALTER TABLE payment_attempts ADD COLUMN receive_value BIGINT NOT NULL DEFAULT 0;
ALTER TABLE payment_attempts ADD COLUMN receive_asset_code TEXT NOT NULL DEFAULT '';
ALTER TABLE payment_attempts ADD COLUMN receive_asset_scale INTEGER NOT NULL DEFAULT 0;
