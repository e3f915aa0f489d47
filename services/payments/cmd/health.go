package cmd

import (
	"github.com/spf13/cobra"

	"tianguis.example/chassis/httpserver"
)

// healthCommand is what a container's health check runs.
func healthCommand(load func() (config, error)) *cobra.Command {
	return &cobra.Command{
		Use: "health", Short: "Ask the service that runs here, by its own settings, whether it is ready; end with 1 when it is not", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load()
			if err != nil {
				return err
			}
			return httpserver.Ask(cmd.Context(), c.Listen, "/ready")
		},
	}
}
