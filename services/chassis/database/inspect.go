package database

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// Facts is what a database tells of itself.
type Facts struct {
	Server  string        // "PostgreSQL 17.2"
	Took    time.Duration // how long it took to answer
	Ahead   time.Duration // how far its clock is before ours, give or take Took; 0 on SQLite, which has ours
	Missing []string      // migrations among the files that it lacks
	Unknown []string      // migrations that it has and the files have not: it is of a newer program
	Foreign bool          // all that it has is unknown: it is another program's
}

// Inspect asks the database about itself, and compares its schema with the files. It changes nothing.
func Inspect(ctx context.Context, db *DB, files fs.FS) (Facts, error) {
	var said struct {
		Version string
		At      time.Time
	}
	statement := "SELECT 'SQLite ' || sqlite_version() AS version"
	if db.Dialect() == Postgres {
		statement = "SELECT 'PostgreSQL ' || current_setting('server_version') AS version, clock_timestamp() AS at"
	}
	began := db.clock.Now()
	if err := db.Read(ctx).Raw(statement).Scan(&said).Error; err != nil {
		return Facts{}, fmt.Errorf("ask the database for its version: %w", withoutAddress(err))
	}
	f := Facts{Server: said.Version, Took: db.clock.Now().Sub(began)}
	if !said.At.IsZero() {
		f.Ahead = said.At.Sub(began.Add(f.Took / 2))
	}
	all, err := Migrations(ctx, db, files)
	if err != nil {
		return f, err
	}
	var known []string
	for _, m := range all {
		known = append(known, m.Name)
		if !m.Applied {
			f.Missing = append(f.Missing, m.Name)
		}
	}
	applied, err := history(ctx, db)
	if err != nil {
		return f, err
	}
	for _, name := range applied {
		if !slices.Contains(known, name) {
			f.Unknown = append(f.Unknown, name)
		}
	}
	f.Foreign = len(applied) > 0 && len(f.Unknown) == len(applied)
	return f, nil
}
