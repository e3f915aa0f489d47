package main

import (
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
			server, err := postgres.Start(ctx, stack.FreePort)
			if err != nil {
				return err
			}
			defer server.Stop()
			command := exec.CommandContext(ctx, arguments[0], arguments[1:]...) //nolint:gosec // G204: that is what this command is for
			command.Env = append(os.Environ(), postgres.AddressVariable+"="+server.Address)
			command.Stdin, command.Stdout, command.Stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
			// The command hears of a Ctrl-C from the terminal, as we do, and is given time to end well.
			command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
			command.WaitDelay = 10 * time.Second
			if err := command.Run(); err != nil {
				return fmt.Errorf("%s: %w", arguments[0], err)
			}
			return nil
		},
	}
}
