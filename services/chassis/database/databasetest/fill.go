package databasetest

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"tianguis.example/chassis/database"
)

// Fill runs statements that insert very many rows, side by side, so that none may need another's rows, and then brings the planner's statistics
// up to date. Meanwhile there are neither indexes, but for the keys', nor triggers and foreign keys: afterwards the schema is what it was. The
// connection must be an administrator's.
func Fill(t *testing.T, db *database.DB, statements ...string) {
	t.Helper()
	admin := db.Read(t.Context())
	var indexes []struct{ Name, Definition string }
	require.NoError(t, admin.Raw(`SELECT i.indexname AS name, i.indexdef AS definition FROM pg_indexes i
		WHERE i.schemaname = current_schema() AND NOT EXISTS (
			SELECT 1 FROM pg_constraint c WHERE c.conindid = (quote_ident(i.schemaname) || '.' || quote_ident(i.indexname))::regclass)`).Scan(&indexes).Error)
	require.NotEmpty(t, indexes)
	for _, index := range indexes {
		require.NoError(t, admin.Exec("DROP INDEX "+index.Name).Error)
	}
	sideBySide(t, db, statements)
	var again []string
	for _, index := range indexes {
		again = append(again, index.Definition)
	}
	sideBySide(t, db, again)
	require.NoError(t, admin.Exec("VACUUM ANALYZE").Error)
}

// sideBySide runs each statement, two at a time, in the order given.
func sideBySide(t *testing.T, db *database.DB, statements []string) {
	t.Helper()
	todo := make(chan string)
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			for statement := range todo {
				if err := insertUnchecked(t.Context(), db, statement); err != nil {
					t.Errorf("fill the database: %v\n%s", err, statement)
				}
			}
		})
	}
	for _, statement := range statements {
		todo <- statement
	}
	close(todo)
	workers.Wait()
	require.False(t, t.Failed())
}

// insertUnchecked takes foreign keys for granted: checking a million of them takes longer than inserting them.
func insertUnchecked(ctx context.Context, db *database.DB, statement string) error {
	return db.Transact(ctx, func(tx *gorm.DB) error {
		for _, s := range []string{"SET LOCAL session_replication_role = replica", "SET LOCAL maintenance_work_mem = '256MB'", statement} {
			if err := tx.Exec(s).Error; err != nil {
				return err
			}
		}
		return nil
	})
}
