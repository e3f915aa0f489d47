package postgres_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/stack"
	"tianguis.example/stack/postgres"
)

func TestStart_OwnServer(t *testing.T) { // not parallel: it sets a variable of the process
	t.Setenv(postgres.AddressVariable, "")
	server, err := postgres.Start(t.Context(), stack.FreePort)
	if errors.Is(err, postgres.ErrNone) && os.Getenv("CI") == "" {
		t.Skipf("NOT TESTED: %v", err)
	}
	require.NoError(t, err)
	defer server.Stop()

	address, err := postgres.NewSchema(t.Context(), server.Address, "some")
	require.NoError(t, err)
	require.Equal(t, []string{"0 tables"}, tables(t, address))
	require.NoError(t, postgres.DropSchema(t.Context(), address))

	server.Stop()
	_, err = open(t.Context(), server.Address)
	require.Error(t, err, "the server is gone")
}

// TestCrash_KeepsWhatWasCommitted: the chaos run would blame the services for what the server forgot.
func TestCrash_KeepsWhatWasCommitted(t *testing.T) {
	t.Parallel()
	server, err := postgres.StartOwn(t.Context(), stack.FreePort)
	if errors.Is(err, postgres.ErrNone) && os.Getenv("CI") == "" {
		t.Skipf("NOT TESTED: %v", err)
	}
	require.NoError(t, err)
	defer server.Stop()
	address, err := postgres.NewSchema(t.Context(), server.Address, "some")
	require.NoError(t, err)
	db, err := open(t.Context(), address)
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	require.NoError(t, db.Read(t.Context()).Exec("CREATE TABLE kept (id INTEGER)").Error)

	require.NoError(t, server.Crash())
	require.Error(t, db.Ping(t.Context()))
	require.NoError(t, server.Restart(t.Context()))
	require.Equal(t, []string{"1 tables"}, tables(t, address))
}

func TestCrash_NotOfASharedServer(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, (&postgres.Server{}).Crash(), postgres.ErrNotOwn)
}

func TestStart_NamedServerThatDoesNotAnswer(t *testing.T) {
	t.Setenv(postgres.AddressVariable, "postgres://nobody:hush@127.0.0.1:1/none")
	_, err := postgres.Start(t.Context(), stack.FreePort)
	require.ErrorContains(t, err, postgres.AddressVariable)
	require.NotContains(t, err.Error(), "hush")
}

func tables(t *testing.T, address string) (found []string) {
	t.Helper()
	db, err := open(t.Context(), address)
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	const query = "SELECT count(*) || ' tables' FROM pg_tables WHERE schemaname = current_schema()"
	require.NoError(t, db.Read(t.Context()).Raw(query).Scan(&found).Error)
	return found
}

func open(ctx context.Context, address string) (*database.DB, error) {
	return database.Open(ctx, address, database.Options{Clock: clock.System(), MaxConns: 1})
}

// TestStartDurable_WaitsForTheDisk: figures of a server that does not are worth nothing.
func TestStartDurable_WaitsForTheDisk(t *testing.T) {
	t.Parallel()
	server, err := postgres.StartDurable(t.Context(), stack.FreePort)
	if errors.Is(err, postgres.ErrNone) && os.Getenv("CI") == "" {
		t.Skipf("NOT TESTED: %v", err)
	}
	require.NoError(t, err)
	defer server.Stop()
	address, err := postgres.NewDatabase(t.Context(), server.Address, "some")
	require.NoError(t, err)
	require.Equal(t, []string{"0 tables"}, tables(t, address))
	db, err := open(t.Context(), address)
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	var settings []string
	require.NoError(t, db.Read(t.Context()).Raw(
		"SELECT setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')").Scan(&settings).Error)
	require.Equal(t, []string{"on", "on", "on"}, settings)

	psql, err := server.Tool(t.Context(), "psql", "--no-psqlrc", "--tuples-only", "--no-align", "--command", "SELECT 1")
	require.NoError(t, err)
	said, err := psql.Output()
	require.NoError(t, err)
	require.Equal(t, "1\n", string(said))
	_, err = server.Tool(t.Context(), "no-such-tool")
	require.ErrorContains(t, err, "no-such-tool")
}
