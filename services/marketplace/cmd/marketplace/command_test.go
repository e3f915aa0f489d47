package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/cli/clitest"
	"tianguis.example/chassis/database/databasetest"
)

func TestCommand_EveryOneAnswersInJSON(t *testing.T) {
	t.Parallel()
	require.Empty(t, cli.WithoutJSON(command(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{})))
}

func TestCommand_EveryOneIsDocumented(t *testing.T) {
	t.Parallel()
	clitest.Documented(t, command(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}), "../../../../docs/commandline.md")
}

// TestCommand_JSON: what is printed with --json is JSON, whether one document or one object a line, and an error is one on stderr.
func TestCommand_JSON(t *testing.T) {
	t.Parallel()
	settings := settingsFile(t, "DATABASE_URL='"+databasetest.SQLiteAddress(t)+"'", "MARKETPLACE_BASE_URL='http://localhost:8000'", "MARKETPLACE_LISTEN='127.0.0.1:1'")
	execute := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		root := command(strings.NewReader("a long password\n"), &out, &errs)
		exit := cli.Execute(t.Context(), root, append(append([]string{"--config", settings}, args...), "--json"), explain)
		return exit, out.String(), errs.String()
	}
	for _, args := range [][]string{
		{"migrate"}, {"migrate", "--status"}, {"version"}, {"seed", "--to-pay", "1"}, {"user", "add", "--email", "ana@example.com", "--name", "Ana"},
		{"user", "list"}, {"user", "events", "--email", "ana@example.com"}, {"user", "operator", "--email", "ana@example.com"}, {"user", "password", "--email", "ana@example.com"},
		{"user", "email", "--email", "ana@example.com", "--to", "eva@example.com"}, {"user", "sign-out", "--email", "eva@example.com"}, {"user", "disable", "--email", "eva@example.com"},
		{"user", "enable", "--email", "eva@example.com"}, {"job", "list"}, {"job", "list", "--state", "draft"}, {"job", "show", "1"}, {"message", "list"}, {"message", "retry", "--all"}, {"audit", "verify"},
	} {
		exit, out, errs := execute(args...)
		require.Zero(t, exit, "%v: %s", args, errs)
		objects := json.NewDecoder(strings.NewReader(out))
		read := 0
		for ; objects.More(); read++ {
			require.NoError(t, objects.Decode(new(any)), "%v: %s", args, out)
		}
		require.Positive(t, read, args)
	}
	for _, c := range []struct {
		args []string
		exit int
		code string
	}{
		{[]string{"user", "events", "--email", "no@example.com"}, cli.NotFound, "not_found"},
		{[]string{"job", "show", "999"}, cli.NotFound, "not_found"},
		{[]string{"job", "list", "--state", "lost"}, cli.WrongUsage, "usage"},
		{[]string{"user", "lost"}, cli.WrongUsage, "usage"},
		{[]string{"user", "email", "--email", "eva@example.com", "--to", "nonsense"}, cli.WrongUsage, "invalid_input"},
		{[]string{"user", "email", "--email", "eva@example.com", "--to", "worker@example.com"}, cli.Failed, "taken"},
		{[]string{"health"}, cli.Unreachable, "unreachable"},
	} {
		exit, _, errs := execute(c.args...)
		var failed struct {
			Error struct{ Code, Message string }
		}
		require.NoError(t, json.Unmarshal([]byte(errs), &failed), "%v: %s", c.args, errs)
		require.Equal(t, c.exit, exit, "%v: %s", c.args, errs)
		require.Equal(t, c.code, failed.Error.Code, c.args)
	}
}
