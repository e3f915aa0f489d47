package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"gorm.io/gorm"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
)

// updated is how many rows there are, of which each commit updates one.
const updated = 100_000

// prepareCommits makes the table that pgbench works on, and writes down what it does.
func (r *run) prepareCommits(ctx context.Context) error {
	err := use(ctx, r.postgres.Address, func(db *database.DB) error {
		for _, statement := range []string{
			"CREATE TABLE bench_rows (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)",
			fmt.Sprintf("INSERT INTO bench_rows SELECT i, 0 FROM generate_series(1, %d) i", updated),
			"VACUUM ANALYZE bench_rows",
		} {
			if err := db.Read(ctx).Exec(statement).Error; err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.script = filepath.Join(r.State, "update.sql")
	script := fmt.Sprintf("\\set id random(1, %d)\nUPDATE bench_rows SET n = n + 1 WHERE id = :id;\n", updated)
	return os.WriteFile(r.script, []byte(script), 0o600)
}

var perSecond = regexp.MustCompile(`(?m)^tps = ([0-9.]+)`)

// pgbench is how many commits a second n clients make, of one updated row each. Until all of them are connected no time counts, but it passes.
func (r *run) pgbench(ctx context.Context, n int, lasts time.Duration) (float64, error) {
	command, err := r.postgres.Tool(ctx, "pgbench", "--no-vacuum", "--protocol=prepared", "--file="+r.script,
		"--client="+strconv.Itoa(n), "--jobs="+strconv.Itoa(min(n, 2)), "--time="+strconv.Itoa(1+n/32+int(lasts.Seconds())))
	if err != nil {
		return 0, err
	}
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	if err := command.Run(); err != nil {
		return 0, fmt.Errorf("pgbench: %w\n%s", err, said.Bytes())
	}
	found := perSecond.FindSubmatch(said.Bytes())
	if found == nil {
		return 0, fmt.Errorf("pgbench does not say how many transactions it made:\n%s", said.Bytes())
	}
	return strconv.ParseFloat(string(found[1]), 64)
}

// commits is how many transactions that write something Postgres has begun by now: it gives an id to each of them, and to no other
// (https://www.postgresql.org/docs/current/transaction-id.html). Those that only read wait for no disk.
func (r *run) commits(ctx context.Context) (n int64, err error) {
	err = use(ctx, r.postgres.Address, func(db *database.DB) (err error) {
		n, err = one[int64](ctx, db, "SELECT CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)")
		return err
	})
	return n, err
}

// commitsOf is how many commits a payment takes, of both services, beyond those that they make anyway.
func (r *run) commitsOf(ctx context.Context, w *world) (float64, error) {
	const payments = 20
	if err := w.stock(ctx, payments); err != nil {
		return 0, err
	}
	anyway, idle, err := r.commitsWhile(ctx, func() error { return nil })
	if err != nil {
		return 0, err
	}
	made, took, err := r.commitsWhile(ctx, func() error {
		for i := range payments {
			if err := w.payNext(ctx, i); err != nil {
				return err
			}
		}
		return nil
	})
	return (float64(made) - float64(anyway)*took.Seconds()/idle.Seconds()) / payments, err
}

// commitsWhile is how many commits there are while something is done, and its webhooks are still on their way.
func (r *run) commitsWhile(ctx context.Context, do func() error) (made int64, took time.Duration, err error) {
	from := now()
	before, err := r.commits(ctx)
	if err != nil {
		return 0, 0, err
	}
	if err := do(); err != nil {
		return 0, 0, err
	}
	if err := clock.Sleep(ctx, clock.System(), time.Second); err != nil {
		return 0, 0, err
	}
	after, err := r.commits(ctx)
	return after - before, now().Sub(from), err
}

// sqlite is how many commits a second n clients make of a file that is opened as the services open theirs, of one updated row each.
func (r *run) sqlite(ctx context.Context, n int, lasts time.Duration) (second float64, err error) {
	db, err := database.Open(ctx, "sqlite:"+filepath.Join(r.State, "commits.db"), database.Options{Clock: clock.System()})
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }()
	for _, statement := range []string{
		"CREATE TABLE IF NOT EXISTS bench_rows (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)",
		fmt.Sprintf("INSERT OR IGNORE INTO bench_rows WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < %d) SELECT i, 0 FROM s", updated),
	} {
		if err := db.Read(ctx).Exec(statement).Error; err != nil {
			return 0, err
		}
	}
	p, err := loop(ctx, n, lasts, func(ctx context.Context, client int) error {
		return db.Transact(ctx, func(tx *gorm.DB) error {
			return tx.Exec("UPDATE bench_rows SET n = n + 1 WHERE id = ?", 1+(client*7919+int(now().UnixMicro()))%updated).Error
		})
	})
	return p.Second, err
}
