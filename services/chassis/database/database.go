// Package database opens the services' databases, SQLite and Postgres, through GORM, runs
// their transactions and applies their migration files. Only stores import it.
package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	gormsqlite "github.com/glebarez/sqlite"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
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
	Limits   Limits // the zero value leaves the timeouts to the server
	MaxConns int    // of the pool, in the place of the Limits'; 0 for theirs, and when they have none, 10
}

// uriPath writes a file's name into a URI (sqlite.org/uri.html): "#" would end it, and the database be another file.
var uriPath = strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23")

// Open connects to "postgres://…", or to the file in "sqlite:<file>".
// It does not show the password of an address in its errors.
func Open(ctx context.Context, address string, o Options) (*DB, error) {
	dialector, err := dial(address, o.Limits)
	if err != nil {
		return nil, err
	}
	db, err := gorm.Open(dialector, &gorm.Config{
		NowFunc:                o.Clock.Now, // GORM's own is in local time
		SkipDefaultTransaction: true,
		TranslateError:         true,
		DisableAutomaticPing:   true,
		QueryFields:            true,           // columns by name: Postgres refuses a prepared SELECT * once a migration has added one
		Logger:                 logger.Discard, // errors are returned, and logged once at the edge
	})
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", withoutAddress(err))
	}
	pool, err := db.DB()
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	o.Limits.apply(pool, o.MaxConns)
	opened := &DB{gorm: db, clock: o.Clock}
	if err := opened.Ping(ctx); err != nil {
		_ = pool.Close()
		return nil, err
	}
	return opened, nil
}

func dial(address string, limits Limits) (gorm.Dialector, error) {
	scheme, rest, found := strings.Cut(address, ":")
	switch {
	case found && scheme == SQLite && rest != "":
		// WAL lets readers go on beside the one writer; FULL loses no commit to a power cut;
		// immediate takes the write lock at BEGIN, so that no transaction fails half-way for want of it.
		pragmas := url.Values{
			"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(10000)", "foreign_keys(1)"},
			"_txlock": {"immediate"},
		}
		return gormsqlite.Open("file:" + uriPath.Replace(rest) + "?" + pragmas.Encode()), nil
	case found && (scheme == Postgres || scheme == "postgresql"):
		config, err := pgx.ParseConfig(address)
		if err != nil {
			return nil, fmt.Errorf("open the database: %w", withoutAddress(err))
		}
		limits.ask(config.RuntimeParams)
		return postgres.New(postgres.Config{Conn: stdlib.OpenDB(*config)}), nil
	default:
		return nil, errors.New("DATABASE_URL must be sqlite:<file> or postgres://<user>:<password>@<host>/<database>")
	}
}

// Dialect is SQLite or Postgres.
func (db *DB) Dialect() string { return db.gorm.Name() }

// Read gives GORM for statements outside of a transaction that only read: what writes goes through Transact or Write, which try again.
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
