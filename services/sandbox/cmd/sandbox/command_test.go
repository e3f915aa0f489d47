package main

import (
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
