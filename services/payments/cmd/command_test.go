package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/cli/clitest"
)

func TestCommand_EveryOneAnswersInJSON(t *testing.T) {
	t.Parallel()
	require.Empty(t, cli.WithoutJSON(command(nil)))
}

func TestCommand_EveryOneIsDocumented(t *testing.T) {
	t.Parallel()
	clitest.Documented(t, command(nil), "../../../docs/commandline.md")
}

// TestCommand_ExitCodes: what the process ends with, and what it says to a program.
func TestCommand_ExitCodes(t *testing.T) {
	t.Parallel()
	all := prepared(t)
	settings := file(t, all)
	nowhere := file(t, good(t, nil))
	tampered := file(t, map[string]string{"WEBHOOK_RETENTION": "1h"})
	for _, c := range []struct {
		args     []string
		settings string
		exit     int
		code     string
	}{
		{[]string{"payment", "show", string(paidID)}, settings, cli.OK, ""},
		{[]string{"version"}, settings, cli.OK, ""},
		{[]string{"payment", "lost"}, settings, cli.WrongUsage, "usage"},
		{[]string{"payment", "show", "x"}, settings, cli.WrongUsage, "usage"},
		{[]string{"payment", "list", "--limitless"}, settings, cli.WrongUsage, "usage"},
		{[]string{"payment", "list"}, tampered, cli.WrongUsage, "configuration"},
		{[]string{"payment", "show", "01KAR0000000000000000000ZZ"}, settings, cli.NotFound, "not_found"},
		{[]string{"webhook", "show", "01KAR0000000000000000000WW"}, settings, cli.NotFound, "unknown_delivery"},
		{[]string{"payment", "list"}, nowhere, cli.Unreachable, "unreachable"},
		{[]string{"health"}, nowhere, cli.Unreachable, "unreachable"},
		{[]string{"doctor"}, nowhere, cli.Differences, "differences"},
		{[]string{"listen", "--forward-to", "localhost:1", "--payments", "127.0.0.1:1"}, settings, cli.Unreachable, "payments_unreachable"},
	} {
		cmd := process(t, append(append([]string{"--config", c.settings}, c.args...), "--json")...)
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); err != nil {
			_, ended := errors.AsType[*exec.ExitError](err)
			require.True(t, ended, err)
		}
		require.Equal(t, c.exit, cmd.ProcessState.ExitCode(), "%v: %s", c.args, errs.String())
		if c.code == "" {
			require.True(t, json.Valid(out.Bytes()), out.String())
			require.Empty(t, errs.String())
			continue
		}
		var failed struct {
			Error struct{ Code, Message string }
		}
		require.NoError(t, json.Unmarshal(errs.Bytes(), &failed), "%v: %s", c.args, errs.String())
		require.Equal(t, c.code, failed.Error.Code, c.args)
		require.NotEmpty(t, failed.Error.Message)
	}
}

// TestCommand_JSON: what is printed with --json is JSON, of every command that changes something too.
func TestCommand_JSON(t *testing.T) {
	t.Parallel()
	all := prepared(t)
	for _, args := range [][]string{
		{"version"}, {"migrate"}, {"migrate", "--status"}, {"payment", "list"}, {"payment", "show", string(paidID)}, {"seller", "list"},
		{"seller", "add", "--id", "bob", "--wallet-address", "https://wallet.example/bob"}, {"key", "generate", "--key-id", "k", "--out", filepath.Join(t.TempDir(), "k.pem")},
		{"secret", "generate", "api"}, {"secret", "reseal"}, {"webhook", "list"}, {"webhook", "endpoint", "list"},
		{"webhook", "endpoint", "add", "https://analytics.example/hook"}, {"webhook", "replay", "--since", "1h"},
	} {
		out, err := run(t, all, append(args, "--json")...)
		require.NoError(t, err, "%v: %s", args, out)
		require.True(t, json.Valid([]byte(out)), "%v: %s", args, out)
	}
	found, err := run(t, all, "audit", "verify", "--json") // the fixture's second payment has no event
	require.Equal(t, cli.Differences, exitOf(err))
	require.True(t, json.Valid([]byte(found)), found)
	out, err := run(t, all, "webhook", "endpoint", "add", "https://shop.example/hook", "--json")
	require.NoError(t, err)
	var made struct{ ID, Secret string }
	require.NoError(t, json.Unmarshal([]byte(out), &made))
	require.NotEmpty(t, made.Secret)
	for _, args := range [][]string{
		{"webhook", "endpoint", "disable", made.ID}, {"webhook", "endpoint", "enable", made.ID}, {"webhook", "secret", "list", "--endpoint", made.ID},
		{"webhook", "secret", "rotate", "--endpoint", made.ID}, {"webhook", "endpoint", "remove", made.ID},
	} {
		out, err := run(t, all, append(args, "--json")...)
		require.NoError(t, err, args)
		require.True(t, json.Valid([]byte(out)), "%v: %s", args, out)
	}
}

// TestCompletion_InBash completes in bash itself, where there is one.
func TestCompletion_InBash(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("NOT TESTED: completion in bash, which is missing")
	}
	folder := t.TempDir()
	program := filepath.Join(folder, "payments")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n"+asProgram+"=1 exec "+os.Args[0]+` "$@"`+"\n"), 0o700))
	for line, want := range map[string]string{
		"payments webhook list --state ":  "pending delivered dead all",
		"payments trigger ":               "payment.completed payment.failed ping payment",
		"payments reconcile --severity w": "warning",
		"payments secret generate ":       "webhook encryption api",
		"payments list":                   "listen",
	} {
		script := `source <(payments completion bash)
COMP_LINE="$1" COMP_POINT=${#1}
read -ra COMP_WORDS <<<"$1"; [[ $1 == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_get_comp_words_by_ref() { :; }
_init_completion() { cur=${COMP_WORDS[COMP_CWORD]}; prev=${COMP_WORDS[COMP_CWORD-1]}; words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; }
compopt() { :; }
__start_payments
printf '%s\n' "${COMPREPLY[@]}"`
		cmd := exec.CommandContext(t.Context(), bash, "--norc", "-c", script, "bash", line)
		cmd.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		var words []string
		for row := range strings.Lines(string(out)) {
			if word := strings.Fields(row); len(word) > 0 {
				words = append(words, word[0])
			}
		}
		require.ElementsMatch(t, strings.Fields(want), words, line)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		cmd := process(t, "completion", shell)
		out, err := cmd.Output()
		require.NoError(t, err)
		require.Contains(t, string(out), "payments", shell)
	}
}
