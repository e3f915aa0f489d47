package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/payments"
	"tianguis.example/payments/egress"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/store"
)

type reconcileFlags struct {
	since         time.Duration
	all, nudge    bool
	format, least string
}

func reconcileCommand(load func() (config, error)) *cobra.Command {
	var f reconcileFlags
	cmd := &cobra.Command{
		Use: "reconcile", Short: "Compare what is believed of payments with what the wallets say", Args: cobra.NoArgs,
		Long: "Compare what is believed of payments with what the wallets say: all that have not ended, and those that changed lately.\n" +
			"Ends with 0 when there is nothing to say, with 4 when there is, and with another when it could not be done.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cli.AsJSON(cmd) {
				f.format = formatJSON
			}
			write, err := f.writer()
			if err != nil {
				return err
			}
			return withDatabase(cmd, load, func(ctx context.Context, c config, db *database.DB) error {
				return reconcile(ctx, c, db, f, clock.System(), write, cmd.OutOrStdout())
			})
		},
	}
	cli.WithJSON(cmd)
	cmd.Flags().DurationVar(&f.since, "since", reconcileWindow, "also those that have ended and changed within this time")
	cmd.Flags().BoolVar(&f.all, "all", false, "every payment there is")
	cmd.Flags().StringVar(&f.format, "format", "table", "table, json or csv")
	cmd.Flags().StringVar(&f.least, "severity", string(payments.SeverityNotice), "only findings of this severity and above: notice, warning or error")
	cmd.Flags().BoolVar(&f.nudge, "nudge", false, "make paid_but_unmarked payments due at once, for a running service to mark them")
	cli.Choose(cmd, "format", formats)
	cli.Choose(cmd, "severity", payments.Severities)
	return cmd
}

const formatJSON = "json"

var formats = []string{"table", formatJSON, "csv"}

// words say what is compared, for the record.
func (f reconcileFlags) words() string {
	text := "those that changed within " + f.since.String()
	if f.all {
		text = "every payment there is"
	}
	if f.nudge {
		text += "; with the nudge"
	}
	return text
}

type reportWriter func(io.Writer, payments.Report) error

func (f reconcileFlags) writer() (reportWriter, error) {
	write := map[string]reportWriter{"table": writeTable, formatJSON: writeJSON, "csv": writeCSV}[f.format]
	switch {
	case write == nil:
		return nil, cli.Usagef("there is no format %q: choose table, json or csv", f.format)
	case !slices.Contains(payments.Severities, payments.Severity(f.least)):
		return nil, cli.Usagef("there is no severity %q: choose notice, warning or error", f.least)
	case f.since <= 0:
		return nil, cli.Usagef("--since must be above zero; --all is for every payment there is")
	}
	return write, nil
}

func reconcile(ctx context.Context, c config, db *database.DB, f reconcileFlags, clk clock.Clock, write reportWriter, out io.Writer) error {
	keys, err := store.ReadKeys(c.TokenEncryptionKey)
	if err != nil {
		return fmt.Errorf("TOKEN_ENCRYPTION_KEY: %w", err)
	}
	ids, err := newIdentities(c, egress.Client(egress.Options{AllowHosts: c.WalletAllowHosts}), 0, clk)
	if err != nil {
		return err
	}
	keep := store.New(db, keys)
	if err := keep.RecordAction(ctx, operator.Action{At: clk.Now(), By: atCommandLine(), Kind: operator.Reconcile, Detail: f.words()}); err != nil {
		return err
	}
	service := payments.New(keep, ids.of, clk, slog.New(slog.DiscardHandler), payments.Settings{}, func() {})
	request := payments.ReconcileRequest{Nudge: f.nudge}
	if !f.all {
		request.ChangedSince = clk.Now().Add(-f.since)
	}
	report, err := service.Reconcile(ctx, request)
	report.Findings = atLeast(payments.Severity(f.least), report.Findings)
	if err := errors.Join(err, write(out, report)); err != nil {
		return err
	}
	if n := len(report.Findings); n > 0 {
		return cli.Found(fmt.Errorf("found %d differences in %d payments", n, report.Compared))
	}
	return nil
}

func atLeast(least payments.Severity, findings []payments.Finding) []payments.Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f payments.Finding) bool {
		return slices.Index(payments.Severities, f.Severity) < slices.Index(payments.Severities, least)
	})
}
