package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/clock"
	"tianguis.example/stack"
)

// What is paid: a round amount that is changed from dollars, and one that no float holds.
var (
	inDollars = purchase{"100.00 MXN", stack.FunderWallet}
	inCents   = purchase{"19.99 MXN", "/buyer-mxn"}
)

func smokeCommand() *cobra.Command {
	var payments string
	command := &cobra.Command{
		Use:   "smoke",
		Short: "Make whole payments on free ports and on a state of their own, and end",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			ctx, out := cmd.Context(), cmd.OutOrStdout()
			began := clock.System().Now()
			root, err := stack.Root()
			if err != nil {
				return err
			}
			bin := filepath.Join(root, stack.StateFolder, "bin")
			if err := stack.Build(ctx, root, bin, false); err != nil {
				return err
			}
			ports, err := stack.FreePorts(ctx)
			if err != nil {
				return err
			}
			state, err := os.MkdirTemp("", "tianguis-smoke-")
			if err != nil {
				return err
			}
			defer func() {
				if err == nil {
					err = os.RemoveAll(state)
				}
			}()
			s, err := stack.New(stack.Config{Bin: bin, State: state, Ports: ports})
			if err != nil {
				return err
			}
			if payments != "" {
				s.Payments.Binary = payments
			}
			if err := smoke(ctx, s, out); err != nil {
				return err
			}
			fmt.Fprintf(out, "\nIt works, in %s.\n", clock.System().Now().Sub(began).Round(100_000_000))
			return nil
		},
	}
	command.Flags().StringVar(&payments, "payments", "", "run this payments `program`, which somebody has built otherwise, instead of the repository's own")
	return command
}

func smoke(ctx context.Context, s *stack.Stack, out io.Writer) error {
	if err := s.Start(ctx); err != nil {
		return err
	}
	for _, p := range []purchase{inDollars, inCents} {
		fmt.Fprintf(out, "\n%s from the wallet %s:\n\n", p.budget, p.wallet[1:])
		if err := tellStory(ctx, s, out, p); err != nil {
			return errors.Join(blame(s, err), s.Stop())
		}
	}
	return s.Stop()
}

// tellStory makes a payment, and tells it to out.
func tellStory(ctx context.Context, s *stack.Stack, out io.Writer, p purchase) error {
	t, err := newStory(s, out)
	if err != nil {
		return err
	}
	settled, err := t.pay(ctx, p)
	if err != nil {
		return err
	}
	return settled.print(out)
}

// blame adds to an error the ends of the logs in which its cause should be.
func blame(s *stack.Stack, err error) error {
	all := []error{fmt.Errorf("this went wrong: %w", err)}
	for _, p := range s.Programs() {
		all = append(all, fmt.Errorf("\nThe end of %s:\n%s", nearby(p.Log), stack.Tail(p.Log, 10)))
	}
	return errors.Join(all...)
}
