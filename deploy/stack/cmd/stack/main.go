// Command stack runs the three services on this machine: for a person to see the main job (demo),
// for a machine to check it (smoke), bare (up), and a Postgres for the tests (with-postgres).
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := root().ExecuteContext(ctx)
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		os.Exit(max(1, failed.ExitCode())) // the command that with-postgres ran has said what was wrong
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "\n%v\n", err)
		os.Exit(1)
	}
}

func root() *cobra.Command {
	command := &cobra.Command{
		Use:           "stack",
		Short:         "Run sandbox, payments and marketplace on this machine",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	command.AddCommand(demoCommand(), smokeCommand(), upCommand(), withPostgresCommand())
	return command
}
