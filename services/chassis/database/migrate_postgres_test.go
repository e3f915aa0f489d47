package database_test

import (
	"context"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"tianguis.example/chassis/database"
)

// then is the schema with one more file.
func then(name, text string) fstest.MapFS {
	more := fstest.MapFS{"postgres/" + name: {Data: []byte(text)}}
	for name, file := range schema {
		more[name] = file
	}
	return more
}

const indexes = `-- outside of a transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS notes_text_at ON notes (text, at);
-- and one that takes the place of an older one
CREATE INDEX CONCURRENTLY IF NOT EXISTS notes_at_id ON notes (at, id);
DROP INDEX CONCURRENTLY IF EXISTS notes_at;
`

// migrating runs Migrate beside the test. The channel gives what became of it.
func migrating(ctx context.Context, db *database.DB, files fstest.MapFS) <-chan error {
	ended := make(chan error, 1)
	go func() {
		_, err := database.Migrate(ctx, db, files)
		ended <- err
	}()
	return ended
}

// eventually waits until a query answers true.
func eventually(t *testing.T, db *database.DB, query string, args ...any) {
	t.Helper()
	require.Eventually(t, func() bool {
		var is bool
		require.NoError(t, db.Read(t.Context()).Raw(query, args...).Scan(&is).Error)
		return is
	}, time.Minute, 5*time.Millisecond, query)
}

const (
	waits = "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE relation = 'notes'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted)"
	// of which the making has begun, and not ended
	halfMade = "SELECT EXISTS (SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(?) AND NOT indisvalid)"
	whole    = "SELECT EXISTS (SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(?) AND indisvalid)"
)

// A change of a table waits for whoever reads it. Everybody who comes later would wait behind the change: so it steps back, and tries again.
func TestMigrate_NobodyWaitsBehindAWaitingChange(t *testing.T) {
	t.Parallel()
	db := limited(t, database.Limits{})
	release := held(t, db, 1)
	defer release()
	ended := migrating(t.Context(), db, then("0002_author.sql", "ALTER TABLE notes ADD COLUMN author TEXT NOT NULL DEFAULT '';\n"))
	for range 2 {
		eventually(t, db, waits)
		require.NoError(t, db.Write(t.Context(), func(tx *gorm.DB) error { return add(tx, 2, "x") }))
		eventually(t, db, "SELECT NOT "+waits[len("SELECT "):])
	}
	release()
	require.NoError(t, <-ended)
	require.True(t, db.Read(t.Context()).Migrator().HasColumn("notes", "author"))
}

// An index is made while others write, also those that began before it.
func TestMigrate_AnIndexStopsNoWriter(t *testing.T) {
	t.Parallel()
	db := limited(t, database.Limits{StatementTimeout: time.Second, LockTimeout: 200 * time.Millisecond})
	release := held(t, db, 1)
	defer release()
	ended := migrating(t.Context(), db, then("0002_indexes.sql", indexes))
	eventually(t, db, halfMade, "notes_text_at")
	require.NoError(t, db.Write(t.Context(), func(tx *gorm.DB) error { return add(tx, 2, "x") }))
	require.Equal(t, "bx", text(t, db, 2))
	release()
	require.NoError(t, <-ended)
	for _, name := range []string{"notes_text_at", "notes_at_id"} {
		eventually(t, db, whole, name)
	}
	require.False(t, db.Read(t.Context()).Migrator().HasIndex("notes", "notes_at"))
	var timeout string // the connection is back, as it was
	require.NoError(t, db.Read(t.Context()).Raw("SELECT current_setting('statement_timeout')").Scan(&timeout).Error)
	require.Equal(t, "1s", timeout)
}

// Whoever is killed while an index is made leaves one that is invalid: the next run makes it anew.
func TestMigrate_AnIndexCutShortIsMadeAnew(t *testing.T) {
	t.Parallel()
	for name, kill := range map[string]func(*database.DB, context.CancelFunc) error{
		"the program is stopped": func(_ *database.DB, stop context.CancelFunc) error { stop(); return nil },
		"the server ends its connection": func(db *database.DB, _ context.CancelFunc) error {
			return db.Read(context.Background()).Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_progress_create_index WHERE relid = 'notes'::regclass`).Error
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := limited(t, database.Limits{})
			files := then("0002_indexes.sql", indexes)
			release := held(t, db, 1)
			defer release()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			ended := migrating(ctx, db, files)
			eventually(t, db, halfMade, "notes_text_at")
			require.NoError(t, kill(db, stop))
			require.Error(t, <-ended)
			eventually(t, db, halfMade, "notes_text_at")
			release()

			applied, err := database.Migrate(t.Context(), db, files)
			require.NoError(t, err)
			require.Equal(t, []string{"0002_indexes.sql"}, applied)
			for _, name := range []string{"notes_text_at", "notes_at_id"} {
				eventually(t, db, whole, name)
			}
		})
	}
}

func TestMigrate_SeveralMakeIndexes(t *testing.T) {
	t.Parallel()
	db := limited(t, database.Limits{})
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if _, err := database.Migrate(t.Context(), db, then("0002_indexes.sql", indexes)); err != nil {
				t.Errorf("concurrent migration: %v", err)
			}
		})
	}
	all.Wait()
	eventually(t, db, whole, "notes_at_id")
}

func TestMigrate_OutsideOfATransactionOnlyWhatCanBeRepeated(t *testing.T) {
	t.Parallel()
	db := limited(t, database.Limits{})
	for _, statement := range []string{
		"UPDATE notes SET text = text || 'x'", "CREATE INDEX CONCURRENTLY notes_twice ON notes (at)", "CREATE INDEX IF NOT EXISTS notes_locked ON notes (at)", "DROP TABLE notes",
	} {
		_, err := database.Migrate(t.Context(), db, then("0002_x.sql", "-- outside of a transaction\n"+statement+";\n"))
		require.ErrorContains(t, err, "0002_x.sql: outside of a transaction there can be", statement)
	}
	require.Equal(t, "a", text(t, db, 1))
}

// In a database that was empty, nobody can be in the way: and nobody, in whichever schema, is waited for.
func TestMigrate_AFreshDatabaseWaitsForNobody(t *testing.T) {
	t.Parallel()
	other := limited(t, database.Limits{})
	release := held(t, other, 1)
	defer release()
	db := empty(t, database.Limits{})
	_, err := database.Migrate(t.Context(), db, then("0002_indexes.sql", indexes))
	require.NoError(t, err)
	eventually(t, db, whole, "notes_at_id")
}
