package cmd

import (
	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/settings"
)

func configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Help with the configuration"}
	cmd.AddCommand(cli.NoJSON(&cobra.Command{
		Use: "example", Short: "Print every setting with its default, as .env.example has it", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return settings.WriteExample(cmd.OutOrStdout(), "payments", config{})
		},
	}, "it prints a dotenv file"))
	return cmd
}
