package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/settings"
)

func serveCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Open the wallet",
		Long:  "Open the wallet. It is configured by environment variables (or a dotenv file, which they override); `sandbox serve --help` lists none of them, .env.example all.",
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
	}
	cmd.Flags().StringVar(&file, "config", "", "dotenv file to read settings from")
	return cmd
}
