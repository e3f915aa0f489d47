// Package databasetest gives tests a fresh schema on both databases.
package databasetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
)

// AddressVariable names the Postgres server that tests use. `make test` starts one and sets it.
const AddressVariable = "TEST_DATABASE_URL"

// Each runs f on SQLite and on Postgres, each time with an empty database that has the
// migrations applied.
func Each(t *testing.T, files fs.FS, f func(t *testing.T, db *database.DB)) {
	t.Helper()
	for _, dialect := range []string{database.SQLite, database.Postgres} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			address := SQLiteAddress(t)
			if dialect == database.Postgres {
				address = PostgresAddress(t)
			}
			f(t, Open(t, address, clock.System(), files))
		})
	}
}

// EachAndLosing is Each, and once more on a Postgres that undoes every transaction when it commits for the first time: for the tests of a store, whose
// transactions must do the same when they are run again.
func EachAndLosing(t *testing.T, files fs.FS, f func(t *testing.T, db *database.DB)) {
	t.Helper()
	Each(t, files, f)
	t.Run("postgres, undone at first", func(t *testing.T) {
		t.Parallel()
		db := Open(t, PostgresAddress(t), clock.System(), files)
		LoseFirst(t, db)
		f(t, db)
	})
}

// Open opens the database at address, migrates it, and closes it at the end of the test.
func Open(t *testing.T, address string, c clock.Clock, files fs.FS) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), address, database.Options{Clock: c, MaxConns: 5})
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	_, err = database.Migrate(t.Context(), db, files)
	require.NoError(t, err)
	return db
}

// SQLiteAddress is the address of a new SQLite file.
func SQLiteAddress(t *testing.T) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
}

// PostgresAddress is the address of a new, empty schema on the server that TEST_DATABASE_URL
// names. Without a server the test is skipped with a loud word, except in CI, where it fails.
func PostgresAddress(t testing.TB) string {
	t.Helper()
	server := os.Getenv(AddressVariable)
	if server == "" {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not set, and CI tests on a real Postgres", AddressVariable)
		}
		t.Skipf("NOT TESTED ON POSTGRES: %s is not set. Run `make test`, which starts a server for the tests.", AddressVariable)
	}
	admin, err := database.Open(t.Context(), server, database.Options{Clock: clock.System(), MaxConns: 1})
	require.NoError(t, err)
	defer func() { _ = admin.Close() }()

	schema := "test_" + strings.ToLower(rand.Text())
	require.NoError(t, admin.Read(t.Context()).Exec(fmt.Sprintf("CREATE SCHEMA %s", schema)).Error)
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		admin, err := database.Open(ctx, server, database.Options{Clock: clock.System(), MaxConns: 1})
		if err != nil {
			t.Logf("the schema %s stays behind: %v", schema, err)
			return
		}
		defer func() { _ = admin.Close() }()
		require.NoError(t, admin.Read(ctx).Exec(fmt.Sprintf("DROP SCHEMA %s CASCADE", schema)).Error)
	})

	address, err := url.Parse(server)
	require.NoError(t, err)
	query := address.Query()
	query.Set("search_path", schema)
	address.RawQuery = query.Encode()
	return address.String()
}

// Exec runs a statement as somebody with a console does.
func Exec(t *testing.T, db *database.DB, statement string, args ...any) {
	t.Helper()
	require.NoError(t, db.Write(t.Context(), func(tx *gorm.DB) error { return tx.Exec(statement, args...).Error }), statement)
}

// LockTable keeps everybody from a table, as a careless change of the schema does, until unlock is called.
func LockTable(t *testing.T, address, table string) (unlock func()) {
	t.Helper()
	careless, err := database.Open(t.Context(), address, database.Options{Clock: clock.System(), MaxConns: 1})
	require.NoError(t, err)
	tx := careless.Read(t.Context()).Begin()
	require.NoError(t, tx.Exec("LOCK TABLE "+table+" IN ACCESS EXCLUSIVE MODE").Error)
	unlock = sync.OnceFunc(func() {
		require.NoError(t, tx.Rollback().Error)
		require.NoError(t, careless.Close())
	})
	t.Cleanup(func() { _ = careless.Close() })
	return unlock
}
