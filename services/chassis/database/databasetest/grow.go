package databasetest

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"tianguis.example/chassis/database"
)

// Grow gives every table a new column once a statement has been prepared and is about to be run for the first time, as the next release's migration may
// while this release runs. What names its columns does not notice; of a SELECT * or a RETURNING *, Postgres gives up ("cached plan must not change result type").
// db must have one connection, since each prepares for itself.
func Grow(t *testing.T, db *database.DB) {
	t.Helper()
	pool, err := db.Pool()
	require.NoError(t, err)
	require.Equal(t, 1, pool.Stats().MaxOpenConnections)
	add := One[string](t, db, `SELECT string_agg(format('ALTER TABLE %I ADD COLUMN grown_%%[1]d TEXT NOT NULL DEFAULT %L', tablename, 'x'), ';') FROM pg_tables
		WHERE schemaname = current_schema() AND tablename <> 'schema_migrations'`)
	prepared := map[string]bool{}
	interpose(t, db, func(ctx context.Context, pool gorm.ConnPool, query string, args []any) string {
		if prepared[query] || !explainable.MatchString(query) {
			return query
		}
		prepared[query] = true
		err := undone(ctx, pool, func(tx *sql.Tx) error {
			rows, err := tx.QueryContext(ctx, query, args...)
			if err != nil {
				return err
			}
			defer func() { _ = rows.Close() }()
			for rows.Next() { // what a statement does is done when all of it was read
			}
			return rows.Err()
		})
		if err != nil {
			t.Logf("%s: %v", squeeze(query), err) // as it may: the statement itself will say so too
		}
		if _, err := pool.ExecContext(ctx, fmt.Sprintf(add, len(prepared))); err != nil {
			t.Errorf("add columns: %v", err)
		}
		return query
	})
}
