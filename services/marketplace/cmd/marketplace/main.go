// Command marketplace runs the marketplace, and does what its operator needs done.
package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/logging"
	"tianguis.example/chassis/settings"
	"tianguis.example/marketplace"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit := cli.Execute(ctx, command(os.Stdin, os.Stdout, os.Stderr), os.Args[1:], explain)
	stop()
	os.Exit(exit) //nolint:gocritic // exitAfterDefer: stop is called above
}

// explain is what the errors of this program's own packages mean at the command line.
func explain(err error) *cli.Error {
	known, ok := errors.AsType[*marketplace.Error](err)
	if !ok {
		return nil
	}
	exit, special := exits[known.Code]
	if !special {
		exit = cli.Failed
	}
	return &cli.Error{Exit: exit, Code: string(known.Code), Err: err}
}

// exits are those of the codes that mean more than that it did not work.
var exits = map[marketplace.Code]int{
	marketplace.CodeNotFound:     cli.NotFound,
	marketplace.CodeInvalidInput: cli.WrongUsage, marketplace.CodeInvalidWallet: cli.WrongUsage,
	marketplace.CodePaymentsDown: cli.Unreachable, marketplace.CodeBusy: cli.Unreachable, marketplace.CodeFilesDown: cli.Unreachable,
}

// shell is what commands share.
type shell struct {
	in       io.Reader
	out, err io.Writer
	clock    clock.Clock
	file     string // --config
}

func command(in io.Reader, out, errs io.Writer) *cobra.Command {
	s := &shell{in: in, out: out, err: errs, clock: clock.System()}
	root := &cobra.Command{
		Use:           "marketplace",
		Short:         "A job marketplace that is paid over Interledger Open Payments",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	root.PersistentFlags().StringVar(&s.file, "config", "", "read settings from this file, below the environment's (default: .env, if there is one)")
	root.AddCommand(s.serve(), s.migrate(), s.seed(), s.user(), s.job(), s.version(), s.config())
	root.AddCommand(s.audit(), s.message(), s.health(), s.doctor())
	root.AddCommand(s.crashCommands()...)
	return root
}

const defaultFile = ".env"

// load reads a command's settings and makes its logger, which writes beside the command's output.
func (s *shell) load(into any, log *logConfig) (*slog.Logger, error) {
	if err := settings.Load(into, s.settingsFile()); err != nil {
		return nil, err
	}
	return logging.New(s.err, log.LogFormat, log.LogLevel)
}

// settingsFile is the one that --config names, or the one that is read when none is named; "" for none.
func (s *shell) settingsFile() string {
	if s.file != "" {
		return s.file
	}
	if _, err := os.Stat(defaultFile); err == nil {
		return defaultFile
	}
	return ""
}
