package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/settings"
)

var errOwn = errors.New("of the program")

// ended is a command line that has run.
type ended struct {
	exit        int
	out, errors string
}

func execute(t *testing.T, fails error, args ...string) ended {
	t.Helper()
	root := &cobra.Command{Use: "program", SilenceUsage: true, SilenceErrors: true}
	one := cli.WithJSON(&cobra.Command{Use: "one NAME", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		if fails != nil {
			return fails
		}
		return cli.Say(c, map[string]string{"name": args[0]}, "it is %s", args[0])
	}})
	one.Flags().String("needed", "", "")
	require.NoError(t, one.MarkFlagRequired("needed"))
	group := &cobra.Command{Use: "group"}
	group.AddCommand(one)
	root.AddCommand(group)
	var out, errs bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&errs)
	exit := cli.Execute(t.Context(), root, args, func(err error) *cli.Error {
		if errors.Is(err, errOwn) {
			return &cli.Error{Exit: cli.NotFound, Code: "own", Err: err}
		}
		return nil
	})
	return ended{exit, out.String(), errs.String()}
}

func TestExecute_ExitsAndCodes(t *testing.T) {
	t.Parallel()
	good := []string{"group", "one", "<a>", "--needed", "x"}
	require.Equal(t, ended{0, "it is <a>\n", ""}, execute(t, nil, good...))
	require.Equal(t, ended{0, "{\n  \"name\": \"<a>\"\n}\n", ""}, execute(t, nil, append(good, "--json")...))
	for _, c := range []struct {
		err  error
		exit int
		code string
	}{
		{errors.New("no"), cli.Failed, "failed"},
		{fmt.Errorf("around: %w", cli.Usagef("no")), cli.WrongUsage, "usage"},
		{settings.Wrong("NAME", "no"), cli.WrongUsage, "configuration"},
		{cli.Missing(errors.New("no")), cli.NotFound, "not_found"},
		{errOwn, cli.NotFound, "own"},
		{cli.Found(errors.New("no")), cli.Differences, "differences"},
		{cli.Away(errors.New("no")), cli.Unreachable, "unreachable"},
		{&net.OpError{Op: "dial", Err: io.EOF}, cli.Unreachable, "unreachable"},
		{&net.OpError{Op: "listen", Err: io.EOF}, cli.Failed, "failed"},
		{&net.DNSError{Err: "no"}, cli.Unreachable, "unreachable"},
	} {
		require.Equal(t, ended{c.exit, "", "program: " + c.err.Error() + "\n"}, execute(t, c.err, good...))
		asked := execute(t, c.err, append(good, "--json")...)
		require.Equal(t, c.exit, asked.exit)
		require.Empty(t, asked.out)
		require.Equal(t, fmt.Sprintf("{\"error\":{\"code\":%q,\"message\":%q}}\n", c.code, c.err.Error()), asked.errors, "one line")
	}
}

func TestExecute_WrongUsageBeginsNothing(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"nothing"}, {"group", "nothing"}, {"group", "one", "a"}, {"group", "one", "--needed", "x"}, {"group", "one", "a", "--needed", "x", "--other"},
	} {
		asked := execute(t, errors.New("it began"), args...)
		require.Equal(t, cli.WrongUsage, asked.exit, args)
		require.NotContains(t, asked.errors, "it began")
		asked = execute(t, errors.New("it began"), append([]string{"--json"}, args...)...)
		require.Equal(t, cli.WrongUsage, asked.exit, args)
		require.Contains(t, asked.errors, `{"error":{"code":"usage","message":"`)
	}
	shown := execute(t, nil, "group")
	require.Zero(t, shown.exit)
	require.Contains(t, shown.out, "one")
}

func TestWithoutJSON(t *testing.T) {
	t.Parallel()
	root := &cobra.Command{Use: "program"}
	run := func(*cobra.Command, []string) {}
	root.AddCommand(
		&cobra.Command{Use: "bare", Run: run}, cli.WithJSON(&cobra.Command{Use: "asked", Run: run}), cli.NoJSON(&cobra.Command{Use: "excused", Run: run}, "it prints nothing"),
	)
	require.Equal(t, []string{"program bare"}, cli.WithoutJSON(root))
}
