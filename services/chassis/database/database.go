// Package database opens the services' databases, SQLite and Postgres, through GORM, runs
// their transactions and applies their migration files. Only stores import it.
package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"github.com/glebarez/go-sqlite"
	gormsqlite "github.com/glebarez/sqlite"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"tianguis.example/chassis/clock"
)

// The dialects, as GORM names them; also the folders of migration files.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// DB is an open database.
type DB struct {
	gorm  *gorm.DB
	clock clock.Clock
}

// Options are what Open needs beside the address.
type Options struct {
	Clock    clock.Clock
	MaxConns int // of the pool; 0 means 10
}

// Open connects to "postgres://…", or to the file in "sqlite:<file>".
// It does not show the password of an address in its errors.
func Open(ctx context.Context, address string, o Options) (*DB, error) {
	dialector, err := dial(address)
	if err != nil {
		return nil, err
	}
	db, err := gorm.Open(dialector, &gorm.Config{
		NowFunc:                o.Clock.Now, // GORM's own is in local time
		SkipDefaultTransaction: true,
		TranslateError:         true,
		DisableAutomaticPing:   true,
		Logger:                 logger.Discard, // errors are returned, and logged once at the edge
	})
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", withoutAddress(err))
	}
	pool, err := db.DB()
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if o.MaxConns == 0 {
		o.MaxConns = 10
	}
	pool.SetMaxOpenConns(o.MaxConns)
	pool.SetMaxIdleConns(o.MaxConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	opened := &DB{gorm: db, clock: o.Clock}
	if err := opened.Ping(ctx); err != nil {
		_ = pool.Close()
		return nil, err
	}
	return opened, nil
}

func dial(address string) (gorm.Dialector, error) {
	scheme, rest, found := strings.Cut(address, ":")
	switch {
	case found && scheme == SQLite && rest != "":
		// WAL lets readers go on beside the one writer; FULL loses no commit to a power cut;
		// immediate takes the write lock at BEGIN, so that no transaction fails half-way for want of it.
		pragmas := url.Values{
			"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(10000)", "foreign_keys(1)"},
			"_txlock": {"immediate"},
		}
		return gormsqlite.Open("file:" + rest + "?" + pragmas.Encode()), nil
	case found && (scheme == Postgres || scheme == "postgresql"):
		return postgres.Open(address), nil
	default:
		return nil, errors.New("DATABASE_URL must be sqlite:<file> or postgres://<user>:<password>@<host>/<database>")
	}
}

// Dialect is SQLite or Postgres.
func (db *DB) Dialect() string { return db.gorm.Name() }

// Read gives GORM for statements outside of a transaction.
func (db *DB) Read(ctx context.Context) *gorm.DB { return db.gorm.WithContext(ctx) }

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	pool, err := db.gorm.DB()
	if err != nil {
		return err
	}
	if err := pool.PingContext(ctx); err != nil {
		return fmt.Errorf("reach the database: %w", withoutAddress(err))
	}
	return nil
}

// withoutAddress drops pgx's texts that repeat host, user and database, or quote the address: of one whose password holds a # or a /, they
// would take the password for a port, and show it.
func withoutAddress(err error) error {
	if _, unreadable := errors.AsType[*pgconn.ParseConfigError](err); unreadable {
		return errors.New("DATABASE_URL cannot be read as postgres://<user>:<password>@<host>/<database>: write special characters of the password as %23 (#), %2F (/), %40 (@), %25 (%)")
	}
	if connect, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return connect.Unwrap()
	}
	return err
}

// Pool is the pool, for what tells how it fares; statements go through GORM.
func (db *DB) Pool() (*sql.DB, error) { return db.gorm.DB() }

// Close ends the pool.
func (db *DB) Close() error {
	pool, err := db.gorm.DB()
	if err != nil {
		return err
	}
	return pool.Close()
}

// tries is how often a transaction is run that loses a race for the database.
const tries = 8

// Transact runs f in a transaction, again when the database says that it lost a race: so f
// may run several times, and must do nothing but talk to tx. Stores keep it to themselves.
func (db *DB) Transact(ctx context.Context, f func(tx *gorm.DB) error) error {
	for try := 1; ; try++ {
		err := db.gorm.WithContext(ctx).Transaction(f)
		if err == nil || try == tries || !lostRace(err) {
			return err
		}
		pause := time.Duration(rand.Int64N(int64(5*time.Millisecond) << try)) //nolint:gosec // G404: jitter, not a secret
		if err := clock.Sleep(ctx, db.clock, pause); err != nil {
			return err
		}
	}
}

// lostRace reports whether the database undid a transaction for the sake of another one:
// Postgres serialization_failure and deadlock_detected; SQLITE_BUSY in all its forms.
func lostRace(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		const busy, locked = 5, 6
		return lite.Code()&0xff == busy || lite.Code()&0xff == locked
	}
	return false
}
