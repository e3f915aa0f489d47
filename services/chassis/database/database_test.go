package database_test

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
)

var schema = fstest.MapFS{
	"sqlite/0001_notes.sql": {Data: []byte(`-- a first table
CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, at TIMESTAMP NOT NULL);
CREATE INDEX notes_at ON notes (at);
`)},
	"postgres/0001_notes.sql": {Data: []byte(`CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT NOT NULL UNIQUE, at TIMESTAMPTZ NOT NULL);
CREATE INDEX notes_at ON notes (at);
`)},
}

type note struct {
	ID   int64
	Text string
	At   time.Time
}

func TestTimes_RoundTripAndOrder(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, schema, func(t *testing.T, db *database.DB) {
		base := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		times := []time.Time{base, base.Add(time.Microsecond), base.Add(500 * time.Millisecond), base.Add(510 * time.Millisecond), base.Add(time.Second)}
		for i, at := range times {
			require.NoError(t, db.Read(t.Context()).Create(&note{ID: int64(len(times) - i), Text: at.String(), At: at}).Error)
		}
		var got []note
		require.NoError(t, db.Read(t.Context()).Order("at").Find(&got).Error)
		require.Len(t, got, len(times))
		for i, n := range got {
			require.Equal(t, times[i], n.At.UTC())
		}
		var due []note
		require.NoError(t, db.Read(t.Context()).Where("at <= ?", times[2]).Find(&due).Error)
		require.Len(t, due, 3)
	})
}

func TestTransact_RollsBackAndTellsDuplicates(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, schema, func(t *testing.T, db *database.DB) {
		boom := errors.New("boom")
		err := db.Transact(t.Context(), func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(&note{ID: 1, Text: "a", At: time.Now()}).Error)
			return boom
		})
		require.ErrorIs(t, err, boom)
		var n int64
		require.NoError(t, db.Read(t.Context()).Model(&note{}).Count(&n).Error)
		require.Zero(t, n)

		require.NoError(t, db.Read(t.Context()).Create(&note{ID: 1, Text: "a", At: time.Now()}).Error)
		err = db.Read(t.Context()).Create(&note{ID: 2, Text: "a", At: time.Now()}).Error
		require.ErrorIs(t, err, gorm.ErrDuplicatedKey)
	})
}

func TestTransact_ConcurrentWritersAllSucceed(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, schema, func(t *testing.T, db *database.DB) {
		require.NoError(t, db.Read(t.Context()).Create(&note{ID: 1, Text: "0", At: time.Now()}).Error)
		var writers sync.WaitGroup
		errs := make(chan error, 8)
		for range 8 {
			writers.Go(func() {
				errs <- db.Transact(t.Context(), func(tx *gorm.DB) error {
					if tx.Name() == database.Postgres {
						if err := tx.Exec("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE").Error; err != nil {
							return err
						}
					}
					var n note
					if err := tx.Take(&n, 1).Error; err != nil {
						return err
					}
					return tx.Model(&n).Select("Text").Updates(note{Text: n.Text + "x"}).Error
				})
			})
		}
		writers.Wait()
		for range 8 {
			require.NoError(t, <-errs)
		}
		var n note
		require.NoError(t, db.Read(t.Context()).Take(&n, 1).Error)
		require.Equal(t, "0xxxxxxxx", n.Text)
	})
}

func TestMigrate_AppliesOnceAndNoticesChanges(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, schema, func(t *testing.T, db *database.DB) {
		more := fstest.MapFS{}
		for name, file := range schema {
			more[name] = file
		}
		add := &fstest.MapFile{Data: []byte("ALTER TABLE notes ADD COLUMN author TEXT NOT NULL DEFAULT '';\n")}
		more["sqlite/0002_author.sql"], more["postgres/0002_author.sql"] = add, add

		status, err := database.Migrations(t.Context(), db, more)
		require.NoError(t, err)
		require.Equal(t, []database.Migration{{"0001_notes.sql", true}, {"0002_author.sql", false}}, status)

		var twins sync.WaitGroup
		for range 3 {
			twins.Go(func() {
				if _, err := database.Migrate(t.Context(), db, more); err != nil {
					t.Errorf("concurrent migration: %v", err)
				}
			})
		}
		twins.Wait()
		applied, err := database.Migrate(t.Context(), db, more)
		require.NoError(t, err)
		require.Empty(t, applied)

		changed := &fstest.MapFile{Data: []byte("ALTER TABLE notes ADD COLUMN other TEXT;\n")}
		more["sqlite/0002_author.sql"], more["postgres/0002_author.sql"] = changed, changed
		_, err = database.Migrate(t.Context(), db, more)
		require.ErrorContains(t, err, "0002_author.sql: it was changed")
	})
}

func TestMigrate_BrokenFileChangesNothing(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, schema, func(t *testing.T, db *database.DB) {
		broken := &fstest.MapFile{Data: []byte("CREATE TABLE extra (id INTEGER);\nCREATE TABLE nonsense oops;\n")}
		_, err := database.Migrate(t.Context(), db, fstest.MapFS{"sqlite/0009_broken.sql": broken, "postgres/0009_broken.sql": broken})
		require.ErrorContains(t, err, "0009_broken.sql")
		require.False(t, db.Read(t.Context()).Migrator().HasTable("extra"))
	})
}

func TestOpen_RefusesWhatItCannotOpen(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "mysql://root@localhost/x", "payments.db", "sqlite:"} {
		_, err := database.Open(t.Context(), address, database.Options{Clock: clock.System()})
		require.ErrorContains(t, err, "DATABASE_URL must be", address)
	}
	_, err := database.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "no", "such", "folder", "x.db"), database.Options{Clock: clock.System()})
	require.Error(t, err)
	_, err = database.Open(t.Context(), "postgres://someone:planted-password@127.0.0.1:1/none", database.Options{Clock: clock.System()})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "planted-password")
	require.NotContains(t, err.Error(), "someone")
	for _, password := range []string{"planted#password", "planted/password", "planted%password", "planted?password", "[planted"} {
		_, err = database.Open(t.Context(), "postgres://someone:"+password+"@127.0.0.1:1/none", database.Options{Clock: clock.System()})
		require.Error(t, err)
		require.NotContains(t, err.Error(), "planted")
	}
}

// A file is the one that was named, whatever stands in its name: what a URI would read as its end, too.
func TestOpen_SQLiteFileOfAnyName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plain.db", "a#b.db", "a?b.db", "a%23b.db", "a b ñ.db"} {
		file := filepath.Join(t.TempDir(), name)
		db, err := database.Open(t.Context(), "sqlite:"+file, database.Options{Clock: clock.System()})
		require.NoError(t, err, name)
		_, err = database.Migrate(t.Context(), db, schema)
		require.NoError(t, err, name)
		require.NoError(t, db.Close())
		require.FileExists(t, file)
	}
}
