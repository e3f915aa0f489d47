package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/settings"
)

func serveCommand() *cobra.Command {
	var file string
	cmd := cli.NoJSON(&cobra.Command{
		Use:   "serve",
		Short: "Open the wallet",
		Long:  "Open the wallet. It is configured by environment variables, or by a dotenv file, which they override:\n\n" + variables(),
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var config Config
			if err := settings.Load(&config, file); err != nil {
				return err
			}
			program, err := New(config, os.Stderr)
			if err != nil {
				return err
			}
			return errors.Join(program.Run(cmd.Context()), program.Close())
		},
	}, "it prints nothing but its log: LOG_FORMAT=json")
	cmd.Flags().StringVar(&file, "config", "", "dotenv file to read settings from")
	return cmd
}

// variables lists the settings for people.
func variables() string {
	var list strings.Builder
	for _, v := range settings.Variables(Config{}) {
		fmt.Fprintf(&list, "  %-24s %s", v.Name, v.Help)
		if v.Default != "" {
			fmt.Fprintf(&list, " (%s)", v.Default)
		}
		list.WriteString("\n")
	}
	return list.String()
}
