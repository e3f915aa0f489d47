package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"tianguis.example/stack"
)

func demoCommand() *cobra.Command {
	ports := stack.DefaultPorts()
	command := &cobra.Command{
		Use:   "demo",
		Short: "Run the services, make one whole payment, and stay up",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, out := cmd.Context(), cmd.OutOrStdout()
			s, err := start(ctx, out, ports)
			if err != nil {
				return err
			}
			fmt.Fprint(out, "\nOne payment, as a funder makes it in a browser:\n\n")
			if err := tellStory(ctx, s, out, purchase{"100.00 MXN", stack.FunderWallet}); err != nil {
				return errors.Join(blame(s, err), s.Stop())
			}
			return stay(ctx, out, s)
		},
	}
	portFlags(command, &ports)
	return command
}
