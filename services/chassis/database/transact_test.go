package database_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
)

// empty opens a new Postgres schema under limits.
func empty(t *testing.T, limits database.Limits) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), databasetest.PostgresAddress(t), database.Options{Clock: clock.System(), Limits: limits})
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// limited is a migrated one with the notes 1 and 2 in it.
func limited(t *testing.T, limits database.Limits) *database.DB {
	t.Helper()
	db := empty(t, limits)
	_, err := database.Migrate(t.Context(), db, schema)
	require.NoError(t, err)
	for _, id := range []int64{1, 2} {
		require.NoError(t, db.Read(t.Context()).Create(&note{ID: id, Text: string(rune('a' - 1 + id)), At: time.Now()}).Error)
	}
	return db
}

func text(t *testing.T, db *database.DB, id int64) string {
	t.Helper()
	var n note
	require.NoError(t, db.Read(t.Context()).Take(&n, id).Error)
	return n.Text
}

// add appends to a note's text.
func add(tx *gorm.DB, id int64, what string) error {
	return tx.Exec("UPDATE notes SET text = text || ? WHERE id = ?", what, id).Error
}

func requireCode(t *testing.T, err error, code string) {
	t.Helper()
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Equal(t, code, pg.Code, pg.Message)
}

// meeting lets two goroutines go on once both are there.
func meeting() func() {
	var both sync.WaitGroup
	both.Add(2)
	return func() { both.Done(); both.Wait() }
}

// Two transactions take the same two rows in opposite order: Postgres undoes one of them, which is run once more.
func TestTransact_Deadlock(t *testing.T) {
	t.Parallel()
	db := limited(t, database.Limits{})
	var runs atomic.Int32
	meet := meeting()
	var both sync.WaitGroup
	for _, order := range [][2]int64{{1, 2}, {2, 1}} {
		both.Go(func() {
			first := true
			err := db.Transact(t.Context(), func(tx *gorm.DB) error {
				runs.Add(1)
				if err := add(tx, order[0], "x"); err != nil {
					return err
				}
				if first {
					first = false
					meet()
				}
				return add(tx, order[1], "x")
			})
			if err != nil {
				t.Errorf("a deadlock was not tried again: %v", err)
			}
		})
	}
	both.Wait()
	require.GreaterOrEqual(t, runs.Load(), int32(3))
	require.Equal(t, "axx", text(t, db, 1))
	require.Equal(t, "bxx", text(t, db, 2))
}

// Each of two serializable transactions writes what the other one has read: write skew, of which Postgres lets one through.
func TestTransact_SerializationFailure(t *testing.T) {
	t.Parallel()
	db := limited(t, database.Limits{})
	var runs atomic.Int32
	meet := meeting()
	var both sync.WaitGroup
	for _, mine := range []int64{1, 2} {
		both.Go(func() {
			first := true
			err := db.Transact(t.Context(), func(tx *gorm.DB) error {
				runs.Add(1)
				if err := tx.Exec("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE").Error; err != nil {
					return err
				}
				var all []note
				if err := tx.Order("id").Find(&all).Error; err != nil {
					return err
				}
				if first {
					first = false
					meet()
				}
				return add(tx, mine, all[2-mine].Text)
			})
			if err != nil {
				t.Errorf("a serialization failure was not tried again: %v", err)
			}
		})
	}
	both.Wait()
	require.EqualValues(t, 3, runs.Load())
	require.Contains(t, []string{"ab bab", "aba ba"}, text(t, db, 1)+" "+text(t, db, 2), "as if one had run after the other")
}

// held locks a note until release is called.
func held(t *testing.T, db *database.DB, id int64) (release func()) {
	t.Helper()
	locked, done, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- db.Transact(t.Context(), func(tx *gorm.DB) error {
			if err := add(tx, id, "h"); err != nil {
				return err
			}
			close(locked)
			<-done
			return nil
		})
	}()
	<-locked
	return sync.OnceFunc(func() {
		close(done)
		require.NoError(t, <-ended)
	})
}

func TestTransact_LockTimeout(t *testing.T) {
	t.Parallel()
	db := limited(t, database.Limits{LockTimeout: 100 * time.Millisecond})
	release := held(t, db, 1)
	defer release()

	runs := 0
	wait := func(until int) error {
		runs = 0
		return db.Transact(t.Context(), func(tx *gorm.DB) error {
			if runs++; runs == until {
				release()
			}
			if err := add(tx, 2, "x"); err != nil {
				return err
			}
			return add(tx, 1, "x")
		})
	}
	requireCode(t, wait(-1), "55P03")
	require.Equal(t, 3, runs, "each try waits for the whole timeout: there are few of them")
	require.Equal(t, "b", text(t, db, 2))

	err := db.Write(t.Context(), func(tx *gorm.DB) error { return add(tx, 1, "w") })
	requireCode(t, err, "55P03")

	require.NoError(t, wait(3))
	require.Equal(t, "ahx", text(t, db, 1))
	require.Equal(t, "bx", text(t, db, 2), "what the first tries did was undone")
}

// A statement that takes too long ends its transaction, which is not tried again; the connection lives.
func TestTransact_StatementTimeout(t *testing.T) {
	t.Parallel()
	db := limited(t, database.Limits{MaxConns: 1, StatementTimeout: 100 * time.Millisecond})
	runs := 0
	err := db.Transact(t.Context(), func(tx *gorm.DB) error {
		runs++
		if err := add(tx, 1, "x"); err != nil {
			return err
		}
		return tx.Exec("SELECT pg_sleep(60)").Error
	})
	requireCode(t, err, "57014")
	require.Equal(t, 1, runs)
	require.Equal(t, "a", text(t, db, 1))
}

// A process that hangs in a transaction loses it, and its locks with it: somebody else gets on.
func TestTransact_IdleInTransaction(t *testing.T) {
	t.Parallel()
	db := limited(t, database.Limits{IdleInTxTimeout: 200 * time.Millisecond})
	err := db.Transact(t.Context(), func(tx *gorm.DB) error {
		if err := add(tx, 1, "lost"); err != nil {
			return err
		}
		return db.Transact(t.Context(), func(other *gorm.DB) error { return add(other, 1, "x") }) // waits for the lock
	})
	require.Error(t, err)
	require.Equal(t, "ax", text(t, db, 1))
}

// What the address itself asks for is not overruled, and without a limit the server's own counts.
func TestOpen_AsksForTimeouts(t *testing.T) {
	t.Parallel()
	limits := database.Limits{StatementTimeout: 12 * time.Second, LockTimeout: 3 * time.Second}
	db, err := database.Open(t.Context(), databasetest.PostgresAddress(t)+"&lock_timeout=7s", database.Options{Clock: clock.System(), Limits: limits})
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	for name, want := range map[string]string{"statement_timeout": "12s", "lock_timeout": "7s", "idle_in_transaction_session_timeout": "0"} {
		var got string
		require.NoError(t, db.Read(t.Context()).Raw("SELECT current_setting(?)", name).Scan(&got).Error)
		require.Equal(t, want, got, name)
	}
}

func TestLimits_Validate(t *testing.T) {
	t.Parallel()
	good := database.Limits{
		MaxConns: 10, MaxIdleConns: 10, ConnLifetime: 30 * time.Minute, StatementTimeout: 10 * time.Second, LockTimeout: 3 * time.Second, IdleInTxTimeout: 30 * time.Second,
	}
	require.NoError(t, good.Validate())
	require.NoError(t, database.Limits{MaxConns: 1}.Validate(), "all of it left to the server")
	for variable, spoil := range map[string]func(*database.Limits){
		"DATABASE_MAX_CONNS":                   func(l *database.Limits) { l.MaxConns = 0 },
		"DATABASE_MAX_IDLE_CONNS":              func(l *database.Limits) { l.MaxIdleConns = -1 },
		"DATABASE_CONN_LIFETIME":               func(l *database.Limits) { l.ConnLifetime = time.Second },
		"DATABASE_STATEMENT_TIMEOUT":           func(l *database.Limits) { l.StatementTimeout = 2 * time.Hour },
		"DATABASE_LOCK_TIMEOUT":                func(l *database.Limits) { l.LockTimeout = l.StatementTimeout },
		"DATABASE_IDLE_IN_TRANSACTION_TIMEOUT": func(l *database.Limits) { l.IdleInTxTimeout = time.Millisecond },
	} {
		bad := good
		spoil(&bad)
		require.ErrorContains(t, bad.Validate(), variable)
	}
}
