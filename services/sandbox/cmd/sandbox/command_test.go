package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/cli"
)

func TestCommand_EveryOneAnswersInJSON(t *testing.T) {
	t.Parallel()
	require.Empty(t, cli.WithoutJSON(root()))
}
