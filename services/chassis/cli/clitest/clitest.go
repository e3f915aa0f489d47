// Package clitest holds a program's command line against its documentation.
package clitest

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/cli"
)

// Documented fails the test for each command that file does not name, in backquotes, such as `payments webhook list`.
func Documented(t *testing.T, root *cobra.Command, file string) {
	t.Helper()
	text, err := os.ReadFile(file) //nolint:gosec // G304: the test names the file
	require.NoError(t, err)
	commands := 0
	cli.Walk(root, func(c *cobra.Command) {
		if !cli.Own(c) || !c.Runnable() || c.Hidden {
			return
		}
		commands++
		if !strings.Contains(string(text), "`"+c.CommandPath()+"`") {
			t.Errorf("%s does not name `%s`", file, c.CommandPath())
		}
	})
	require.Positive(t, commands)
}
