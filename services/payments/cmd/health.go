package cmd

import (
	"io"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/httpserver"
)

// healthCommand is what a container's health check runs.
func healthCommand(load func() (config, error)) *cobra.Command {
	return cli.WithJSON(&cobra.Command{
		Use: "health", Short: "Ask the service that runs here, by its own settings, whether it is ready; end with 5 when it is not", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load()
			if err != nil {
				return err
			}
			if err := httpserver.Ask(cmd.Context(), c.Listen, "/ready"); err != nil {
				return cli.Away(err)
			}
			return cli.Print(cmd, map[string]bool{"ready": true}, func(io.Writer) error { return nil })
		},
	})
}
