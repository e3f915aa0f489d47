package fuzz

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Config says what a run is like.
type Config struct {
	Root  string    // of the repository
	State string    // the folder of what the run makes: programs, and inputs that were found worth keeping
	Time  string    // for each target: how long ("1m"), or how many inputs ("1000x"), as the go command has it
	Out   io.Writer // what is told as it goes
}

// Result is what a run came to.
type Result struct {
	Tried  int
	Failed []Target
}

// Line is the result in one line.
func (r Result) Line() string {
	return fmt.Sprintf("fuzz: %d targets, %d failed", r.Tried, len(r.Failed))
}

// Run fuzzes the targets one after the other, each for the same time, and tells Out how it goes. A package is compiled once
// for all of its targets: that takes longer than to fuzz one for seconds. An input that fails a target is kept in testdata/fuzz of its package by the go
// command, where the tests find it from then on. The error is for a run that could not be made.
func Run(ctx context.Context, c Config, targets []Target) (Result, error) {
	var result Result
	var program, compiled string
	for _, t := range targets {
		if t.Folder != compiled {
			var err error
			if program, err = compile(ctx, c, t.Folder); err != nil {
				return result, err
			}
			compiled = t.Folder
		}
		told, err := fuzz(ctx, c, program, t)
		if ctx.Err() != nil {
			return result, ctx.Err()
		}
		result.Tried++
		verdict := "held"
		if err != nil {
			verdict = "FAILED"
			result.Failed = append(result.Failed, t)
		}
		fmt.Fprintf(c.Out, "  %-6s %-36s %-38s %s\n", verdict, t.Folder, t.Name, progress(told))
		if err != nil {
			fmt.Fprintf(c.Out, "\n%v\n%s\n", err, told)
		}
	}
	return result, nil
}

// compile makes a package's test program, with the counters that lead the fuzzing.
func compile(ctx context.Context, c Config, folder string) (string, error) {
	program := filepath.Join(c.State, strings.ReplaceAll(folder, "/", "-")+".test")
	command := exec.CommandContext(ctx, "go", "test", "-c", "-fuzz", "^Fuzz", "-o", program, ".")
	command.Dir = filepath.Join(c.Root, filepath.FromSlash(folder))
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile the tests of %s: %w\n%s", folder, err, bytes.TrimSpace(output))
	}
	return program, nil
}

// minimizing bounds how long an input is made smaller: by default a minute, which may be longer than the fuzzing.
const minimizing = "5s"

func fuzz(ctx context.Context, c Config, program string, t Target) (string, error) {
	found := filepath.Join(c.State, "found", filepath.FromSlash(t.Folder))
	if err := os.MkdirAll(found, 0o700); err != nil {
		return "", err
	}
	command := exec.CommandContext(ctx, program, "-test.run", "^"+t.Name+"$", "-test.fuzz", "^"+t.Name+"$", "-test.fuzztime", c.Time,
		"-test.fuzzminimizetime", minimizing, "-test.fuzzcachedir", found, "-test.timeout", "0")
	command.Dir = filepath.Join(c.Root, filepath.FromSlash(t.Folder))
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = grace
	output, err := command.CombinedOutput()
	if err == nil && !strings.Contains(string(output), "execs: ") {
		err = errors.New("it fuzzed nothing")
	}
	return string(output), err
}

// grace is how long a target may take to end when it is told to.
const grace = 10 * time.Second

var executions = regexp.MustCompile(`execs: (\d+)`)

// progress is how many inputs were tried.
func progress(told string) string {
	all := executions.FindAllStringSubmatch(told, -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1][1] + " inputs"
}
