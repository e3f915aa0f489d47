package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/settings"
)

// version is stamped in by the build of an image, which does not see the history.
var version = ""

func (s *shell) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which build this is",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(s.out, "marketplace %s, %s %s/%s\n", revision(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
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
	config.AddCommand(&cobra.Command{
		Use:   "example",
		Short: "Print every setting with its default, as .env.example shows it",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return settings.WriteExample(s.out, service, Config{}) },
	})
	return config
}
