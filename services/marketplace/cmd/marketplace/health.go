package main

import (
	"github.com/spf13/cobra"

	"tianguis.example/chassis/httpserver"
)

// health is what a container's health check runs.
func (s *shell) health() *cobra.Command {
	return &cobra.Command{
		Use:   "health",
		Short: "Ask the marketplace that runs here, by its own settings, whether it is ready; end with 1 when it is not",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var c Config
			if _, err := s.load(&c, &c.logConfig); err != nil {
				return err
			}
			return httpserver.Ask(cmd.Context(), c.Listen, "/ready")
		},
	}
}
