package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/chassis/logging"
	"tianguis.example/payments/store"
)

// The next release may add columns while this one runs: it goes on, with the statements that it had prepared before.
func TestRolling_ColumnsMayAppear(t *testing.T) {
	t.Parallel()
	db, err := database.Open(t.Context(), databasetest.PostgresAddress(t), database.Options{Clock: clock.System(), MaxConns: 1})
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	_, err = database.Migrate(t.Context(), db, store.Migrations())
	require.NoError(t, err)
	fill(t, db, 10_000)
	keys, err := store.ReadKeys(logging.Secret(store.GenerateKey()))
	require.NoError(t, err)
	databasetest.Grow(t, db)
	everyMethod(t, store.New(db, keys), db, func(_ string, call func()) { call() })
}

// What the schema gets after the first release is added to it, without anybody waiting: the release before runs on. Named is the last file of the first one, which nobody ran before.
func TestMigrations_OnlyAdd(t *testing.T) {
	t.Parallel()
	databasetest.OnlyAdd(t, store.Migrations(), "0011_approved.sql")
}
