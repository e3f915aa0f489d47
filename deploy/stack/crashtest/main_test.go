package crashtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"tianguis.example/stack"
)

// crashTag is the build tag of programs that can be killed at their points.
const crashTag = "crashpoints"

// The programs, built once by TestMain: bin has those that are killed; plain has those that are shipped, which answer
// an operator's questions sooner than with the race detector.
var bin, plain string

// tableFile gets the matrix: which kill ended how.
var tableFile string

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	root, err := stack.Root()
	if err != nil {
		return 0, err
	}
	tableFile = filepath.Join(root, stack.StateFolder, "crash-matrix.txt")
	plain = filepath.Join(root, stack.StateFolder, "bin", "crash-plain")
	if err := stack.Build(context.Background(), root, plain, false); err != nil {
		return 0, err
	}
	bin = filepath.Join(root, stack.StateFolder, "bin", "crash")
	if raceDetector {
		bin += "-race"
	}
	if err := stack.Build(context.Background(), root, bin, raceDetector, crashTag); err != nil {
		return 0, err
	}
	defer stopServer()
	return m.Run(), nil
}
