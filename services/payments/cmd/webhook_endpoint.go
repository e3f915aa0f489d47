package cmd

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/payments/api"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/rest"
	"tianguis.example/payments/store"
	"tianguis.example/payments/webhook"
)

func webhookEndpointCommand(load func() (config, error)) *cobra.Command {
	cmd := &cobra.Command{Use: "endpoint", Short: "Manage who gets webhooks"}
	cmd.AddCommand(endpointListCommand(load), endpointAddCommand(load))
	for _, one := range []struct {
		use, short, state string
		act               func(ctx context.Context, desk *outbox.Desk, id string) error
	}{
		{"enable", "Send to an endpoint again, beginning with what came meanwhile", "enabled", setEnabled(true)},
		{"disable", "Stop sending to an endpoint; its webhooks are kept until it is enabled again", "disabled", setEnabled(false)},
		{"remove", "Remove an endpoint; what was on its way to it is given up", "removed", func(ctx context.Context, desk *outbox.Desk, id string) error {
			return desk.Remove(ctx, atCommandLine(), id)
		}},
	} {
		cmd.AddCommand(cli.WithJSON(&cobra.Command{
			Use: one.use + " ENDPOINT_ID", Short: one.short, Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return atDesk(cmd, load, func(ctx context.Context, desk *outbox.Desk, _ *store.Store) error {
					if err := one.act(ctx, desk, args[0]); err != nil {
						return err
					}
					return cli.Say(cmd, endpointDone{args[0], one.state}, "endpoint %s is %s", args[0], one.state)
				})
			},
		}))
	}
	return cmd
}

// endpointDone is what has become of an endpoint, as JSON.
type endpointDone struct {
	ID    string `json:"id"`
	State string `json:"state"` // enabled, disabled or removed
}

func setEnabled(enabled bool) func(context.Context, *outbox.Desk, string) error {
	return func(ctx context.Context, desk *outbox.Desk, id string) error {
		_, err := desk.Change(ctx, atCommandLine(), id, outbox.EndpointChange{Enabled: &enabled})
		return err
	}
}

func endpointListCommand(load func() (config, error)) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List who gets webhooks, and how many wait or were given up", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, load, func(ctx context.Context, read *store.Store) error {
				facts, err := endpointFacts(ctx, read)
				if err != nil {
					return err
				}
				if asJSON {
					return cli.JSON(cmd.OutOrStdout(), facts)
				}
				table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "ENDPOINT\tURL\tEVENTS\tSTATE\tPENDING\tDEAD")
				for _, f := range facts {
					events, state := "all", "enabled"
					if len(f.EventTypes) > 0 {
						events = strings.Join(f.EventTypes, ",")
					}
					if !f.Enabled {
						state = "disabled: " + f.DisabledReason
					}
					fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%d\n", f.ID, f.URL, events, state, f.Pending, f.Dead)
				}
				return table.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func endpointFacts(ctx context.Context, read *store.Store) ([]api.WebhookEndpoint, error) {
	all, err := read.Endpoints(ctx)
	if err != nil {
		return nil, err
	}
	standings, err := read.Standings(ctx)
	if err != nil {
		return nil, err
	}
	of := map[string]outbox.Standing{}
	for _, s := range standings {
		of[s.EndpointID] = s
	}
	facts := make([]api.WebhookEndpoint, len(all))
	for i, e := range all {
		facts[i] = rest.WireEndpoint(e, of[e.ID])
	}
	return facts, nil
}

func endpointAddCommand(load func() (config, error)) *cobra.Command {
	var n outbox.NewEndpoint
	var types []string
	cmd := &cobra.Command{
		Use: "add URL", Short: "Add an endpoint, and print the secret that its webhooks are signed with", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			n.URL = args[0]
			for _, t := range types {
				n.Types = append(n.Types, webhook.Type(t))
			}
			return atDesk(cmd, load, func(ctx context.Context, desk *outbox.Desk, _ *store.Store) error {
				e, s, err := desk.Add(ctx, atCommandLine(), n)
				if err != nil {
					return err
				}
				made := api.AddedWebhookEndpoint{WebhookEndpoint: rest.WireEndpoint(e, outbox.Standing{}), Secret: s.Secret.ForReceiver()}
				return cli.Print(cmd, made, func(out io.Writer) error {
					fmt.Fprintf(out, "%s\n%s\n", made.ID, made.Secret)
					_, err := fmt.Fprintln(cmd.ErrOrStderr(), "The endpoint's id, and what its receiver verifies webhooks with, shown this once.")
					return err
				})
			})
		},
	}
	cli.WithJSON(cmd)
	cmd.Flags().StringSliceVar(&types, "type", nil, "only events of this type; may be given several times")
	cli.Choose(cmd, "type", webhook.Types)
	cmd.Flags().StringVar(&n.Description, "description", "", "for people")
	cmd.Flags().BoolVar(&n.Asymmetric, "asymmetric", false, "sign with a key pair (v1a, Ed25519), of which the receiver gets the public half")
	return cmd
}
