package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"tianguis.example/stack"
	"tianguis.example/stack/attacks"
)

func attacksCommand() *cobra.Command {
	var c attacks.Config
	var race, write bool
	command := &cobra.Command{
		Use:   "attacks",
		Short: "Try to get in, in every way of the table in docs/security.md, and compare the books afterwards",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, out := cmd.Context(), cmd.OutOrStdout()
			root, err := stack.Root()
			if err != nil {
				return err
			}
			if write {
				return attacks.WriteTable(root)
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
			if err := os.MkdirAll(filepath.Join(folder, "attacks"), 0o700); err != nil {
				return err
			}
			if c.State, err = os.MkdirTemp(filepath.Join(folder, "attacks"), "run-"); err != nil {
				return err
			}
			c.Out = out
			result, err := attacks.Run(ctx, c)
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
	flags.StringVar(&c.Only, "only", "", "part of the ids of the attacks to try")
	flags.BoolVar(&race, "race", false, "build the services with the race detector")
	flags.BoolVar(&write, "write", false, "try nothing, but write the table in docs/security.md")
	return command
}
