package systemtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/stack"
)

// TestExitCodes holds the programs, as processes, to what docs/commandline.md promises: what they end with, one JSON document on standard output or an error as
// one on standard error, and never both.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	if there != nil {
		t.Skip("NOT TESTED on this stack: it needs the programs on this machine")
	}
	w := newWorld(t, "sqlite", nil)
	nobody := "127.0.0.1:1" // nobody listens there
	away := map[string]string{"DATABASE_URL": "postgres://u:planted@" + nobody + "/x"}
	for _, c := range []struct {
		program *stack.Program
		with    map[string]string // beside its settings
		args    string
		exit    int
		code    string // of the error; "" for none
	}{
		{w.Payments, nil, "payment list", 0, ""},
		{w.Payments, nil, "apikey list", 0, ""},
		{w.Payments, nil, "version", 0, ""},
		{w.Payments, nil, "no-such-command", 2, "usage"},
		{w.Payments, nil, "payment list --no-such-flag", 2, "usage"},
		{w.Payments, nil, "payment show", 2, "usage"},
		{w.Payments, nil, "payment show 01ARZ3NDEKTSV4RRFFQ69G5FAV", 3, "not_found"},
		{w.Payments, map[string]string{"LOG_FORMAT": "xml"}, "payment list", 2, "configuration"},
		{w.Payments, away, "payment list", 5, "unreachable"},
		{w.Payments, map[string]string{"PAYMENTS_LISTEN": nobody}, "health", 5, "unreachable"},

		{w.Marketplace, nil, "job list", 0, ""},
		{w.Marketplace, nil, "user list", 0, ""},
		{w.Marketplace, nil, "audit verify", 0, ""},
		{w.Marketplace, nil, "version", 0, ""},
		{w.Marketplace, nil, "health", 0, ""},
		{w.Marketplace, nil, "no-such-command", 2, "usage"},
		{w.Marketplace, nil, "job show", 2, "usage"},
		{w.Marketplace, nil, "job show one", 3, "not_found"},
		{w.Marketplace, nil, "job show 999999", 3, "not_found"},
		{w.Marketplace, nil, "user disable --email nobody@example.com --reason gone", 3, "not_found"},
		{w.Marketplace, map[string]string{"LOG_FORMAT": "xml"}, "job list", 2, "configuration"},
		{w.Marketplace, map[string]string{"PAYMENTS_SERVICE_URL": "http://" + nobody}, "doctor", 4, ""},
		{w.Marketplace, away, "job list", 5, "unreachable"},
		{w.Marketplace, map[string]string{"MARKETPLACE_LISTEN": nobody}, "health", 5, "unreachable"},

		{w.Sandbox, nil, "wallets --url " + w.Sandbox.Address, 0, ""},
		{w.Sandbox, nil, "ledger --url " + w.Sandbox.Address, 0, ""},
		{w.Sandbox, nil, "version", 0, ""},
		{w.Sandbox, nil, "health", 0, ""},
		{w.Sandbox, nil, "no-such-command", 2, "usage"},
		{w.Sandbox, nil, "wallets --no-such-flag", 2, "usage"},
		{w.Sandbox, nil, "wallets --url http://" + nobody, 5, "unreachable"},
		{w.Sandbox, map[string]string{"SANDBOX_LISTEN": nobody, "SANDBOX_BASE_URL": "http://" + nobody}, "health", 5, "unreachable"},
	} {
		t.Run(c.program.Name+" "+c.args+" "+strings.Join(slices.Sorted(maps.Keys(c.with)), " "), func(t *testing.T) {
			t.Parallel()
			environment := maps.Clone(c.program.Env)
			maps.Copy(environment, c.with)
			command := exec.CommandContext(t.Context(), c.program.Binary, append(strings.Fields(c.args), "--json")...)
			command.Dir = t.TempDir()
			for name, value := range environment {
				command.Env = append(command.Env, name+"="+value)
			}
			var out, errs bytes.Buffer
			command.Stdout, command.Stderr = &out, &errs
			err := command.Run()
			ended, failed := errors.AsType[*exec.ExitError](err)
			require.True(t, err == nil || failed, err)
			require.Equal(t, c.exit, command.ProcessState.ExitCode(), "%v\n%s%s", ended, out.String(), errs.String())
			require.NotContains(t, out.String()+errs.String(), "planted")
			if c.code == "" {
				decoder := json.NewDecoder(&out)
				var document any
				require.NoError(t, decoder.Decode(&document), "%s", errs.String())
				return
			}
			require.Empty(t, out.String())
			var told struct {
				Error struct{ Code, Message string }
			}
			lines := strings.Split(strings.TrimSpace(errs.String()), "\n")
			require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &told), errs.String())
			require.Equal(t, c.code, told.Error.Code, errs.String())
			require.NotEmpty(t, told.Error.Message)
		})
	}
}
