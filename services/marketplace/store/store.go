// Package store keeps the marketplace's people, jobs and payment attempts, on SQLite or Postgres.
//
// Every method is one fact in one transaction; none takes a function, so nobody can hold a
// transaction open across a call elsewhere. It meets the interfaces that packages marketplace,
// web and inbox declare. Rows are private; only the root's types leave.
package store

import (
	"context"
	"embed"
	"io/fs"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"tianguis.example/chassis/database"
)

//go:embed migrations
var embedded embed.FS

// Migrations are the schema's files, in a folder for each dialect.
func Migrations() fs.FS {
	files, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	return files
}

// Store is the open database.
type Store struct{ db *database.DB }

// New makes a store upon a database that has the migrations applied.
func New(db *database.DB) *Store { return &Store{db} }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// lockDue makes concurrent claims on Postgres skip each other's rows. On SQLite the immediate transaction is alone.
func (s *Store) lockDue() string {
	if s.db.Dialect() == database.Postgres {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}

// one scans the first row of a query and reports whether there was one.
func one(tx *gorm.DB, into any, query string, args ...any) (bool, error) {
	result := tx.Raw(query, args...).Scan(into)
	return result.RowsAffected > 0, result.Error
}

// insertRows adds rows, of which there may be none, to the columns of a table in one statement.
func insertRows(tx *gorm.DB, into string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	row := "(" + strings.Repeat("?, ", len(rows[0])-1) + "?)"
	return tx.Exec("INSERT INTO "+into+" VALUES "+row+strings.Repeat(", "+row, len(rows)-1), slices.Concat(rows...)...).Error
}

// renamed are columns, each with a prefix to its name, of a table under a name of its own.
func renamed(columns, table, prefix string) string {
	all := strings.Split(columns, ",")
	for i, column := range all {
		column = strings.TrimSpace(column)
		column = column[strings.LastIndexByte(column, '.')+1:]
		all[i] = table + "." + column + " AS " + prefix + column
	}
	return strings.Join(all, ", ")
}

// orNull is an id of somebody, or NULL for nobody.
func orNull[T ~int64](id T) any {
	if id == 0 {
		return nil
	}
	return int64(id)
}

// orNever is a time, or NULL for none.
func orNever(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
