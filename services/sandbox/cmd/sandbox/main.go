// Command sandbox is a wallet for local use, with several wallet addresses, a consent
// page and money that is none. See package sandbox.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit := cli.Execute(ctx, root(), os.Args[1:], nil)
	stop()
	os.Exit(exit) //nolint:gocritic // stop is called above
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "sandbox",
		Short:         "A wallet for local use that behaves like a real one. It holds no real money.",
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       revision(),
	}
	cmd.AddCommand(healthCommand())
	cmd.AddCommand(serveCommand(), walletsCommand(), ledgerCommand(), configCommand(), cli.WithJSON(&cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cli.Say(cmd, map[string]string{"service": "sandbox", "version": revision()}, "%s", revision())
		},
	}))
	return cmd
}

// version is stamped in by the build of an image, which does not see the history.
var version = ""

// revision is the version that was stamped in, or the commit that this was built from, where the build knows it.
func revision() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return info.Main.Version
}
