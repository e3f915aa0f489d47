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
