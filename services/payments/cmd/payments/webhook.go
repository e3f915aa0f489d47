package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tianguis.example/payments/outbox"
	"tianguis.example/payments/store"
)

func webhookCommand(load func() (config, error)) *cobra.Command {
	cmd := &cobra.Command{Use: "webhook", Short: "Look into webhooks"}
	var asJSON bool
	var state string
	var limit int
	list := &cobra.Command{
		Use: "list", Short: "List the newest webhooks and what came of each attempt", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch outbox.State(state) {
			case "", outbox.Pending, outbox.Delivered, outbox.Dead:
			default:
				return fmt.Errorf("there is no state %q: choose pending, delivered or dead", state)
			}
			return withStore(cmd, load, func(ctx context.Context, read *store.Store) error {
				return listWebhooks(ctx, read, outbox.State(state), limit, asJSON, cmd.OutOrStdout())
			})
		},
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	list.Flags().StringVar(&state, "state", "", "only pending, delivered or dead ones")
	list.Flags().IntVar(&limit, "limit", 50, "how many at most")
	cmd.AddCommand(list)
	return cmd
}

func listWebhooks(ctx context.Context, read *store.Store, state outbox.State, limit int, asJSON bool, out io.Writer) error {
	all, err := read.RecentDeliveries(ctx, state, limit)
	if err != nil {
		return err
	}
	facts := make([]webhookFact, len(all))
	for i, d := range all {
		if facts[i], err = webhookStory(ctx, read, d); err != nil {
			return err
		}
	}
	if asJSON {
		return printJSON(out, facts)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range facts {
		f.print(table)
	}
	return table.Flush()
}

type webhookFact struct {
	ID        string        `json:"id"`
	PendingID string        `json:"pendingId"`
	OfferID   string        `json:"offerId"`
	Type      string        `json:"type"`
	State     string        `json:"state"`
	CreatedAt time.Time     `json:"createdAt"`
	NextAt    *time.Time    `json:"nextAt,omitempty"`
	Attempts  []attemptFact `json:"attempts"`
}

type attemptFact struct {
	At         time.Time `json:"at"`
	Status     int       `json:"status,omitempty"`
	DurationMS int64     `json:"durationMs"`
	Answer     string    `json:"answer,omitempty"`
	Error      string    `json:"error,omitempty"`
}

func webhookStory(ctx context.Context, read *store.Store, d outbox.Delivery) (webhookFact, error) {
	f := webhookFact{
		ID: d.ID, PendingID: d.PendingID, OfferID: d.OfferID, Type: d.EventType, State: string(d.State), CreatedAt: d.CreatedAt, Attempts: []attemptFact{},
	}
	if !d.NextAt.IsZero() {
		f.NextAt = &d.NextAt
	}
	attempts, err := read.Attempts(ctx, d.ID)
	for _, a := range attempts {
		f.Attempts = append(f.Attempts, attemptFact{a.At, a.Status, a.Duration.Milliseconds(), a.Excerpt, a.Error})
	}
	return f, err
}

func (f webhookFact) print(w io.Writer) {
	next := ""
	if f.NextAt != nil {
		next = "next at " + stamp(*f.NextAt)
	}
	fmt.Fprintf(w, "%s\twebhook %s\t%s of offer %s\t%s\t%s\n", stamp(f.CreatedAt), f.ID, f.Type, f.OfferID, f.State, next)
	for _, a := range f.Attempts {
		what := a.Error
		if what == "" {
			what = a.Answer
		}
		fmt.Fprintf(w, "%s\tattempt\t%d after %d ms\t%.80q\t\n", stamp(a.At), a.Status, a.DurationMS, what)
	}
}
