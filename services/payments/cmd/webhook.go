package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/clock"
	"tianguis.example/payments/api"
	"tianguis.example/payments/egress"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/rest"
	"tianguis.example/payments/store"
	"tianguis.example/payments/webhook"
)

func webhookCommand(load func() (config, error)) *cobra.Command {
	cmd := &cobra.Command{Use: "webhook", Short: "Look into webhooks, send them again, manage who gets them"}
	cmd.AddCommand(
		webhookListCommand(load), webhookShowCommand(load), webhookReplayCommand(load), webhookTestCommand(load),
		webhookSecretCommand(load), webhookEndpointCommand(load),
	)
	return cmd
}

// atDesk runs f with the desk of the store, on a database that a running service may be using.
func atDesk(cmd *cobra.Command, load func() (config, error), f func(context.Context, *outbox.Desk, *store.Store) error) error {
	c, err := load()
	if err != nil {
		return err
	}
	return withKeys(cmd, load, func(ctx context.Context, keep *store.Store) error {
		permits := egress.Options{AllowHosts: c.WebhookAllowHosts}.Check
		// The service finds what is due by asking its database, as it does every POLL_INTERVAL.
		return f(ctx, outbox.NewDesk(keep, clock.System(), permits, func() {}), keep)
	})
}

// picking are the flags that pick deliveries.
type picking struct {
	filter       outbox.Filter
	state        string
	since, until string
}

func (p *picking) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&p.filter.EndpointID, "endpoint", "", "only those for this endpoint: an id, or "+outbox.Configured)
	flags.StringVar(&p.filter.EventType, "type", "", "only events of this type, such as payment.failed")
	cli.Choose(cmd, "type", webhook.Types)
	flags.StringVar(&p.filter.OfferID, "offer", "", "only those of this offer")
	flags.StringVar(&p.filter.PendingID, "payment", "", "only those of this payment")
	flags.StringVar(&p.since, "since", "", "only those made since: a time (2026-11-25T12:00:00Z), a date, or how long ago (2h)")
	flags.StringVar(&p.until, "until", "", "only those made before: likewise")
}

// read turns the flags into a filter.
func (p *picking) read(now time.Time) (outbox.Filter, error) {
	f := p.filter
	var err error
	if f.State, err = readState(p.state); err != nil {
		return f, err
	}
	if f.Since, err = outbox.ParseTime(p.since, now); err != nil {
		return f, cli.Usagef("--since: %w", err)
	}
	if f.Until, err = outbox.ParseTime(p.until, now); err != nil {
		return f, cli.Usagef("--until: %w", err)
	}
	return f, nil
}

func readState(text string) (outbox.State, error) {
	if text == "" || text == "all" {
		return "", nil
	}
	for _, s := range outbox.States {
		if text == string(s) {
			return s, nil
		}
	}
	return "", cli.Usagef("there is no state %q: choose pending, delivered, dead or all", text)
}

func webhookListCommand(load func() (config, error)) *cobra.Command {
	var asJSON bool
	var limit int
	var pick picking
	cmd := &cobra.Command{
		Use: "list", Short: "List the newest webhooks and what came of each attempt", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := pick.read(clock.System().Now())
			if err != nil {
				return err
			}
			return withStore(cmd, load, func(ctx context.Context, read *store.Store) error {
				return listWebhooks(ctx, read, filter, limit, asJSON, cmd.OutOrStdout())
			})
		},
	}
	pick.flags(cmd)
	cmd.Flags().StringVar(&pick.state, "state", "", "only pending, delivered or dead ones")
	cli.Choose(cmd, "state", outbox.States, "all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().IntVar(&limit, "limit", 50, "how many at most")
	return cmd
}

func listWebhooks(ctx context.Context, read *store.Store, f outbox.Filter, limit int, asJSON bool, out io.Writer) error {
	all, err := read.FindDeliveries(ctx, f, limit)
	if err != nil {
		return err
	}
	stories := make([]api.WebhookDelivery, len(all))
	for i, d := range all {
		if stories[i], err = webhookStory(ctx, read, d); err != nil {
			return err
		}
	}
	if asJSON {
		return cli.JSON(out, stories)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, story := range stories {
		printWebhook(table, story)
	}
	return table.Flush()
}

func webhookShowCommand(load func() (config, error)) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show WEBHOOK_ID", Short: "Tell the story of a webhook: what it says, and what came of each attempt", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd, load, func(ctx context.Context, read *store.Store) error {
				return showWebhook(ctx, read, args[0], asJSON, cmd.OutOrStdout())
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func showWebhook(ctx context.Context, read *store.Store, id string, asJSON bool, out io.Writer) error {
	d, err := read.Delivery(ctx, id)
	if err != nil {
		return err
	}
	story, err := webhookStory(ctx, read, d)
	if err != nil {
		return err
	}
	story.Body = string(d.Body)
	if asJSON {
		return cli.JSON(out, story)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	printWebhook(table, story)
	if err := table.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\n%s\n", story.Body)
	return err
}

// webhookStory is a webhook with all of its attempts, without its body.
func webhookStory(ctx context.Context, read *store.Store, d outbox.Delivery) (api.WebhookDelivery, error) {
	attempts, err := read.Attempts(ctx, d.ID)
	return rest.WireAttempts(d, attempts), err
}

func printWebhook(w io.Writer, d api.WebhookDelivery) {
	next := ""
	if !d.NextAt.IsZero() {
		next = "next at " + stamp(d.NextAt)
	}
	what := d.Type
	if d.OfferID != "" {
		what += " of offer " + d.OfferID
	}
	fmt.Fprintf(w, "%s\twebhook %s\t%s to %s\t%s\t%s\n", stamp(d.CreatedAt), d.ID, what, d.EndpointID, d.State, next)
	for _, a := range d.Attempts {
		fmt.Fprintf(w, "%s\tattempt\t%d after %d ms\t%.80q\t\n", stamp(a.At), a.Status, a.DurationMS, cmp.Or(a.Error, a.Answer))
	}
}

func webhookReplayCommand(load func() (config, error)) *cobra.Command {
	var pick picking
	cmd := &cobra.Command{
		Use:   "replay [WEBHOOK_ID]",
		Short: "Send webhooks again, under the same ids: one, those of a time, or all for an endpoint",
		Long: "Send webhooks again, under the same ids: the one that is named, or those that the flags pick, of which --endpoint or --since is needed. Unless --state says otherwise, " +
			"the dead ones. The running service sends them.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return atDesk(cmd, load, func(ctx context.Context, desk *outbox.Desk, _ *store.Store) error {
				if len(args) == 1 {
					d, err := desk.ReplayOne(ctx, atCommandLine(), args[0])
					if err != nil {
						return err
					}
					return cli.Say(cmd, replayed{1, d.ID}, "webhook %s is due; see what comes of it with: payments webhook show %s", d.ID, d.ID)
				}
				filter, err := pick.read(clock.System().Now())
				if err != nil {
					return err
				}
				n, err := desk.Replay(ctx, atCommandLine(), filter)
				if err != nil {
					return err
				}
				return cli.Say(cmd, replayed{Replayed: n}, "%d webhooks are due", n)
			})
		},
	}
	pick.flags(cmd)
	cmd.Flags().StringVar(&pick.state, "state", string(outbox.Dead), "those that are dead, delivered, or all that have ended")
	cli.WithJSON(cmd)
	cli.Choose(cmd, "state", []outbox.State{outbox.Dead, outbox.Delivered}, "all")
	return cmd
}

// replayed is what was made due, as JSON.
type replayed struct {
	Replayed int    `json:"replayed"`
	ID       string `json:"id,omitempty"` // of the one that was named
}

// testEvery is how often it is looked what came of a test event.
const testEvery = 100 * time.Millisecond

func webhookTestCommand(load func() (config, error)) *cobra.Command {
	var endpoint string
	var wait time.Duration
	cmd := &cobra.Command{
		Use: "send-test", Short: "Have the running service send a test event (ping) to an endpoint, and say what comes of it", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return atDesk(cmd, load, func(ctx context.Context, desk *outbox.Desk, read *store.Store) error {
				ping, err := desk.Ping(ctx, atCommandLine(), endpoint)
				if err != nil {
					return err
				}
				return followTest(ctx, cmd, read, ping.ID, wait)
			})
		},
	}
	cmd.Flags().StringVar(&endpoint, "endpoint", outbox.Configured, "the endpoint's id")
	cli.WithJSON(cmd)
	cmd.Flags().DurationVar(&wait, "wait", 20*time.Second, "how long to wait for what comes of it")
	return cmd
}

// followTest waits for a test event's end, and returns an error unless it was taken.
func followTest(ctx context.Context, cmd *cobra.Command, read *store.Store, id string, wait time.Duration) error {
	a, err := awaitTest(ctx, read, id, wait)
	if err != nil {
		return err
	}
	if a.Status/100 == 2 {
		answer := strings.TrimSpace(a.Excerpt)
		return cli.Say(cmd, api.WebhookAttempt{Number: a.Number, At: a.At, URL: a.URL, Status: a.Status, DurationMS: a.Duration.Milliseconds(), Answer: answer},
			"%s answered %d after %d ms: %s", a.URL, a.Status, a.Duration.Milliseconds(), answer)
	}
	if a.Status == 0 {
		return cli.Away(fmt.Errorf("%s did not answer: %s", a.URL, a.Error))
	}
	return fmt.Errorf("%s answered %d: %s", a.URL, a.Status, strings.TrimSpace(a.Excerpt))
}

// awaitTest waits until a test event has been sent, and returns the attempt.
func awaitTest(ctx context.Context, read *store.Store, id string, wait time.Duration) (outbox.Attempt, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, wait, errors.New("nobody has sent it: is the service running, on this database? See later with: payments webhook show "+id))
	defer cancel()
	for {
		d, err := read.Delivery(ctx, id)
		if ctx.Err() != nil {
			return outbox.Attempt{}, context.Cause(ctx) // the read may have been broken off by it
		}
		if err != nil {
			return outbox.Attempt{}, err
		}
		if d.State != outbox.Pending {
			break
		}
		if clock.Sleep(ctx, clock.System(), testEvery) != nil {
			return outbox.Attempt{}, context.Cause(ctx)
		}
	}
	attempts, err := read.Attempts(ctx, id)
	if err != nil {
		return outbox.Attempt{}, err
	}
	if len(attempts) == 0 {
		return outbox.Attempt{}, errors.New("its endpoint was removed before it was sent")
	}
	return attempts[len(attempts)-1], nil
}
