package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/cli/clitest"
)

func TestCommand_EveryOneAnswersInJSON(t *testing.T) {
	t.Parallel()
	require.Empty(t, cli.WithoutJSON(root()))
}

func TestCommand_EveryOneIsDocumented(t *testing.T) {
	t.Parallel()
	clitest.Documented(t, root(), "../../../../docs/commandline.md")
}

func TestCommand_JSONAndExitCodes(t *testing.T) {
	t.Parallel()
	p := start(t, testConfig(t))
	execute := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		cmd := root()
		cmd.SetOut(&out)
		cmd.SetErr(&errs)
		exit := cli.Execute(t.Context(), cmd, append(args, "--json"), nil)
		return exit, out.String(), errs.String()
	}
	for _, args := range [][]string{{"version"}, {"wallets", "--url", p.URL()}, {"ledger", "--url", p.URL()}} {
		exit, out, errs := execute(args...)
		require.Zero(t, exit, "%v: %s", args, errs)
		require.True(t, json.Valid([]byte(out)), "%v: %s", args, out)
	}
	for code, args := range map[string][]string{"unreachable": {"wallets", "--url", "http://127.0.0.1:1"}, "usage": {"wallet"}} {
		exit, _, errs := execute(args...)
		require.Equal(t, map[string]int{"unreachable": cli.Unreachable, "usage": cli.WrongUsage}[code], exit, errs)
		require.Contains(t, errs, `{"error":{"code":"`+code+`","message":"`)
	}
}
