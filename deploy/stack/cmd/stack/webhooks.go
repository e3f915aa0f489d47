package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"tianguis.example/stack"
	"tianguis.example/stack/webhooks"
)

func webhooksCommand() *cobra.Command {
	var c webhooks.Config
	var race bool
	command := &cobra.Command{
		Use:   "webhooks",
		Short: "Send many webhooks while everything on their way breaks, and compare the books afterwards",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, out := cmd.Context(), cmd.OutOrStdout()
			if c.Events < 1 {
				return errors.New("there must be one event at least")
			}
			if !cmd.Flags().Changed("seed") {
				c.Seed = drawSeed()
			}
			root, err := stack.Root()
			if err != nil {
				return err
			}
			folder := filepath.Join(root, stack.StateFolder)
			c.Bin = filepath.Join(folder, "bin")
			if race {
				c.Bin = filepath.Join(c.Bin, "race")
			}
			fmt.Fprintln(out, "Building sandbox, payments and marketplace …")
			if err := stack.Build(ctx, root, c.Bin, race); err != nil {
				return err
			}
			if err := os.MkdirAll(filepath.Join(folder, "webhooks"), 0o700); err != nil {
				return err
			}
			if c.State, err = os.MkdirTemp(filepath.Join(folder, "webhooks"), fmt.Sprintf("seed-%d-", c.Seed)); err != nil {
				return err
			}
			c.Out = out
			result, err := webhooks.Run(ctx, c)
			if err != nil {
				return err
			}
			if !result.Clean() {
				return exitCode(1) // and said why
			}
			return os.RemoveAll(c.State)
		},
	}
	flags := command.Flags()
	flags.IntVar(&c.Events, "events", 10_000, "how many events have to arrive")
	flags.Uint64Var(&c.Seed, "seed", 0, "what the plan is drawn from; a new one each time when it is not given")
	flags.BoolVar(&c.SQLite, "sqlite", false, "on SQLite instead of Postgres")
	flags.BoolVar(&race, "race", false, "build the services with the race detector")
	return command
}
