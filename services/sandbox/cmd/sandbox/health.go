package main

import (
	"io"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/httpserver"
	"tianguis.example/chassis/settings"
)

// healthCommand is what a container's health check runs.
func healthCommand() *cobra.Command {
	return cli.WithJSON(&cobra.Command{
		Use:   "health",
		Short: "Ask the wallet that runs here, by its own settings, whether it is open; end with 5 when it is not",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var config Config
			if err := settings.Load(&config, ""); err != nil {
				return err
			}
			if err := httpserver.Ask(cmd.Context(), config.Listen, "/health"); err != nil {
				return cli.Away(err)
			}
			return cli.Print(cmd, map[string]bool{"ready": true}, func(io.Writer) error { return nil })
		},
	})
}
