package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tianguis.example/stack"
	"tianguis.example/stack/bench"
)

func benchCommand() *cobra.Command {
	var c bench.Config
	var file string
	var write bool
	command := &cobra.Command{
		Use:   "bench",
		Short: "Measure how fast the services are, and beside each figure the most that it could be",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			ctx, out := cmd.Context(), cmd.OutOrStdout()
			if c.Rounds < 1 || c.Lasts < time.Second {
				return errors.New("there must be one round, and a second for each taking, at least")
			}
			if c.Short {
				c.Rounds, c.Lasts = 1, time.Second
			}
			if c.Root, err = stack.Root(); err != nil {
				return err
			}
			folder := filepath.Join(c.Root, stack.StateFolder)
			c.Bin, c.Out = filepath.Join(folder, "bin"), out
			fmt.Fprintln(out, "Building sandbox, payments and marketplace …")
			if err := stack.Build(ctx, c.Root, c.Bin, false); err != nil {
				return err
			}
			if err := os.MkdirAll(filepath.Join(folder, "bench"), 0o700); err != nil {
				return err
			}
			if c.State, err = os.MkdirTemp(filepath.Join(folder, "bench"), "run-"); err != nil {
				return err
			}
			result, err := bench.Run(ctx, c)
			if err != nil {
				return fmt.Errorf("%w\nThe logs are in %s", err, c.State)
			}
			fmt.Fprintf(out, "\n%s", result.Table())
			if missed := result.Missed(); len(missed) > 0 {
				fmt.Fprintf(out, "%d of %d figures miss what is aimed at.\n", len(missed), len(result.Rows))
			}
			text, err := json.MarshalIndent(result, "", "  ")
			if err != nil {
				return err
			}
			if file == "" {
				file = filepath.Join(folder, "bench.json")
			}
			if err := os.WriteFile(file, append(text, '\n'), 0o600); err != nil {
				return err
			}
			fmt.Fprintf(out, "The same as JSON is in %s\n", file)
			if write {
				if err := result.Write(c.Root); err != nil {
					return err
				}
				fmt.Fprintln(out, "It is written into docs/benchmarks.md.")
			}
			return os.RemoveAll(c.State)
		},
	}
	flags := command.Flags()
	flags.IntVar(&c.Rounds, "rounds", 3, "how often each figure, and its limit, is taken")
	flags.DurationVar(&c.Lasts, "lasts", 5*time.Second, "how long one taking lasts")
	flags.BoolVar(&c.Short, "short", false, "one round of as little as gives figures: to see that it works, not how fast it is")
	flags.BoolVar(&c.Million, "million", false, "also with a million payments in the store, which takes minutes to fill")
	flags.DurationVar(&c.Soak, "soak", 0, "how long a steady load lasts at the end, while memory is watched (1h)")
	flags.StringSliceVar(&c.Only, "only", nil, "measure these alone: "+strings.Join(bench.Families(), ", "))
	flags.StringVar(&c.Profiles, "profiles", "", "the `folder` for profiles of both services while 32 clients pay: processor time and allocations")
	flags.StringVar(&file, "json", "", "the `file` for the result as JSON (.tianguis/bench.json)")
	flags.BoolVar(&write, "write", false, "write the table and the pictures into docs/benchmarks.md")
	return command
}
