package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// The services, by the names of their folders, programs and log files.
const (
	Sandbox     = "sandbox"
	Payments    = "payments"
	Marketplace = "marketplace"
)

// raceFlags are for a build with the race detector, as in the Makefile: code of others that is generated from C, or does nothing but reckon, is
// compiled without it. All of ours, and all that shares memory with ours, is watched.
var raceFlags = []string{"-race", "-gcflags=modernc.org/...=-race=false", "-gcflags=golang.org/x/crypto/...=-race=false"}

// Build compiles the three services of the repository at root into the folder bin. A build
// that has nothing to do takes a second or two, since Go's build cache is used. tags are build tags.
func Build(ctx context.Context, root, bin string, race bool, tags ...string) error {
	if _, err := exec.LookPath("go"); err != nil {
		return errors.New("the go command is missing: install Go 1.26 or newer, and put it on the PATH")
	}
	for _, service := range []string{Sandbox, Payments, Marketplace} {
		arguments := []string{"build", "-o", filepath.Join(bin, service)}
		if race {
			arguments = append(arguments, raceFlags...)
		}
		if len(tags) > 0 {
			arguments = append(arguments, "-tags", strings.Join(tags, ","))
		}
		command := exec.CommandContext(ctx, "go", append(arguments, "./cmd/"+service)...)
		command.Dir = filepath.Join(root, "services", service)
		var output bytes.Buffer
		command.Stdout, command.Stderr = &output, &output
		if err := command.Run(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", service, err, strings.TrimSpace(output.String()))
		}
	}
	return nil
}
