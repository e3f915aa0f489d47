package databasetest

import (
	"context"
	"database/sql"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"tianguis.example/chassis/database"
)

// Explainer has Postgres explain every statement that a database is asked to run, as it is about to be run: with its own arguments, in its own
// transaction, and executed (EXPLAIN ANALYZE), so that what it finds is what was really read. What the execution does is undone; then the
// statement itself is run.
type Explainer struct {
	t     *testing.T
	db    *database.DB
	small map[string]bool // tables that do not grow with the business

	during string
	seen   map[string]int // how often each statement was run during this
	all    []*Explained
}

// Explained is a statement, by its text.
type Explained struct {
	During string
	SQL    string
	Rows   int64 // the most that were read of tables that grow, by one execution
	Blocks int64 // the most that were touched, of 8 kB
	Millis int64 // the longest that it took, on this machine now: to read, not to judge by
	Scans  []string
	Plan   string

	cost int64
}

// walkSteps is how often a statement is run during one call. From then on a SELECT finds nothing, so that a walk over everything, in steps, comes to its end.
const walkSteps = 5

// Explain begins. The tables in small may be read as a whole.
func Explain(t *testing.T, db *database.DB, small ...string) *Explainer {
	t.Helper()
	e := &Explainer{t: t, db: db, small: map[string]bool{"schema_migrations": true}}
	for _, table := range small {
		e.small[table] = true
	}
	interpose(t, db, e.explain)
	return e
}

// During explains what f has the database do, under a name.
func (e *Explainer) During(name string, f func()) {
	during, seen := e.during, e.seen
	e.during, e.seen = name, map[string]int{}
	defer func() { e.during, e.seen = during, seen }()
	f()
}

// All are the statements so far, in their order.
func (e *Explainer) All() []*Explained { return e.all }

var (
	explainable = regexp.MustCompile(`(?i)^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b`)
	selects     = regexp.MustCompile(`(?i)^\s*SELECT\b`)
	lists       = regexp.MustCompile(`\((\(?\$\d+\)?,?\s?)+\)`) // IN ($1,$2), and VALUES ($1,$2),($3,$4): as long as they may be
)

// explain notes a statement, and returns the one to run.
func (e *Explainer) explain(ctx context.Context, pool gorm.ConnPool, query string, args []any) string {
	if e.during == "" || !explainable.MatchString(query) {
		return query
	}
	text := lists.ReplaceAllString(query, "(…)")
	if e.seen[text]++; e.seen[text] > walkSteps {
		if selects.MatchString(query) {
			return "SELECT * FROM (" + query + ") AS nothing LIMIT 0"
		}
		return query
	}
	var plan string
	err := undone(ctx, pool, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) "+query, args...).Scan(&plan)
	})
	if err != nil {
		e.t.Errorf("%s: explain %s: %v", e.during, query, err)
		return query
	}
	var parsed []struct {
		Plan node
		Took json.Number `json:"Execution Time"` // in milliseconds
	}
	require.NoError(e.t, json.Unmarshal([]byte(plan), &parsed))
	root := parsed[0].Plan
	i := slices.IndexFunc(e.all, func(x *Explained) bool { return x.SQL == query && x.During == e.during })
	if i < 0 {
		i = len(e.all)
		e.all = append(e.all, &Explained{During: e.during, SQL: query})
	}
	x := e.all[i]
	if rows := e.rows(root); rows >= x.Rows {
		x.Rows, x.Plan = rows, plan
	}
	x.Millis = max(x.Millis, whole(parsed[0].Took))
	x.Blocks = max(x.Blocks, root.SharedHitBlocks+root.SharedReadBlocks)
	x.cost = max(x.cost, whole(root.TotalCost))
	for _, table := range e.scans(root) {
		if !slices.Contains(x.Scans, table) {
			x.Scans, x.Plan = append(x.Scans, table), plan
		}
	}
	return query
}

// node is what EXPLAIN (FORMAT JSON) says of a step: https://www.postgresql.org/docs/current/sql-explain.html.
type node struct {
	NodeType     string      `json:"Node Type"`
	RelationName string      `json:"Relation Name"`
	IndexName    string      `json:"Index Name"`
	ActualRows   json.Number `json:"Actual Rows"` // an average, with decimals from Postgres 18 on
	ActualLoops  json.Number `json:"Actual Loops"`
	Filtered     json.Number `json:"Rows Removed by Filter"`
	Rechecked    json.Number `json:"Rows Removed by Index Recheck"`
	TotalCost    json.Number `json:"Total Cost"`

	SharedHitBlocks  int64 `json:"Shared Hit Blocks"`
	SharedReadBlocks int64 `json:"Shared Read Blocks"`

	Plans []node `json:"Plans"`
}

// rows is how many rows, and entries of indexes, were read of tables that grow.
func (e *Explainer) rows(n node) int64 {
	var read int64
	if (strings.Contains(n.NodeType, "Scan") && n.RelationName != "" || n.NodeType == "Bitmap Index Scan") && !e.small[n.RelationName] {
		read = (whole(n.ActualRows) + whole(n.Filtered) + whole(n.Rechecked)) * whole(n.ActualLoops)
	}
	for _, child := range n.Plans {
		read += e.rows(child)
	}
	return read
}

// scans are the tables that grow and are read from one end to the other.
func (e *Explainer) scans(n node) []string {
	var tables []string
	if strings.HasSuffix(n.NodeType, "Seq Scan") && !e.small[n.RelationName] {
		tables = append(tables, n.RelationName)
	}
	for _, child := range n.Plans {
		tables = append(tables, e.scans(child)...)
	}
	return tables
}

// whole is the whole part of a number.
func whole(n json.Number) int64 {
	text, _, _ := strings.Cut(n.String(), ".")
	if text == "" {
		return 0
	}
	i, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 1 << 62
	}
	return i
}

// Generic looks at the plans that Postgres makes for a prepared statement once, whatever its arguments, and notes the tables that they scan. From the sixth
// execution on it takes such a plan if that looks no dearer than those for the arguments at hand
// (https://www.postgresql.org/docs/current/sql-prepare.html#SQL-PREPARE-NOTES).
func (e *Explainer) Generic() {
	pool, err := e.db.Pool()
	require.NoError(e.t, err)
	for _, x := range e.all {
		plan, err := genericPlan(e.t.Context(), pool, x.SQL)
		require.NoError(e.t, err, x.SQL)
		var parsed []struct{ Plan node }
		require.NoError(e.t, json.Unmarshal([]byte(plan), &parsed))
		const planning = 10 // about what Postgres adds for having to plan a statement anew (cached_plan_cost in plancache.c)
		if root := parsed[0].Plan; whole(root.TotalCost) <= x.cost+planning {
			if tables := e.scans(root); len(tables) > 0 && len(x.Scans) == 0 {
				x.Scans, x.Plan = tables, plan
			}
		}
	}
}

var placeholder = regexp.MustCompile(`\$(\d+)`)

func genericPlan(ctx context.Context, pool *sql.DB, query string) (plan string, err error) {
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = tx.Rollback() }()
	arguments := 0
	for _, match := range placeholder.FindAllStringSubmatch(query, -1) {
		n, err := strconv.Atoi(match[1])
		if err != nil {
			return "", err
		}
		arguments = max(arguments, n)
	}
	call := "explained"
	if arguments > 0 {
		call += "(" + strings.Repeat(", NULL", arguments)[len(", "):] + ")"
	}
	for _, statement := range []string{"SET LOCAL plan_cache_mode = force_generic_plan", "PREPARE explained AS " + query} {
		if _, err := tx.ExecContext(ctx, statement, pgx.QueryExecModeSimpleProtocol); err != nil {
			return "", err
		}
	}
	err = tx.QueryRowContext(ctx, "EXPLAIN (FORMAT JSON) EXECUTE "+call, pgx.QueryExecModeSimpleProtocol).Scan(&plan)
	if _, deallocate := tx.ExecContext(ctx, "DEALLOCATE explained", pgx.QueryExecModeSimpleProtocol); err == nil {
		err = deallocate
	}
	return plan, err
}

// Most is what a statement may take.
type Most struct {
	Rows   int64 // of tables that grow
	Blocks int64 // of 8 kB, in memory or not
}

// Exception is a method that may take more, and why.
type Exception struct {
	Most

	Scans []string // tables that it reads from one end to the other
	Why   string
}

// Require fails the test for each statement that scans a table which grows, or takes more than it may. The exceptions are by method; one that is not needed fails the test too.
func (e *Explainer) Require(most Most, exceptions map[string]Exception) {
	e.t.Helper()
	e.Generic()
	needed := map[string]bool{}
	for _, x := range e.all {
		e.t.Logf("%-18s %6d rows %6d blocks %5d ms  %s", x.During, x.Rows, x.Blocks, x.Millis, squeeze(x.SQL))
		may := Exception{Most: most}
		if exception, ok := exceptions[x.During]; ok {
			needed[x.During] = needed[x.During] || x.Rows > most.Rows || x.Blocks > most.Blocks || len(x.Scans) > 0
			may = exception
		}
		unforeseen := slices.ContainsFunc(x.Scans, func(table string) bool { return !slices.Contains(may.Scans, table) })
		if unforeseen || x.Rows > may.Rows || x.Blocks > may.Blocks {
			e.t.Errorf("%s reads %d rows in %d blocks, and all of %v:\n%s\n%s", x.During, x.Rows, x.Blocks, x.Scans, squeeze(x.SQL), x.Plan)
		}
	}
	for method, exception := range exceptions {
		if !needed[method] {
			e.t.Errorf("%s needs no exception any more (%s)", method, exception.Why)
		}
	}
}

// squeeze is a statement on one line, its lists short.
func squeeze(query string) string {
	return strings.Join(strings.Fields(lists.ReplaceAllString(query, "(…)")), " ")
}
