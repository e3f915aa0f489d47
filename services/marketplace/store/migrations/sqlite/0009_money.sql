-- when an attempt was paid, and what the worker then received
ALTER TABLE payment_attempts ADD COLUMN paid_at DATETIME;
ALTER TABLE payment_attempts ADD COLUMN received_value BIGINT NOT NULL DEFAULT 0;
ALTER TABLE payment_attempts ADD COLUMN received_asset_code TEXT NOT NULL DEFAULT '';
ALTER TABLE payment_attempts ADD COLUMN received_asset_scale INTEGER NOT NULL DEFAULT 0;

-- of those from before it is known nearly: the last time that they changed, and the job's budget
UPDATE payment_attempts SET paid_at = updated_at,
	received_value = (SELECT budget_value FROM jobs WHERE jobs.id = job_id),
	received_asset_code = (SELECT budget_asset_code FROM jobs WHERE jobs.id = job_id),
	received_asset_scale = (SELECT budget_asset_scale FROM jobs WHERE jobs.id = job_id)
	WHERE state = 'paid';
