package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/cli/clitest"
)

func TestCommand_EveryOneAnswersInJSON(t *testing.T) {
	t.Parallel()
	require.Empty(t, cli.WithoutJSON(command(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{})))
}

func TestCommand_EveryOneIsDocumented(t *testing.T) {
	t.Parallel()
	clitest.Documented(t, command(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}), "../../../../docs/commandline.md")
}
