package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
)

func TestAuditVerify(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(*testing.T) string{
		"sqlite": databasetest.SQLiteAddress, "postgres": func(t *testing.T) string { return databasetest.PostgresAddress(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := address(t)
			file := settingsFile(t, "DATABASE_URL='"+at+"'")
			do := func(args ...string) (string, error) { return run(t, file, "a long password\n", args...) }
			must := func(args ...string) string {
				t.Helper()
				out, err := do(args...)
				require.NoError(t, err, args)
				return out
			}
			verify := func(args ...string) (checkedReport, error) {
				t.Helper()
				out, err := do(append([]string{"audit", "verify", "--json"}, args...)...)
				var r checkedReport
				require.NoError(t, json.Unmarshal([]byte(out), &r), "%s: %v", out, err)
				return r, err
			}
			must("migrate")
			require.Equal(t, "actions  0\nnothing was changed, removed or added\n", must("audit", "verify"))
			must("user", "add", "--email", "ana@example.com", "--name", "Ana")
			for _, act := range []string{"disable", "enable", "sign-out"} {
				must("user", act, "--email", "ana@example.com", "--reason", "to see")
			}
			whole, err := verify()
			require.NoError(t, err)
			require.EqualValues(t, 4, whole.Actions)
			require.Empty(t, whole.Findings)
			require.Regexp(t, `^4:.+`, whole.Anchor)
			require.Contains(t, must("audit", "verify", "--anchor", whole.Anchor), "anchor   "+whole.Anchor)

			db, err := database.Open(t.Context(), at, database.Options{Clock: clock.System(), MaxConns: 1})
			require.NoError(t, err)
			defer func() { _ = db.Close() }()
			for _, statement := range map[string][]string{
				database.SQLite:   {"DROP TRIGGER operator_actions_update"},
				database.Postgres: {"ALTER TABLE operator_actions DISABLE TRIGGER USER"},
			}[db.Dialect()] {
				databasetest.Exec(t, db, statement)
			}
			databasetest.Exec(t, db, "UPDATE operator_actions SET reason = 'another' WHERE number = 2")
			broken, err := verify()
			require.ErrorContains(t, err, "from action 2 on")
			require.Equal(t, cli.Differences, cli.Explain(err, explain).Exit)
			require.NotEmpty(t, broken.Findings)
			require.Equal(t, flawReport{Action: 2, Flaw: "changed", Detail: broken.Findings[0].Detail}, broken.Findings[0])
			words, err := do("audit", "verify")
			require.Error(t, err)
			require.Contains(t, words, "2  changed  ")
			require.NotContains(t, words, "nothing was changed")

			_, err = do("audit", "verify", "--anchor", "1:other")
			require.Equal(t, cli.Differences, cli.Explain(err, explain).Exit)
		})
	}
}
