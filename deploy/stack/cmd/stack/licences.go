package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tianguis.example/stack"
	"tianguis.example/stack/supply"
)

func licencesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "licences folder",
		Short: "Check the licences of all that others have written: the lists of components in a folder, and the npm packages of the tests",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			root, err := stack.Root()
			if err != nil {
				return err
			}
			boms, err := filepath.Glob(filepath.Join(arguments[0], "*.cdx.json"))
			if err != nil {
				return err
			}
			locks, err := filepath.Glob(filepath.Join(root, "deploy", "openapi", "package-lock.json"))
			if err != nil {
				return err
			}
			more, err := filepath.Glob(filepath.Join(root, "deploy", "stack", "systemtest", "*", "package-lock.json"))
			if err != nil {
				return err
			}
			if locks = append(locks, more...); len(boms) == 0 || len(locks) == 0 {
				return errors.New("there is no list of components: make licences makes them")
			}
			all, err := components(boms, supply.ReadBOM)
			if err != nil {
				return err
			}
			npm, err := components(locks, supply.ReadLock)
			if err != nil {
				return err
			}
			lines, wrong := supply.List(append(all, npm...))
			for _, err := range wrong {
				fmt.Fprintln(cmd.ErrOrStderr(), err)
			}
			file := filepath.Join(arguments[0], "licences.txt")
			if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "licences: %d components, %d not allowed; all are in %s\n", len(lines), len(wrong), file)
			if len(wrong) > 0 {
				return exitCode(1) // and said why
			}
			return nil
		},
	}
}

func components(files []string, read func([]byte) ([]supply.Component, error)) ([]supply.Component, error) {
	var all []supply.Component
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		some, err := read(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, some...)
	}
	return all, nil
}
