// Command stack runs the three services on this machine: for a person to see the main job (demo),
// for a machine to check it (smoke), bare (up), and a Postgres for the tests (with-postgres).
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := root().ExecuteContext(ctx)
	if code, ok := errors.AsType[exitCode](err); ok {
		os.Exit(int(code))
	}
	switch {
	case err != nil && ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "\nStopped before the end.")
		os.Exit(130) // as shells have it: 128 and the number of SIGINT
	case err != nil:
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
	command.AddCommand(demoCommand(), smokeCommand(), upCommand(), chaosCommand(), benchCommand(), attacksCommand(), fuzzCommand(), licencesCommand(), dashboardCommand(), webhooksCommand(), withPostgresCommand())
	return command
}
