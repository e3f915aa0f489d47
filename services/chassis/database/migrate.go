package database

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"tianguis.example/chassis/clock"
)

// Migration is one file of a schema, such as 0001_payments.sql.
type Migration struct {
	Name    string
	Applied bool
}

// On Postgres a migration waits for a lock for a moment only, lets go of all that it has, and tries again later: behind an ALTER TABLE that
// waits for one slow reader, everybody else would wait too.
const (
	schemaLockTimeout = time.Second
	schemaTries       = 200
	schemaPause       = 3 * time.Second // at most, between two tries
)

// Migrate applies the files in <dialect>/*.sql of files that have not been applied, in the order of
// their names, each in a transaction of its own, and returns the names of those it applied. Several
// processes may run it at once: one applies, the others wait. A file that was changed after it was
// applied is an error, since the schema is then not what the files say. A file that begins with the line
// "-- outside of a transaction" may do nothing that cannot be done again after a crash in the middle; see there.
func Migrate(ctx context.Context, db *DB, files fs.FS) ([]string, error) {
	names, err := fs.Glob(files, path.Join(db.Dialect(), "*.sql"))
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("no migration files for %s: %w", db.Dialect(), err)
	}
	slices.Sort(names)
	var applied []string
	err = alone(ctx, db, func(m migrator) error {
		if err := m.createHistory(); err != nil {
			return err
		}
		for _, file := range names {
			text, err := fs.ReadFile(files, file)
			if err != nil {
				return err
			}
			name := path.Base(file)
			parsed, err := parseFile(name, string(text))
			if err != nil {
				return fmt.Errorf("migration %s: %w", name, err)
			}
			did, err := m.apply(parsed)
			if err != nil {
				return fmt.Errorf("apply migration %s: %w", name, err)
			}
			if did {
				applied = append(applied, name)
			}
		}
		return nil
	})
	return applied, err
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

// migrator is the one process that changes the schema now, with a connection of its own.
type migrator struct {
	db    *gorm.DB
	clock clock.Clock
	fresh bool // there was nothing: nobody can be using it
}

// alone runs f while no other process is in here. On SQLite the immediate transactions take turns.
func alone(ctx context.Context, db *DB, f func(migrator) error) error {
	if db.Dialect() != Postgres {
		return f(migrator{db: db.gorm.WithContext(ctx), clock: db.clock})
	}
	return db.gorm.WithContext(ctx).Connection(func(tx *gorm.DB) (err error) {
		one := tx.Session(&gorm.Session{NewDB: true, Context: ctx})
		defer func() {
			rest := one.WithContext(context.WithoutCancel(ctx))
			unlocked := errors.Join(rest.Exec("SELECT pg_advisory_unlock_all()").Error, rest.Exec("RESET ALL").Error)
			if err == nil {
				err = unlocked // after an error the connection may be gone, and its lock with it
			}
		}()
		for _, statement := range []string{ // an index takes as long as it takes
			"SET statement_timeout = 0", "SET idle_in_transaction_session_timeout = 0", fmt.Sprintf("SET lock_timeout = %d", schemaLockTimeout.Milliseconds()),
		} {
			if err := one.Exec(statement).Error; err != nil {
				return err
			}
		}
		if err := lockSchema(ctx, one); err != nil {
			return fmt.Errorf("wait for another migration: %w", err)
		}
		return f(migrator{db: one, clock: db.clock, fresh: !one.Migrator().HasTable("schema_migrations")})
	})
}

// lockSchema asks for the lock instead of waiting for it: CREATE INDEX CONCURRENTLY waits for every transaction that began before it, and
// so for one that waits in pg_advisory_lock, which would wait for it.
func lockSchema(ctx context.Context, one *gorm.DB) error {
	const key = 7421001 // any number, the same in every process
	for {
		var mine bool
		if err := one.Raw("SELECT pg_try_advisory_lock(?)", key).Scan(&mine).Error; err != nil || mine {
			return err
		}
		if err := clock.Sleep(ctx, clock.System(), 100*time.Millisecond); err != nil {
			return err
		}
	}
}

func (m migrator) createHistory() error {
	if m.db.Migrator().HasTable("schema_migrations") {
		return nil
	}
	err := m.patiently(func() error {
		return m.db.Exec(`CREATE TABLE IF NOT EXISTS schema_migrations (
			name TEXT PRIMARY KEY, checksum TEXT NOT NULL, applied_at TIMESTAMP NOT NULL)`).Error
	})
	if err != nil {
		return fmt.Errorf("create the migration history: %w", err)
	}
	return nil
}

// migrationFile is a file as Migrate sees it.
type migrationFile struct {
	name       string
	checksum   string
	statements []string
	outside    bool // of a transaction
}

func parseFile(name, text string) (migrationFile, error) {
	sum := sha256.Sum256([]byte(text))
	f := migrationFile{name: name, checksum: hex.EncodeToString(sum[:]), statements: statements(text), outside: strings.HasPrefix(text, outsideOfTransaction)}
	if !f.outside {
		return f, nil
	}
	return f, repeatable(f.statements)
}

// applied reports whether the file was applied, as it is now.
func (f migrationFile) applied(tx *gorm.DB) (bool, error) {
	var before []string
	if err := tx.Raw("SELECT checksum FROM schema_migrations WHERE name = ?", f.name).Scan(&before).Error; err != nil || len(before) == 0 {
		return false, err
	}
	if before[0] != f.checksum {
		return true, errors.New("it was changed after it had been applied")
	}
	return true, nil
}

func (m migrator) record(tx *gorm.DB, f migrationFile) error {
	return tx.Exec("INSERT INTO schema_migrations (name, checksum, applied_at) VALUES (?, ?, ?)", f.name, f.checksum, m.clock.Now().Truncate(time.Second)).Error
}

func (m migrator) apply(f migrationFile) (did bool, err error) {
	if f.outside && !m.fresh {
		return m.applyOutside(f)
	}
	err = m.patiently(func() error {
		return m.db.Transaction(func(tx *gorm.DB) error {
			before, err := f.applied(tx)
			did = !before
			if err != nil || before {
				return err
			}
			for _, statement := range f.statements {
				if f.outside { // in an empty database: CONCURRENTLY would only wait for others, of other databases' schemas too
					statement = indexConcurrently.ReplaceAllString(statement, "$1")
				}
				if err := tx.Exec(statement).Error; err != nil {
					return err
				}
			}
			return m.record(tx, f)
		})
	})
	return did && err == nil, err
}

// patiently runs f, again when it got no lock in time or lost a race.
func (m migrator) patiently(f func() error) error {
	for try := 1; ; try++ {
		err := f()
		if undone(err) == notUndone {
			return err
		}
		if try == schemaTries {
			return fmt.Errorf("others kept what it changes locked for many minutes (pg_stat_activity shows who): run it again later: %w", err)
		}
		pause := time.Duration(rand.Int64N(int64(schemaPause))) //nolint:gosec // G404: jitter, not a secret
		if err := clock.Sleep(m.db.Statement.Context, clock.System(), pause); err != nil {
			return err
		}
	}
}

// statements splits a file at the semicolons that end a line, without the comments that have a line of their own.
func statements(text string) []string {
	var all []string
	for part := range strings.SplitSeq(comment.ReplaceAllString(text, ""), ";\n") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

var comment = regexp.MustCompile(`(?m)^--.*\n`)
