package crashpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Variable names the environment variable that tells a process its folder. Without it no point does anything.
const Variable = "TIANGUIS_CRASH_FOLDER"

// Folder is where a test and the processes that it kills meet. Each process has one of its own.
type Folder string

func (f Folder) armed() string { return filepath.Join(string(f), "armed") }
func (f Folder) trace() string { return filepath.Join(string(f), "trace") }
func (f Folder) ahead() string { return filepath.Join(string(f), "ahead") }

// Arm has the process die when it reaches the point for the nth time from now on, from 1.
func (f Folder) Arm(point string, nth int) error {
	return replace(f.armed(), fmt.Sprintf("%d %s", nth, point))
}

// Armed reports whether a point is armed that has not been reached yet.
func (f Folder) Armed() (bool, error) {
	_, err := os.Stat(f.armed())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Disarm forgets the armed point, if there is one.
func (f Folder) Disarm() error {
	err := os.Remove(f.armed())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Trace is every point that was reached since the last Clear, in the order in which they were.
func (f Folder) Trace() ([]string, error) {
	content, err := os.ReadFile(f.trace())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	lines := strings.Split(string(content), "\n")
	return lines[:len(lines)-1], err // the last line is empty, or being written
}

// Clear forgets what was traced.
func (f Folder) Clear() error {
	err := os.Truncate(f.trace(), 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// MoveAhead puts the process's clock that far ahead of the machine's. Going back is not for clocks.
func (f Folder) MoveAhead(by time.Duration) error { return replace(f.ahead(), by.String()) }

// replace writes a file at once: whoever reads it sees the old content or the new.
func replace(file, content string) error {
	next := file + ".next"
	if err := os.WriteFile(next, []byte(content), 0o600); err != nil {
		return err
	}
	return os.Rename(next, file)
}
