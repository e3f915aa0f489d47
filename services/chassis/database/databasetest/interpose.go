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

// before sees a statement that is about to be run by a connection pool or a transaction, and returns the one to run in its place.
type before func(ctx context.Context, pool gorm.ConnPool, query string, args []any) string

// interpose has f see every statement that GORM is about to run on db, from now on.
func interpose(t *testing.T, db *database.DB, f before) {
	t.Helper()
	watch := func(tx *gorm.DB) {
		if _, already := tx.Statement.ConnPool.(interposed); !already {
			tx.Statement.ConnPool = interposed{tx.Statement.ConnPool, f}
		}
	}
	callbacks := db.Read(t.Context()).Callback()
	require.NoError(t, callbacks.Create().Before("gorm:create").Register("interpose", watch))
	require.NoError(t, callbacks.Query().Before("gorm:query").Register("interpose", watch))
	require.NoError(t, callbacks.Update().Before("gorm:update").Register("interpose", watch))
	require.NoError(t, callbacks.Delete().Before("gorm:delete").Register("interpose", watch))
	require.NoError(t, callbacks.Row().Before("gorm:row").Register("interpose", watch))
	require.NoError(t, callbacks.Raw().Before("gorm:raw").Register("interpose", watch))
}

type interposed struct {
	gorm.ConnPool

	before before
}

func (i interposed) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return i.ConnPool.ExecContext(ctx, i.before(ctx, i.ConnPool, query, args), args...)
}

func (i interposed) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return i.ConnPool.QueryContext(ctx, i.before(ctx, i.ConnPool, query, args), args...)
}

func (i interposed) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return i.ConnPool.QueryRowContext(ctx, i.before(ctx, i.ConnPool, query, args), args...)
}

// undone runs f inside of the transaction that a statement is about to be run in, or in one of its own, and undoes what it did.
func undone(ctx context.Context, pool gorm.ConnPool, f func(*sql.Tx) error) error {
	switch p := pool.(type) {
	case *sql.Tx:
		if _, err := p.ExecContext(ctx, "SAVEPOINT undone"); err != nil {
			return err
		}
		err := f(p)
		if _, err := p.ExecContext(ctx, "ROLLBACK TO SAVEPOINT undone"); err != nil {
			return err
		}
		return err
	case *sql.DB:
		tx, err := p.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		return f(tx)
	default:
		return fmt.Errorf("a %T runs statements that cannot be undone", pool)
	}
}
