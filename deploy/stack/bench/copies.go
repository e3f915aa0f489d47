package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gorm.io/gorm"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
)

// copies are rows like one that the services have written themselves, which is much faster than letting them write all.
type copies struct {
	table string
	of    string            // the condition that finds the rows to copy
	set   map[string]string // what each copy has of its own, in SQL: i counts from 1
	skip  []string          // the columns that the database fills
}

// insert is the statement, of a table with these columns, on either database.
func (c copies) insert(columns []string, n int) string {
	kept := slices.DeleteFunc(slices.Clone(columns), func(column string) bool { return slices.Contains(c.skip, column) })
	values := make([]string, len(kept))
	for i, column := range kept {
		values[i] = "t." + column
		if own, ok := c.set[column]; ok {
			values[i] = own
		}
	}
	return fmt.Sprintf("INSERT INTO %s (%s) WITH RECURSIVE series (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM series WHERE i < %d) SELECT %s FROM series, %s t WHERE %s",
		c.table, strings.Join(kept, ", "), n, strings.Join(values, ", "), c.table, c.of)
}

// numbered is the SQL of an id that the copies number, as long as a ULID (26 characters). It is older than all that the services make.
func numbered(prefix, number string) string {
	const length = 16
	return fmt.Sprintf("'%s' || CAST(1000000000 + %s AS TEXT)", (prefix + strings.Repeat("0", length))[:length], number)
}

// write makes n copies of each, in one transaction. Foreign keys are taken for granted on Postgres: checking them takes longer than writing.
func write(ctx context.Context, db *database.DB, n int, all ...copies) error {
	return db.Transact(ctx, func(tx *gorm.DB) error {
		if db.Dialect() == database.Postgres {
			if err := tx.Exec("SET LOCAL session_replication_role = replica").Error; err != nil {
				return err
			}
		}
		for _, c := range all {
			columns, err := columnsOf(tx, c.table)
			if err != nil {
				return err
			}
			for _, column := range slices.Collect(maps.Keys(c.set)) {
				if !slices.Contains(columns, column) {
					return fmt.Errorf("copy rows of %s: it has no column %s", c.table, column)
				}
			}
			if err := tx.Exec(c.insert(columns, n)).Error; err != nil {
				return fmt.Errorf("copy rows of %s: %w", c.table, err)
			}
		}
		return nil
	})
}

func columnsOf(tx *gorm.DB, table string) (columns []string, err error) {
	rows, err := tx.Raw("SELECT * FROM " + table + " WHERE 1 = 0").Rows()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if columns, err = rows.Columns(); err != nil {
		return nil, err
	}
	return columns, rows.Err()
}

// use opens a database for f alone.
func use(ctx context.Context, address string, f func(*database.DB) error) (err error) {
	db, err := database.Open(ctx, address, database.Options{Clock: clock.System(), MaxConns: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return f(db)
}

// one reads one value.
func one[T any](ctx context.Context, db *database.DB, query string, values ...any) (value T, err error) {
	return value, db.Read(ctx).Raw(query, values...).Scan(&value).Error
}

// rowsAtOnce is how many rows one statement writes: Postgres takes 65,535 values in one.
const rowsAtOnce = 1000

// insert writes rows, all of them at once for whoever waits for them.
func insert(ctx context.Context, db *database.DB, columns string, rows [][]any) error {
	return db.Transact(ctx, func(tx *gorm.DB) error {
		for some := range slices.Chunk(rows, rowsAtOnce) {
			row := "(" + strings.Repeat(", ?", len(some[0]))[2:] + ")"
			var values []any
			for _, r := range some {
				values = append(values, r...)
			}
			if err := tx.Exec("INSERT INTO "+columns+" VALUES "+strings.Repeat(", "+row, len(some))[2:], values...).Error; err != nil {
				return err
			}
		}
		return nil
	})
}
