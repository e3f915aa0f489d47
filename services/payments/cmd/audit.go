package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/clock"
	"tianguis.example/payments"
	"tianguis.example/payments/store"
)

// pinEvery is how often a running service pins the audit trail. What was written and removed in between is not seen by a checkpoint.
const pinEvery = 10 * time.Minute

// pinAudit pins the audit trail now and then. Each checkpoint is said in the log: whoever keeps that elsewhere has an anchor.
func (p *program) pinAudit(ctx context.Context) {
	for clock.Sleep(ctx, p.clock, pinEvery) == nil {
		made, err := pinAuditNow(ctx, p.store, p.clock)
		switch {
		case err != nil && ctx.Err() == nil:
			p.log.WarnContext(ctx, "pin the audit trail", "error", err)
		case made.Number > 0:
			p.log.InfoContext(ctx, "audit trail pinned", "anchor", made.Anchor(), "events", made.Events)
		}
	}
}

type auditPinner interface {
	AuditFrontier(ctx context.Context) (store.AuditFrontier, error)
	WriteCheckpoint(ctx context.Context, f store.AuditFrontier, now time.Time) (payments.Checkpoint, error)
}

const (
	settleTries = 100
	settleEvery = 100 * time.Millisecond
)

// pinAuditNow writes a checkpoint as soon as the transactions that run are done. It is zero when there is nothing new.
func pinAuditNow(ctx context.Context, keep auditPinner, c clock.Clock) (payments.Checkpoint, error) {
	frontier, err := keep.AuditFrontier(ctx)
	if err != nil {
		return payments.Checkpoint{}, err
	}
	for try := 1; ; try++ {
		made, err := keep.WriteCheckpoint(ctx, frontier, c.Now())
		if !errors.Is(err, store.ErrUnsettled) || try == settleTries {
			return made, err
		}
		if err := clock.Sleep(ctx, c, settleEvery); err != nil {
			return payments.Checkpoint{}, err
		}
	}
}

func auditCommand(load func() (config, error)) *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "Look into the audit trail"}
	cmd.AddCommand(auditVerifyCommand(load))
	return cmd
}

func auditVerifyCommand(load func() (config, error)) *cobra.Command {
	var asJSON bool
	var anchor string
	cmd := &cobra.Command{
		Use: "verify", Short: "Say whether an event of any payment was changed, removed or added. Ends with 4 if so", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withKeys(cmd, load, func(ctx context.Context, keep *store.Store) error {
				report, err := keep.VerifyAudit(ctx, anchor)
				if err != nil {
					return err
				}
				if asJSON {
					err = cli.JSON(cmd.OutOrStdout(), report)
				} else {
					err = printAudit(cmd.OutOrStdout(), report)
				}
				if n := int64(len(report.Findings)) + report.More; err == nil && n > 0 {
					err = cli.Found(fmt.Errorf("the audit trail is not what was written: %d findings", n))
				}
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&anchor, "anchor", "", "the `anchor` of a checkpoint that was kept elsewhere, such as in the service's log: it must still be there")
	return cmd
}

func printAudit(w io.Writer, r payments.AuditReport) error {
	fmt.Fprintf(w, "%d payments with %d events, %d checkpoints over %d of the events\n", r.Payments, r.Events, r.Checkpoints, r.Covered)
	if r.Actions > 0 {
		fmt.Fprintf(w, "%d actions of operators\n", r.Actions)
	}
	if r.Unchained > 0 {
		fmt.Fprintf(w, "%d events are from before the chain began\n", r.Unchained)
	}
	if r.Anchor != "" {
		fmt.Fprintln(w, "anchor", r.Anchor)
	}
	if len(r.Findings) == 0 {
		fmt.Fprintln(w, "nothing was changed, removed or added")
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PROBLEM\tPAYMENT\tEVENT\tID\tDETAIL")
	for _, f := range r.Findings {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", f.Problem, f.PendingID, orNone(max(f.Event, f.Action)), orNone(f.EventID), f.Detail)
	}
	if r.More > 0 {
		fmt.Fprintf(table, "and %d more\n", r.More)
	}
	return table.Flush()
}

func orNone(n int64) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprint(n)
}
