package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"tianguis.example/stack"
	"tianguis.example/stack/postgres"
)

func withPostgresCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "with-postgres -- command [arguments]",
		Short: "Run a command with " + postgres.AddressVariable + " set to a Postgres, started for it unless the variable is set already",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			ctx := cmd.Context()
			command := exec.CommandContext(ctx, arguments[0], arguments[1:]...)
			command.Env = os.Environ()
			server, err := postgres.Start(ctx, stack.FreePort)
			switch {
			case err == nil:
				defer server.Stop()
				command.Env = append(command.Env, postgres.AddressVariable+"="+server.Address)
			case errors.Is(err, postgres.ErrNone) && os.Getenv("CI") == "":
				// go test keeps what skipped tests say to itself.
				defer fmt.Fprintf(cmd.ErrOrStderr(), "\nNOT TESTED ON POSTGRES: %v\n", err)
			default:
				return err
			}
			command.Stdin, command.Stdout, command.Stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
			// The command hears of a Ctrl-C from the terminal, as we do, and is given time to end well.
			command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
			command.WaitDelay = 10 * time.Second
			err = command.Run()
			if failed, ok := errors.AsType[*exec.ExitError](err); ok {
				return exitCode(max(1, failed.ExitCode())) // -1 when a signal ended it
			}
			return err
		},
	}
}

// exitCode is the error of a command that failed, and has said why itself.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }
