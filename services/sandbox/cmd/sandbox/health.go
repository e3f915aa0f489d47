package main

import (
	"github.com/spf13/cobra"

	"tianguis.example/chassis/httpserver"
	"tianguis.example/chassis/settings"
)

// healthCommand is what a container's health check runs.
func healthCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "health",
		Short: "Ask the wallet that runs here, by its own settings, whether it is open; end with 1 when it is not",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var config Config
			if err := settings.Load(&config, ""); err != nil {
				return err
			}
			return httpserver.Ask(cmd.Context(), config.Listen, "/health")
		},
	}
}
