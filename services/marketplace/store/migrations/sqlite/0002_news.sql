-- people who look after the marketplace
ALTER TABLE users ADD COLUMN operator BOOLEAN NOT NULL DEFAULT FALSE;

-- what a webhook said and what was answered, so that it is answered alike when it comes again; empty for those from before
ALTER TABLE webhooks_seen ADD COLUMN body_digest TEXT NOT NULL DEFAULT '';
ALTER TABLE webhooks_seen ADD COLUMN job_state TEXT NOT NULL DEFAULT '';

-- what the worker received beyond the amount; not set when that is nothing
ALTER TABLE payment_attempts ADD COLUMN overpaid_value BIGINT NOT NULL DEFAULT 0;
ALTER TABLE payment_attempts ADD COLUMN overpaid_asset_code TEXT NOT NULL DEFAULT '';
ALTER TABLE payment_attempts ADD COLUMN overpaid_asset_scale INTEGER NOT NULL DEFAULT 0;

-- the operator's page reads the newest of these
CREATE INDEX job_history_payments ON job_history (id)
	WHERE event IN ('payment_started', 'payment_failed', 'pay', 'paid_out_of_turn', 'paid_again', 'overpaid', 'rounded_up');
CREATE INDEX job_history_odd ON job_history (id) WHERE event IN ('paid_out_of_turn', 'paid_again', 'overpaid');
