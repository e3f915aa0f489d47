package main

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/settings"
)

// testConfig is the default configuration on a free port, quiet and in memory.
func testConfig(t *testing.T) Config {
	t.Helper()
	var config Config
	require.NoError(t, settings.Load(&config, ""))
	config.Listen, config.LogLevel = "127.0.0.1:0", "error"
	return config
}

// start runs a sandbox until the test ends.
func start(t *testing.T, config Config) *Program {
	t.Helper()
	p, err := New(config, t.Output())
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
		require.NoError(t, p.Close())
	})
	return p
}

func writeFile(t *testing.T, name, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
}
