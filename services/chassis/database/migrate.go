package database

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// Migration is one file of a schema, such as 0001_payments.sql.
type Migration struct {
	Name    string
	Applied bool
}

// Migrate applies the files in <dialect>/*.sql of files that have not been applied, in the order of
// their names, each in a transaction of its own, and returns the names of those it applied. Several
// processes may run it at once: one applies, the others wait. A file that was changed after it was
// applied is an error, since the schema is then not what the files say.
func Migrate(ctx context.Context, db *DB, files fs.FS) ([]string, error) {
	if err := createHistory(ctx, db); err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, path.Join(db.Dialect(), "*.sql"))
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("no migration files for %s: %w", db.Dialect(), err)
	}
	slices.Sort(names)
	var applied []string
	for _, file := range names {
		text, err := fs.ReadFile(files, file)
		if err != nil {
			return applied, err
		}
		did, err := apply(ctx, db, path.Base(file), string(text))
		if err != nil {
			return applied, fmt.Errorf("apply migration %s: %w", path.Base(file), err)
		}
		if did {
			applied = append(applied, path.Base(file))
		}
	}
	return applied, nil
}

// Migrations tells of each file in files whether it is applied. It changes nothing.
func Migrations(ctx context.Context, db *DB, files fs.FS) ([]Migration, error) {
	names, err := fs.Glob(files, path.Join(db.Dialect(), "*.sql"))
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	applied, err := history(ctx, db)
	if err != nil {
		return nil, err
	}
	all := make([]Migration, len(names))
	for i, name := range names {
		all[i] = Migration{Name: path.Base(name), Applied: slices.Contains(applied, path.Base(name))}
	}
	return all, nil
}

// history is the names of the migrations that the database has, in their order.
func history(ctx context.Context, db *DB) (applied []string, err error) {
	if !db.Read(ctx).Migrator().HasTable("schema_migrations") {
		return nil, nil
	}
	if err := db.Read(ctx).Raw("SELECT name FROM schema_migrations ORDER BY name").Scan(&applied).Error; err != nil {
		return nil, fmt.Errorf("read the migration history: %w", err)
	}
	return applied, nil
}

func createHistory(ctx context.Context, db *DB) error {
	err := db.Transact(ctx, func(tx *gorm.DB) error {
		if err := lockSchema(tx); err != nil {
			return err
		}
		return tx.Exec(`CREATE TABLE IF NOT EXISTS schema_migrations (
			name TEXT PRIMARY KEY, checksum TEXT NOT NULL, applied_at TIMESTAMP NOT NULL)`).Error
	})
	if err != nil {
		return fmt.Errorf("create the migration history: %w", err)
	}
	return nil
}

func apply(ctx context.Context, db *DB, name, text string) (did bool, err error) {
	sum := sha256.Sum256([]byte(text))
	checksum := hex.EncodeToString(sum[:])
	err = db.Transact(ctx, func(tx *gorm.DB) error {
		did = false
		if err := lockSchema(tx); err != nil {
			return err
		}
		var before []string
		if err := tx.Raw("SELECT checksum FROM schema_migrations WHERE name = ?", name).Scan(&before).Error; err != nil {
			return err
		}
		if len(before) > 0 {
			if before[0] != checksum {
				return fmt.Errorf("it was changed after it had been applied")
			}
			return nil
		}
		for _, statement := range statements(text) {
			if err := tx.Exec(statement).Error; err != nil {
				return err
			}
		}
		did = true
		return tx.Exec("INSERT INTO schema_migrations (name, checksum, applied_at) VALUES (?, ?, ?)",
			name, checksum, db.clock.Now().Truncate(time.Second)).Error
	})
	return did, err
}

// statements splits a file at the semicolons that end a line.
func statements(text string) []string {
	var all []string
	for part := range strings.SplitSeq(text, ";\n") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

// lockSchema makes concurrent migrations take turns. On SQLite the immediate transaction does.
func lockSchema(tx *gorm.DB) error {
	if tx.Name() != Postgres {
		return nil
	}
	const key = 7421001 // any number, the same in every process
	return tx.Exec("SELECT pg_advisory_xact_lock(?)", key).Error
}
