package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"tianguis.example/stack"
)

func demoCommand() *cobra.Command {
	ports := stack.DefaultPorts()
	command := &cobra.Command{
		Use:   "demo",
		Short: "Run the services, make whole payments, and stay up",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, out := cmd.Context(), cmd.OutOrStdout()
			s, err := start(ctx, out, ports)
			if err != nil {
				return err
			}
			if err := demonstrate(ctx, s, out); err != nil {
				return errors.Join(blame(s, err), s.Stop())
			}
			return stay(ctx, out, s)
		},
	}
	portFlags(command, &ports)
	return command
}

// demonstrate makes a payment step by step, another one at a glance, and leaves jobs for a person to pay.
func demonstrate(ctx context.Context, s *stack.Stack, out io.Writer) error {
	fmt.Fprint(out, "\nOne payment, as a funder makes it in a browser:\n\n")
	if err := tellStory(ctx, s, out, inDollars); err != nil {
		return err
	}
	silent, err := newStory(s, io.Discard)
	if err != nil {
		return err
	}
	settled, err := silent.pay(ctx, inCents)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nAnother one, in one currency: %s.\n", settled)
	return s.Seed(ctx)
}
