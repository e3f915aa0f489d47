// Command setup does what must be done once before the services of the compose stack can start: it makes their secrets
// (secrets), each where only its reader finds it, and tells the platform's public key to the sandbox wallet (platform-key).
// Both are safe to repeat, and are: at each start of the stack. Later it puts another secret in the place of one (put).
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is stamped in by the build.
var version = ""

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "setup:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop is called above
	}
}

func root() *cobra.Command {
	command := &cobra.Command{
		Use: "setup", Short: "Set up the compose stack", Version: version,
		SilenceUsage: true, SilenceErrors: true,
	}
	command.AddCommand(secretsCommand(), putCommand(), platformKeyCommand())
	return command
}
