package databasetest

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// may is what a statement of a migration may do, so that the release before it does not notice, and nobody waits behind it for longer than it takes to change the
// catalogue. What does more is taken apart: see "Write a migration" in docs/operations.md.
var may = []*regexp.Regexp{
	regexp.MustCompile(`^CREATE TABLE \w+ \(`),
	regexp.MustCompile(`^CREATE (UNIQUE )?INDEX CONCURRENTLY IF NOT EXISTS \w+ ON `),
	regexp.MustCompile(`^DROP INDEX CONCURRENTLY IF EXISTS \w+$`),
	// With a constant as its default, a column is there at once (https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES).
	regexp.MustCompile(`^ALTER TABLE \w+ ADD COLUMN (IF NOT EXISTS )?\w+ \w+$`),
	regexp.MustCompile(`^ALTER TABLE \w+ ADD COLUMN (IF NOT EXISTS )?\w+ \w+ NOT NULL DEFAULT ('[^']*'|-?\d+|TRUE|FALSE)$`),
	regexp.MustCompile(`^ALTER TABLE \w+ ADD CONSTRAINT \w+ .* NOT VALID$`),
	regexp.MustCompile(`^ALTER TABLE \w+ VALIDATE CONSTRAINT \w+$`),
	regexp.MustCompile(`^ALTER TABLE \w+ ALTER COLUMN \w+ SET DEFAULT `),
	regexp.MustCompile(`^CREATE FUNCTION \w+\(`), // a new one, which nobody calls yet
}

var (
	spaces      = regexp.MustCompile(`\s+`)
	comments    = regexp.MustCompile(`(?m)^--.*\n`)
	createTable = regexp.MustCompile(`^CREATE TABLE (\w+) \(`)
	onTable     = regexp.MustCompile(`^(?:CREATE (?:UNIQUE )?INDEX \w+ ON|CREATE TRIGGER \w+ (?:BEFORE|AFTER) [A-Z ]+? ON|INSERT INTO) (\w+) `)
)

// OnlyAdd fails the test for every Postgres migration after released that does more than add: the release before runs on while it is applied, and after it. A table
// that the file itself makes may have indexes, triggers and rows at once, since nobody uses it.
func OnlyAdd(t *testing.T, files fs.FS, released string) {
	t.Helper()
	names, err := fs.Glob(files, "postgres/*.sql")
	require.NoError(t, err)
	require.Contains(t, names, "postgres/"+released)
	for _, name := range names {
		if path.Base(name) <= released {
			continue
		}
		text, err := fs.ReadFile(files, name)
		require.NoError(t, err)
		for _, complaint := range more(string(text)) {
			t.Errorf("%s does more than add: %s", path.Base(name), complaint)
		}
	}
}

// more are the statements of a file that do more than add.
func more(file string) []string {
	var found []string
	made := map[string]bool{}
	for statement := range strings.SplitSeq(comments.ReplaceAllString(file, ""), ";\n") {
		statement = strings.TrimSpace(spaces.ReplaceAllString(statement, " "))
		if statement == "" {
			continue
		}
		if table := createTable.FindStringSubmatch(statement); table != nil {
			made[table[1]] = true
		}
		if table := onTable.FindStringSubmatch(statement); table != nil && made[table[1]] {
			continue
		}
		allowed := false
		for _, form := range may {
			allowed = allowed || form.MatchString(statement)
		}
		if !allowed {
			found = append(found, statement)
		}
	}
	return found
}
