package main

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"tianguis.example/stack"
	"tianguis.example/stack/chaos"
)

func chaosCommand() *cobra.Command {
	c := chaos.Config{Pace: chaos.Steady}
	var brisk, shortTokens, race bool
	command := &cobra.Command{
		Use:   "chaos",
		Short: "Let many buyers pay while everything breaks, and compare the books afterwards",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, out := cmd.Context(), cmd.OutOrStdout()
			if c.Payments < 1 || c.Buyers < 2 {
				return errors.New("there must be one payment and two buyers at least")
			}
			if !cmd.Flags().Changed("seed") {
				c.Seed = drawSeed()
			}
			if brisk {
				c.Pace = chaos.Brisk
			}
			if shortTokens {
				c.Pace = c.Pace.WithShortTokens()
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
			if err := os.MkdirAll(filepath.Join(folder, "chaos"), 0o700); err != nil {
				return err
			}
			if c.State, err = os.MkdirTemp(filepath.Join(folder, "chaos"), fmt.Sprintf("seed-%d-", c.Seed)); err != nil {
				return err
			}
			c.Out = out
			result, err := chaos.Run(ctx, c)
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
	flags.IntVar(&c.Payments, "payments", 1000, "how many jobs are to be paid")
	flags.IntVar(&c.Buyers, "buyers", 64, "how many buyers pay at a time")
	flags.Uint64Var(&c.Seed, "seed", 0, "what the plan is drawn from; a new one each time when it is not given")
	flags.BoolVar(&c.SQLite, "sqlite", false, "one payments process on SQLite, instead of two on Postgres")
	flags.BoolVar(&brisk, "brisk", false, "shorter waits: for some buyers on a quiet machine")
	flags.BoolVar(&shortTokens, "short-tokens", false, "let the wallet's tokens die soon, so that they are rotated; everything may then take long to end")
	flags.BoolVar(&race, "race", false, "build the services with the race detector")
	return command
}

// drawSeed is a seed that is easy to type.
func drawSeed() uint64 {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails (crypto/rand)
	return uint64(binary.BigEndian.Uint32(random[:]))
}
