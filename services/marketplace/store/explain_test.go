package store_test

import (
	"testing"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/marketplace/store"
)

// At a million jobs no query reads more than it needs: none scans a table that grows, and none reads thousands of rows to give a few.
func TestMillion_EveryQueryHasItsIndex(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, databasetest.PostgresAddress(t), clock.System(), store.Migrations())
	fill(t, db, 1_000_000)
	explainer := databasetest.Explain(t, db, "operator_actions_end") // one row
	everyMethod(t, db, explainer.During)
	explainer.Require(databasetest.Most{Rows: 3000, Blocks: 8000}, map[string]databasetest.Exception{
		"RetryMessages":   {Most: databasetest.Most{Rows: 10_000, Blocks: 8000}, Why: "an operator's command, for all that were given up"},
		"JobsForOperator": {Most: databasetest.Most{Rows: 30_000, Blocks: 8000}, Why: "an operator's question for jobs whose payment is in a state that few are in"},
		"FindJobs":        {Most: databasetest.Most{Rows: 6000, Blocks: 8000}, Why: "words that few jobs have are looked for among all that recruit, five thousand here"},
	})
}
