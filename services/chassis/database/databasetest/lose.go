package databasetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/database"
)

// LoseFirst has Postgres undo each transaction that writes when it commits for the first time, with a serialization failure. So a test that is run on such a
// database shows that whatever commits is tried again, and that what is run again does the same.
func LoseFirst(t *testing.T, db *database.DB) {
	t.Helper()
	var tables []string
	pool := db.Read(t.Context())
	require.NoError(t, pool.Raw("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'schema_migrations'").Scan(&tables).Error)
	// What a session knows of the transaction before it is in advisory locks: everything else is undone with the transaction.
	// https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
	require.NoError(t, pool.Exec(`CREATE FUNCTION lose_first() RETURNS trigger LANGUAGE plpgsql AS $$
		DECLARE
			lost CONSTANT INT := 1; winning CONSTANT INT := 2;
			this CONSTANT INT := txid_current() % 2147483647;
		BEGIN
			IF EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND classid = winning AND objid = this::oid) THEN
				RETURN NULL;
			END IF;
			IF EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND classid = lost) THEN
				PERFORM pg_advisory_unlock_all();
				PERFORM pg_advisory_lock(winning, this);
				RETURN NULL;
			END IF;
			PERFORM pg_advisory_lock(lost, pg_backend_pid());
			RAISE EXCEPTION 'undone, this once' USING ERRCODE = 'serialization_failure';
		END $$`).Error)
	for _, table := range tables {
		require.NoError(t, pool.Exec("CREATE CONSTRAINT TRIGGER lose_first AFTER INSERT OR UPDATE OR DELETE ON "+table+
			" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lose_first()").Error)
	}
}
