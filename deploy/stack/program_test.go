package stack_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/stack"
)

// TestMain lets this test binary play the services that the tests start as processes.
func TestMain(m *testing.M) {
	if role := os.Getenv("PLAY"); role != "" {
		if err := play(role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		return
	}
	os.Exit(m.Run())
}

// play is a service that gets ready, one that fails at its start, or one that tells its environment.
func play(role string) error {
	switch role {
	case "failure":
		return errors.New("WEBHOOK_SECRET is not set")
	case "environment":
		_, err := fmt.Fprintln(os.Stdout, os.Environ())
		return err
	}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	fmt.Fprintln(os.Stdout, "here is", role)
	server := http.Server{
		Addr:              os.Getenv("LISTEN"),
		Handler:           http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		ReadHeaderTimeout: time.Second,
	}
	go func() { <-stop.Done(); _ = server.Close() }()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func player(t *testing.T, role string) *stack.Program {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	port, err := stack.FreePort(t.Context())
	require.NoError(t, err)
	p := &stack.Program{
		Name: role, Binary: self, Health: "/ready", Address: "http://localhost:" + strconv.Itoa(port),
		Env: map[string]string{"PLAY": role, "LISTEN": "127.0.0.1:" + strconv.Itoa(port)},
		Log: filepath.Join(t.TempDir(), "logs", role+".log"),
	}
	t.Cleanup(p.Kill)
	return p
}

func TestProgram_StartStopStart(t *testing.T) {
	t.Parallel()
	p := player(t, "service")
	for range 2 {
		require.NoError(t, p.Start(t.Context()))
		require.True(t, p.Running())
		require.ErrorContains(t, p.Start(t.Context()), "runs already")
		require.NoError(t, p.Stop())
		require.False(t, p.Running())
	}
	require.Equal(t, "here is service\nhere is service", stack.Tail(p.Log, 5), "the log is added to")
}

func TestProgram_KilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	p := player(t, "service")
	require.NoError(t, p.Start(t.Context()))
	p.Kill()
	require.False(t, p.Running())
	require.NoError(t, p.Start(t.Context()))
}

func TestProgram_SaysWhyItDidNotStart(t *testing.T) {
	t.Parallel()
	err := player(t, "failure").Start(t.Context())
	require.ErrorContains(t, err, "failure ended instead of starting (exit status 3)")
	require.ErrorContains(t, err, "WEBHOOK_SECRET is not set")
}

func TestProgram_InheritsNothingButPaths(t *testing.T) { // not parallel: it sets a variable of the process
	t.Setenv("WEBHOOK_SECRET", "of the developer's shell")
	out, err := player(t, "environment").Run(t.Context())
	require.NoError(t, err)
	require.Contains(t, string(out), "PLAY=environment")
	require.NotContains(t, string(out), "WEBHOOK_SECRET")
}

func TestPorts_SayWhoHasOne(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	ports, err := stack.FreePorts(t.Context())
	require.NoError(t, err)
	require.NoError(t, ports.Check(t.Context()))

	ports.Payments = listener.Addr().(*net.TCPAddr).Port
	err = ports.Check(t.Context())
	require.ErrorContains(t, err, fmt.Sprintf("port %d, which payments needs, is taken by", ports.Payments))
	require.ErrorContains(t, err, "--payments-port")
	if _, statErr := os.Stat("/proc/net/tcp"); statErr == nil {
		require.ErrorContains(t, err, fmt.Sprintf("(process %d)", os.Getpid()))
	}
}
