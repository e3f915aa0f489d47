package store_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
)

// fill puts a year of n jobs into a Postgres database, up to noon, with all that comes with them: people, three lines of history each, for each that is complete
// a payment with its webhook, for one in ten another payment that failed. Five in a thousand jobs look for somebody, and two in a thousand are
// being paid. For each job two workers have applied, and each has its work. There are as many sessions as people, half of them expired, and somebody tries passwords.
func fill(t *testing.T, db *database.DB, n int) {
	t.Helper()
	end := "timestamptz '" + noon.Format("2006-01-02 15:04:05-07:00") + "'"
	people := max(n/10, 10)
	for _, statement := range []string{
		fmt.Sprintf(`CREATE UNLOGGED TABLE filling AS SELECT i, %[2]s - (%[1]d - i) * (interval '365 days' / %[1]d) AS at,
				CASE WHEN i %% 1000 < 5 THEN 'recruiting' WHEN i %% 1000 < 7 THEN 'reviewing' WHEN i %% 50 = 7 THEN 'canceled' ELSE 'complete' END AS state,
				i %% %[3]d + 1 AS funder, i * 7 %% %[3]d + 1 AS worker
			FROM generate_series(1, %[1]d) i`, n, end, people),
		fmt.Sprintf(`INSERT INTO users (email, name, role, wallet_address_url, password_hash, created_at)
			SELECT 'person-' || i || '@market.example', 'Person ' || i, 'both', 'https://wallet.example/person-' || i, '$argon2id$…', now() FROM generate_series(1, %d) i`, people),
	} {
		require.NoError(t, db.Read(t.Context()).Exec(statement).Error)
	}
	databasetest.Fill(t, db,
		`INSERT INTO jobs (title, description, state, budget_value, budget_asset_code, budget_asset_scale, funder_id, worker_id, payment_id, contract_completed, created_at, updated_at, deadline, next_at)
			SELECT 'Job ' || i, 'Forty crates, from the lorry to the stalls, before the market opens.', state, 1999, 'MXN', 2, funder, CASE WHEN state <> 'recruiting' THEN worker END,
				CASE WHEN state = 'complete' THEN lpad(i::text, 26, '0') ELSE '' END, state = 'complete', at - interval '3 days', at,
				CASE WHEN state = 'recruiting' THEN at + interval '7 days' END, CASE WHEN state = 'recruiting' THEN at + interval '7 days' END
			FROM filling ORDER BY i`, // so that a job's id is i: a scan of a large table may begin in its middle, where another one is (synchronize_seqscans)
		`INSERT INTO job_applications (job_id, worker_id, message, applied_at, withdrawn_at)
			SELECT i, CASE k WHEN 1 THEN worker ELSE i * 11 % (SELECT max(id) FROM users) + 1 END, 'I have done this before.', at - interval '2 days', CASE WHEN i % 20 = k THEN at END
			FROM filling, generate_series(1, 2) k ON CONFLICT DO NOTHING`,
		`INSERT INTO job_submissions (id, job_id, worker_id, text, at) SELECT lpad(i::text, 26, 'D'), i, worker, 'Done.', at FROM filling WHERE state IN ('complete', 'reviewing')`,
		`INSERT INTO submission_files (id, submission_id, place, name, media_type, size, sha256)
			SELECT lpad(i::text || k, 26, 'F'), lpad(i::text, 26, 'D'), k, 'crates.jpg', 'image/jpeg', 120000, md5(i::text) || md5(k::text)
			FROM filling, generate_series(0, CASE WHEN i % 10 = 9 THEN 4 ELSE 0 END) k WHERE state IN ('complete', 'reviewing') AND i % 3 = 0`,
		`INSERT INTO job_history (job_id, at, user_id, event, from_state, to_state, detail)
			SELECT i, at, funder, CASE WHEN k = 3 AND state = 'complete' THEN CASE WHEN i % 500 = 11 THEN 'overpaid' ELSE 'pay' END ELSE 'publish' END, 'draft', state, ''
			FROM filling, generate_series(1, 3) k`,
		`INSERT INTO payment_attempts (id, job_id, user_id, session_id, pending_id, buyer_wallet_address_url, state, next_poll_at, created_at, updated_at,
				redirect_url, debit_value, debit_asset_code, debit_asset_scale, paid_at, received_value, received_asset_code, received_asset_scale)
			SELECT lpad(i::text || k, 26, 'A'), i, funder, lpad(funder::text, 26, 'S'), lpad(i::text || k, 26, '0'), 'https://wallet.example/person-' || funder,
				CASE WHEN k = 2 THEN 'failed' WHEN state = 'complete' THEN 'paid' ELSE 'awaiting' END, at, at, at,
				'https://auth.wallet.example/interact/' || i, 117, 'USD', 2, CASE WHEN k = 1 AND state = 'complete' THEN at END, 1999, 'MXN', 2
			FROM filling, generate_series(1, CASE WHEN i % 10 = 9 THEN 2 ELSE 1 END) k WHERE state IN ('complete', 'reviewing')`,
		`INSERT INTO notifications (user_id, kind, facts, at, read_at)
			SELECT CASE k WHEN 1 THEN funder ELSE worker END, 'payment_completed', '{}', at, CASE WHEN i % 3 > 0 THEN at END FROM filling, generate_series(1, 2) k WHERE state IN ('complete', 'reviewing')`,
		// A message is kept for a month after it was sent; some wait, and some were given up.
		fmt.Sprintf(`INSERT INTO messages (id, channel, kind, user_id, address, name, language, facts, state, next_at, until, at, ended_at)
			SELECT lpad(i::text || k, 26, 'M'), 'email', 'payment_completed', worker, 'person-' || worker || '@market.example', 'Person', 'en', '{}', became, at, at + interval '3 days', at,
				CASE WHEN became <> 'pending' THEN at END
			FROM (SELECT *, CASE WHEN i %% 10 = 8 AND at > %[1]s - interval '2 days' THEN 'pending' WHEN i %% 100 = 12 THEN 'dead' ELSE 'sent' END AS became FROM filling) f, generate_series(1, 2) k
			WHERE state = 'complete' AND at > %[1]s - interval '29 days'`, end),
		// One in ten has chosen what to be told.
		fmt.Sprintf(`INSERT INTO notification_preferences (user_id, wanted) SELECT i, '{"email": {"work": false}}' FROM generate_series(1, %d, 10) i`, people),
		`INSERT INTO webhooks_seen (webhook_id, job_id, body_digest, job_state, received_at)
			SELECT lpad(i::text, 26, 'W'), i, md5(i::text) || md5(i::text), 'complete', at FROM filling WHERE state = 'complete'`,
		fmt.Sprintf(`INSERT INTO sessions (id, token_hash, user_id, created_at, expires_at)
			SELECT lpad(i::text, 26, 'S'), md5(i::text), i, %[1]s - interval '7 days', %[1]s + (i %% 200 - 100) * interval '1 hour' FROM generate_series(1, %[2]d) i`, end, people),
		fmt.Sprintf(`INSERT INTO sign_ups (token_hash, email, name, role, language, wallet_address_url, wallet_public_name, wallet_asset_code, wallet_asset_scale, password_hash, created_at, expires_at)
			SELECT md5(i::text), 'new-' || i || '@market.example', 'New', 'both', 'en', '', '', '', 0, '$argon2id$…', %[1]s, %[1]s + (i %% 200 + 1) * interval '1 minute' FROM generate_series(1, %[2]d) i`, end, people),
		fmt.Sprintf(`INSERT INTO account_links (token_hash, kind, user_id, email, created_at, expires_at)
			SELECT md5(i::text), 'reset', i, 'person-' || i || '@market.example', %[1]s, %[1]s + (i %% 200 + 1) * interval '1 minute' FROM generate_series(1, %[2]d) i`, end, people),
		fmt.Sprintf(`INSERT INTO account_events (user_id, at, event, peer)
			SELECT i, %s, 'sign_up', '192.0.2.7' FROM generate_series(1, %d) i, generate_series(1, 3)`, end, people),
		fmt.Sprintf(`INSERT INTO operator_actions (number, at, user_id, name, action, subject, reason, detail, hash)
			SELECT i, %[1]s, i %% 10 + 1, 'Person', 'person_looked_at', 'person:' || i %% %[2]d, '', '', md5(i::text) FROM generate_series(1, 10000) i`, end, people),
		`UPDATE operator_actions_end SET number = 10000, hash = md5('10000')`,
		fmt.Sprintf(`INSERT INTO sign_in_tries (email, peer, at)
			SELECT 'person-' || i || '@market.example', '192.0.2.' || i %% 200, %s - i %% 900 * interval '1 second' FROM generate_series(1, %d) i`, end, people),
	)
	for _, statement := range []string{
		// After the others, which run side by side: it needs the history.
		"INSERT INTO looked_into (history_id, number) SELECT h.id, h.id % 10000 + 1 FROM job_history h WHERE h.event = 'overpaid' AND h.job_id % 1000 = 11",
		"VACUUM ANALYZE looked_into",
		"DROP TABLE filling",
	} {
		require.NoError(t, db.Read(t.Context()).Exec(statement).Error)
	}
}
