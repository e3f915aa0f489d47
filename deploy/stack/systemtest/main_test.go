package systemtest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"tianguis.example/stack"
)

// The repository, and the services that the tests run, built once by TestMain.
var root, bin string

// there is the stack that the environment points at, or nil: then tests start stacks of their own.
var there *stack.Compose

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	var err error
	if root, err = stack.Root(); err != nil {
		return 0, err
	}
	compose, points, err := stack.ComposeFromEnv(root)
	if err != nil {
		return 0, err
	}
	if points {
		there = &compose
		resolveLocalhost()
	}
	http.DefaultTransport = contracts
	bin = filepath.Join(root, stack.StateFolder, "bin", "test")
	if raceDetector {
		bin += "-race"
	}
	if err := stack.Build(context.Background(), root, bin, raceDetector); err != nil {
		return 0, err
	}
	defer func() {
		if serverStarted.Load() {
			if s, err := server(); err == nil {
				s.Stop()
			}
		}
	}()
	return m.Run(), nil
}

// resolveLocalhost lets names below localhost be this machine (RFC 6761 §6.3), as browsers do, and resolvers often do not.
func resolveLocalhost() {
	transport, _ := http.DefaultTransport.(*http.Transport) // as it documents
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, port, err := net.SplitHostPort(address); err == nil && strings.HasSuffix(host, ".localhost") {
			address = net.JoinHostPort("localhost", port)
		}
		return dial(ctx, network, address)
	}
}

// serverStarted says that the Postgres of this run was wanted, and is to be stopped.
var serverStarted atomic.Bool

// need returns the path of a program that a test cannot do without. Without it the test is skipped
// with a loud word, except in CI, where it fails.
func need(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, fmt.Sprintf("none of %v is installed", names))
	return ""
}

func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s, and CI tests everything", why)
	}
	t.Skipf("NOT TESTED: %s", why)
}
