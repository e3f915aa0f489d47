// Package store keeps payments, sellers, the audit trail and the outbox in SQLite or Postgres. It implements the stores
// that packages payments, outbox and rest ask for, one transaction a method. Rows are private to it, and tokens
// are sealed in them. It talks to no wallet.
package store

import (
	"context"
	"embed"
	"reflect"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"tianguis.example/chassis/database"
)

//go:embed migrations
var migrations embed.FS

// Store is safe for concurrent use, also by several processes on one Postgres.
type Store struct {
	db   *database.DB
	keys Keys
}

// New makes a store on an open database whose migrations are applied. Without keys it reads what is neither sealed nor signed.
func New(db *database.DB, keys Keys) *Store { return &Store{db: db, keys: keys} }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// maybe is a time for a column that may be NULL, which the zero time is.
func maybe(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// certain is what maybe was made from. Postgres answers in the local zone; times here are in UTC.
func certain(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// columnsOf are the columns of a row by their names, for RETURNING: of a prepared RETURNING * Postgres gives up ("cached plan must not change
// result type") once a migration has added a column.
func columnsOf(tx *gorm.DB, row any) string { return strings.Join(schemaOf(tx, row).DBNames, ", ") }

// fieldsOf are the columns of a row, but for some, and what is in them.
func fieldsOf(tx *gorm.DB, row any, but ...string) (columns []string, values []any) {
	of := schemaOf(tx, row)
	for _, column := range of.DBNames {
		if slices.Contains(but, column) {
			continue
		}
		value, _ := of.FieldsByDBName[column].ValueOf(tx.Statement.Context, reflect.ValueOf(row).Elem())
		columns, values = append(columns, column), append(values, value)
	}
	return columns, values
}

func schemaOf(tx *gorm.DB, row any) *schema.Schema {
	statement := &gorm.Statement{DB: tx}
	if err := statement.Parse(row); err != nil {
		panic(err) // rows are types of this package
	}
	return statement.Schema
}

// lockDue makes concurrent claims on Postgres skip each other's rows. SQLite has one writer at a time.
func (s *Store) lockDue() string {
	if s.db.Dialect() == database.Postgres {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}
