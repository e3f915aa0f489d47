package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/settings"
)

// version is stamped in by the build of an image, which does not see the history.
var version = ""

func (s *shell) version() *cobra.Command {
	return cli.WithJSON(&cobra.Command{
		Use:   "version",
		Short: "Say which build this is",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cli.Say(cmd, map[string]string{"service": service, "version": revision(), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH},
				"marketplace %s, %s %s/%s", revision(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		},
	})
}

// revision says which build this is.
func revision() string {
	if version != "" {
		return version
	}
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, s := range build.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}

func (s *shell) config() *cobra.Command {
	config := &cobra.Command{Use: "config", Short: "About the settings"}
	config.AddCommand(cli.NoJSON(&cobra.Command{
		Use:   "example",
		Short: "Print every setting with its default, as .env.example shows it",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return settings.WriteExample(s.out, service, Config{}) },
	}, "it prints a dotenv file"))
	return config
}
