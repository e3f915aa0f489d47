package store_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
)

// fill puts a year of n payments into a Postgres database, up to noon, with all that comes with them: three audit events each, a webhook for each that
// has ended (one in twenty also goes to a second endpoint) with its attempts, and a day's idempotency keys. The last three in a thousand are
// under way. Of every thousand webhooks one is dead; the last ones are pending.
func fill(t *testing.T, db *database.DB, n int) {
	t.Helper()
	open := n * 3 / 1000
	for _, statement := range []string{
		// Ids are ULIDs, which begin with their time: https://github.com/ulid/spec
		`CREATE FUNCTION filling_ulid(ms BIGINT, n BIGINT) RETURNS TEXT LANGUAGE plpgsql AS $$
			DECLARE id TEXT := ''; BEGIN
				FOR digit IN REVERSE 9..0 LOOP id := id || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', ((ms >> (5 * digit)) & 31)::int + 1, 1); END LOOP;
				RETURN id || lpad(n::text, 16, '0');
			END $$`,
		fmt.Sprintf(`CREATE UNLOGGED TABLE filling AS SELECT i, at, filling_ulid((extract(epoch FROM at) * 1000)::bigint, i) AS id,
				CASE WHEN i > %[2]d THEN (ARRAY['created', 'awaiting_approval', 'approved', 'authorized', 'sending'])[i %% 5 + 1]
					WHEN i %% 8 = 7 THEN 'failed' WHEN i %% 1000 = 500 THEN 'paid_late' ELSE 'paid' END AS state,
				CASE WHEN i %% 8 = 7 AND i <= %[2]d THEN i + 1 ELSE i END AS offer -- who failed tries again
			FROM (SELECT i, timestamptz '%[3]s' - (%[1]d - i) * (interval '365 days' / %[1]d) AS at FROM generate_series(1, %[1]d) i) times`,
			n, n-open, noon.Format("2006-01-02 15:04:05-07:00")),
		`INSERT INTO sellers (id, wallet_address_url, created_at, updated_at) SELECT 'seller-' || i, 'https://wallet.example/seller-' || i, now(), now() FROM generate_series(0, 1999) i`,
		`INSERT INTO webhook_endpoints (id, url, event_types, created_at, updated_at) VALUES ('` + secondEndpoint + `', 'https://books.example/hooks', 'payment.completed', now(), now())`,
	} {
		require.NoError(t, db.Read(t.Context()).Exec(statement).Error)
	}
	databasetest.Fill(t, db,
		`INSERT INTO payment_events (payment_id, at, actor, from_state, to_state, detail, number, key_id, hash)
			SELECT id, at, 'worker', CASE k WHEN 1 THEN '' ELSE 'created' END, CASE k WHEN 3 THEN state ELSE 'created' END, 'the wallet was asked', k, '0badc0de', md5(id || k) || md5(id)
			FROM filling, generate_series(1, 3) k`,
		`INSERT INTO payments (id, offer_id, seller_id, version, state, amount_value, amount_asset_code, amount_asset_scale, buyer_wallet_url, buyer_wallet_address,
				buyer_auth_server, buyer_resource_server, seller_wallet_address, seller_auth_server, seller_resource_server, incoming_payment_id, quote_id, outgoing_payment_id,
				next_step_at, state_since, created_at, updated_at, paid_at, audit_events, audit_head)
			SELECT id, offer, 'seller-' || i % 2000, 5, state, i % 100000 + 1, 'MXN', 2, 'https://wallet.example/buyer-' || i % 50000, 'https://wallet.example/buyer-' || i % 50000,
				'https://auth.wallet.example/', 'https://wallet.example/', 'https://wallet.example/seller-' || i % 2000, 'https://auth.wallet.example/', 'https://wallet.example/',
				'https://wallet.example/incoming-payments/' || id, 'https://wallet.example/quotes/' || id, 'https://wallet.example/outgoing-payments/' || id,
				CASE WHEN state NOT IN ('paid', 'failed', 'paid_late') THEN at + interval '1 second' END, at, at - interval '5 minutes', at,
				CASE WHEN state IN ('paid', 'paid_late') THEN at END, 3, '0badc0de:' || md5(id) || md5(id)
			FROM filling`,
		`INSERT INTO deliveries (id, endpoint_id, pending_id, offer_id, event_type, body, state, attempts, next_at, created_at, ended_at)
			SELECT to_deliver.id, endpoint, pending_id, offer, CASE WHEN i % 50000 = 1 THEN 'ping' WHEN payment = 'failed' THEN 'payment.failed' ELSE 'payment.completed' END,
				'{"type":"payment.completed","pendingId":"' || pending_id || '","offerId":"' || offer || '","status":"paid","timestamp":"2026-11-23T12:00:00Z"}',
				to_deliver.state, 1, CASE to_deliver.state WHEN 'pending' THEN at END, at, CASE WHEN to_deliver.state <> 'pending' THEN at + interval '1 second' END
			FROM (SELECT 'marketplace' AS endpoint, i, id, id AS pending_id, offer, state AS payment, at,
					CASE WHEN i > `+fmt.Sprint(n-2*open)+` AND i % 10 = 0 THEN 'pending' WHEN i % 1000 = 1 THEN 'dead' ELSE 'delivered' END AS state
				FROM filling WHERE state IN ('paid', 'failed', 'paid_late')
				UNION ALL SELECT '`+secondEndpoint+`', i, left(id, 10) || lpad((i + 100000000)::text, 16, '0'), id, offer, state, at, 'delivered' FROM filling WHERE state = 'paid' AND i % 20 = 3) to_deliver`,
		`INSERT INTO delivery_attempts (delivery_id, number, at, status, duration_us, url)
			SELECT id, k, at, CASE WHEN i % 1000 = 1 THEN 503 ELSE 200 END, 2000, 'http://localhost:8000/api/webhooks/payments'
			FROM filling, generate_series(1, CASE WHEN i % 1000 = 1 THEN 10 ELSE 1 END) k WHERE state IN ('paid', 'failed', 'paid_late')`,
		`INSERT INTO idempotency_keys (scope, key, request, status, answer, created_at)
			SELECT 'POST /payments', id, md5(id), 201, '{"pendingId":"' || id || '","redirectUrl":"https://auth.wallet.example/interact/' || md5(id) || '"}', timestamptz '`+
			noon.Format("2006-01-02 15:04:05-07:00")+`' - i % 86400 * interval '1 second'
			FROM filling WHERE i % 10 = 0`,
		`INSERT INTO audit_checkpoints (number, at, up_to, events, digest, key_id, hash)
			SELECT i / 20, at, 3 * i, 60, md5(id) || md5(id), '0badc0de', md5(id) || md5(id) FROM filling WHERE i % 20 = 0 AND i <= `+fmt.Sprint(n-100),
		`INSERT INTO operator_actions (number, at, door, name, key_id, kind, subject, detail, hash)
			SELECT i / 20, at, 'page', 'Zoé', '0badc0de', 'webhook_replay', id, '', md5(id) || md5(id) FROM filling WHERE i % 20 = 0`,
	)
	require.NoError(t, db.Read(t.Context()).Exec("UPDATE audit_chains SET events = ?", n/20).Error)
	require.NoError(t, db.Read(t.Context()).Exec("DROP TABLE filling").Error)
}

// secondEndpoint gets what was paid for one offer in twenty.
const secondEndpoint = "01JAAAAAAAAAAAAAAAAAAAAAA2"
