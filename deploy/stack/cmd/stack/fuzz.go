package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/clock"
	"tianguis.example/stack"
	"tianguis.example/stack/fuzz"
)

func fuzzCommand() *cobra.Command {
	var c fuzz.Config
	var folder, name string
	command := &cobra.Command{
		Use:   "fuzz",
		Short: "Feed every parser of outside bytes what nobody would think of",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if c.Root, err = stack.Root(); err != nil {
				return err
			}
			c.State, c.Out = filepath.Join(c.Root, stack.StateFolder, "fuzz"), cmd.OutOrStdout()
			if err := os.MkdirAll(c.State, 0o700); err != nil {
				return err
			}
			targets, err := fuzz.Targets(c.Root, folder, name)
			if err != nil {
				return err
			}
			began := clock.System().Now()
			fmt.Fprintf(c.Out, "fuzz: %d targets, %s each; compiling comes first\n", len(targets), c.Time)
			result, err := fuzz.Run(cmd.Context(), c, targets)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.Out, "%s, in %s\n", result.Line(), clock.System().Now().Sub(began).Round(time.Second))
			if len(result.Failed) > 0 {
				return exitCode(1) // and said why
			}
			return nil
		},
	}
	flags := command.Flags()
	flags.StringVar(&c.Time, "time", "1m", "how long each target is fuzzed, or with how many inputs (1000x)")
	flags.StringVar(&folder, "package", "", "part of the folder of the packages to fuzz")
	flags.StringVar(&name, "name", "", "part of the names of the targets to fuzz")
	return command
}
