package database

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/glebarez/go-sqlite"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"tianguis.example/chassis/clock"
)

// How often a transaction is run, in all: when it loses races, and when it waits in vain for a lock, which takes the lock timeout each time.
const (
	tries     = 8
	waitTries = 3
)

// Transact runs f in a transaction, again when the database undid it for the sake of another one: so f may run several times, must do
// nothing but talk to tx, and must set, and not add to, what it hands out. Stores keep it to themselves.
//
// What is tried again has done nothing, as the database says: https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html.
// A statement that took too long (57014) is not: it would again. Nor is a lost connection, since nobody knows what became of a COMMIT.
func (db *DB) Transact(ctx context.Context, f func(tx *gorm.DB) error) error {
	return db.again(ctx, func() error { return db.gorm.WithContext(ctx).Transaction(f) })
}

// Write runs f, which makes one statement, outside of any other transaction, again as Transact does: a round trip instead of three.
func (db *DB) Write(ctx context.Context, f func(tx *gorm.DB) error) error {
	return db.again(ctx, func() error { return f(db.gorm.WithContext(ctx)) })
}

func (db *DB) again(ctx context.Context, f func() error) error {
	for try, waits := 1, 0; ; try++ {
		err := f()
		why := undone(err)
		if why == waited {
			waits++
		}
		if why == notUndone || try == tries || waits == waitTries {
			return err
		}
		// Jitter: those who met once should not meet again.
		pause := time.Duration(rand.Int64N(int64(5*time.Millisecond) << try)) //nolint:gosec // G404: jitter, not a secret
		if clock.Sleep(ctx, db.clock, pause) != nil {
			return err
		}
	}
}

// reason is why the database undid a transaction, or a statement that is one of its own.
type reason int

const (
	notUndone reason = iota
	lostRace         // somebody else's was in the way
	waited           // it got no lock in time
)

// The codes of https://www.postgresql.org/docs/current/errcodes-appendix.html, and of https://www.sqlite.org/rescode.html.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	lockNotAvailable     = "55P03"

	sqliteBusy, sqliteLocked = 5, 6
)

func undone(err error) reason {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code {
		case serializationFailure, deadlockDetected:
			return lostRace
		case lockNotAvailable:
			return waited
		}
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		if code := lite.Code() & 0xff; code == sqliteBusy || code == sqliteLocked {
			return lostRace
		}
	}
	return notUndone
}
