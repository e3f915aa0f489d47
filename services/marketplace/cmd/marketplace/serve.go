package main

import (
	"errors"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
)

func (s *shell) serve() *cobra.Command {
	return cli.NoJSON(&cobra.Command{
		Use:   "serve",
		Short: "Run the marketplace",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var c Config
			log, err := s.load(&c, &c.logConfig)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			program, err := New(ctx, c, log, s.clock)
			if err != nil {
				return err
			}
			log.InfoContext(ctx, "marketplace listens", "address", program.Address(), "base_url", c.BaseURL, "payments", c.PaymentsURL)
			err = program.Run(ctx)
			log.InfoContext(ctx, "marketplace stopped")
			return errors.Join(err, program.Close())
		},
	}, "it prints nothing but its log: LOG_FORMAT=json")
}
