package database

import (
	"database/sql"
	"errors"
	"strconv"
	"time"

	"tianguis.example/chassis/settings"
)

// Limits are what one process may take of its database: settings that both services have. The timeouts are Postgres' own
// (https://www.postgresql.org/docs/current/runtime-config-client.html), asked for with each connection; SQLite knows none of them.
type Limits struct {
	MaxConns     int           `env:"DATABASE_MAX_CONNS" default:"10" help:"The most connections to the database, of each process. All of them together must stay below\nPostgres' max_connections."`
	MaxIdleConns int           `env:"DATABASE_MAX_IDLE_CONNS" default:"10" help:"How many of them are kept open while nobody needs them."`
	ConnLifetime time.Duration `env:"DATABASE_CONN_LIFETIME" default:"30m" help:"How long a connection is used before another takes its place, so that a failover\nor a new address of the server is noticed. 0 for ever."`

	StatementTimeout time.Duration `env:"DATABASE_STATEMENT_TIMEOUT" default:"10s" help:"Postgres ends a statement that takes longer. 0 leaves it to the server, as do the two below:\na pooler such as PgBouncer may refuse to be asked."`
	LockTimeout      time.Duration `env:"DATABASE_LOCK_TIMEOUT" default:"3s" help:"Postgres ends a statement that waits for a lock for longer; a transaction is then tried\nagain. Less than DATABASE_STATEMENT_TIMEOUT."`
	IdleInTxTimeout  time.Duration `env:"DATABASE_IDLE_IN_TRANSACTION_TIMEOUT" default:"30s" help:"Postgres closes a connection whose transaction does nothing for longer:\na process that hangs must not hold its locks."`
}

// connIdleTime is how long a connection is kept that nobody needs.
const connIdleTime = 5 * time.Minute

// Validate refuses limits that no database could keep, each by its variable.
func (l Limits) Validate() error {
	var wrong []error
	add := func(bad bool, variable, format string, args ...any) {
		if bad {
			wrong = append(wrong, settings.Wrong(variable, format, args...))
		}
	}
	add(l.MaxConns < 1 || l.MaxConns > 1000, "DATABASE_MAX_CONNS", "must be from 1 to 1000")
	add(l.MaxIdleConns < 0 || l.MaxIdleConns > 1000, "DATABASE_MAX_IDLE_CONNS", "must be from 0 to 1000")
	add(l.ConnLifetime != 0 && l.ConnLifetime < time.Minute, "DATABASE_CONN_LIFETIME", "must be 1m at least, or 0 for ever")
	for variable, d := range map[string]time.Duration{
		"DATABASE_STATEMENT_TIMEOUT": l.StatementTimeout, "DATABASE_LOCK_TIMEOUT": l.LockTimeout, "DATABASE_IDLE_IN_TRANSACTION_TIMEOUT": l.IdleInTxTimeout,
	} {
		add(d != 0 && (d < 100*time.Millisecond || d > time.Hour), variable, "must be from 100ms to 1h, or 0 to leave it to the server")
	}
	// A wait for a lock must end as such: it is tried again, while a statement that was too slow is not.
	add(l.StatementTimeout != 0 && l.LockTimeout >= l.StatementTimeout, "DATABASE_LOCK_TIMEOUT", "must be less than DATABASE_STATEMENT_TIMEOUT, which is %s", l.StatementTimeout)
	return errors.Join(wrong...)
}

// apply sets the pool's sizes.
func (l Limits) apply(pool *sql.DB, maxConns int) {
	if maxConns == 0 {
		maxConns = l.MaxConns
	}
	if maxConns == 0 {
		maxConns = 10
	}
	idle := maxConns
	if l.MaxConns != 0 {
		idle = min(idle, l.MaxIdleConns)
	}
	pool.SetMaxOpenConns(maxConns)
	if idle == 0 {
		idle = -1 // none: for database/sql, 0 means 2
	}
	pool.SetMaxIdleConns(idle)
	pool.SetConnMaxIdleTime(connIdleTime)
	pool.SetConnMaxLifetime(l.ConnLifetime)
}

// ask adds the timeouts to what a connection asks Postgres for, but those that the address has itself.
func (l Limits) ask(params map[string]string) {
	for name, d := range map[string]time.Duration{
		"statement_timeout": l.StatementTimeout, "lock_timeout": l.LockTimeout, "idle_in_transaction_session_timeout": l.IdleInTxTimeout,
	} {
		if _, given := params[name]; !given && d != 0 {
			params[name] = strconv.FormatInt(d.Milliseconds(), 10)
		}
	}
}
