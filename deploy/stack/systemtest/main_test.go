package systemtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"

	"tianguis.example/stack"
)

// The repository, and the services that the tests run, built once by TestMain.
var root, bin string

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
