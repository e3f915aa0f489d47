package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/chassis/logging"
	"tianguis.example/payments/store"
)

// At a million payments no query reads more than it needs: none scans a table that grows, and none reads thousands of rows to give a few.
func TestMillion_EveryQueryHasItsIndex(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, databasetest.PostgresAddress(t), clock.System(), store.Migrations())
	fill(t, db, 1_000_000)
	keys, err := store.ReadKeys(logging.Secret(store.GenerateKey()))
	require.NoError(t, err)
	// Tables with a row for each endpoint, for each secret of one, for each kind of task and a hundred of its last ones, for each API key, and for each chain of no payment.
	explainer := databasetest.Explain(t, db, "webhook_endpoints", "webhook_secrets", "periodic_tasks", "tasks", "audit_chains", "api_keys")
	everyMethod(t, store.New(db, keys), db, explainer.During)
	explainer.Require(databasetest.Most{Rows: 3000, Blocks: 8000}, map[string]databasetest.Exception{
		"Sellers":           {Most: databasetest.Most{Rows: 2000, Blocks: 100}, Scans: []string{"sellers"}, Why: "`payments seller list` prints all"},
		"Actions":           {Most: databasetest.Most{Rows: 60_000, Blocks: 8000}, Scans: []string{"operator_actions"}, Why: "people do a few things a day: what has no index is looked through"},
		"FindPayments":      {Most: databasetest.Most{Rows: 6000, Blocks: 8000}, Why: "it looks through a day's payments for those in a state"},
		"CountPayments":     {Most: databasetest.Most{Rows: 6000, Blocks: 8000}, Why: "as FindPayments"},
		"PaymentsToCompare": {Most: databasetest.Most{Rows: 6000, Blocks: 8000}, Why: "it looks at what changed in two days, by the index alone"},
	})
}
