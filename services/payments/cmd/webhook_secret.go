package cmd

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/clock"
	"tianguis.example/payments/api"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/rest"
	"tianguis.example/payments/store"
)

func webhookSecretCommand(load func() (config, error)) *cobra.Command {
	cmd := &cobra.Command{Use: "secret", Short: "See and replace what webhooks are signed with"}
	cmd.AddCommand(secretListCommand(load), secretRotateCommand(load))
	return cmd
}

func secretListCommand(load func() (config, error)) *cobra.Command {
	var endpoint string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List an endpoint's secrets by their fingerprints", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withKeys(cmd, load, func(ctx context.Context, read *store.Store) error {
				if _, err := read.Endpoint(ctx, endpoint); err != nil {
					return err
				}
				all, err := read.EndpointSecrets(ctx, endpoint)
				if err != nil {
					return err
				}
				now := clock.System().Now()
				facts := make([]api.WebhookSecret, len(all))
				for i, s := range all {
					facts[i] = rest.WireSecret(s, now)
				}
				if asJSON {
					return cli.JSON(cmd.OutOrStdout(), facts)
				}
				table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "FINGERPRINT\tKIND\tFROM\tSINCE\tSIGNS")
				for _, f := range facts {
					from, signs := "rotation", "yes"
					if f.Configured {
						from = "WEBHOOK_SECRET"
					}
					if !f.ExpiresAt.IsZero() {
						signs = "until " + stamp(f.ExpiresAt)
					}
					if !f.Active {
						signs = "no more, since " + stamp(f.ExpiresAt)
					}
					fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", f.Fingerprint, f.Kind, from, stamp(f.CreatedAt), signs)
				}
				return table.Flush()
			})
		},
	}
	cmd.Flags().StringVar(&endpoint, "endpoint", outbox.Configured, "the endpoint's id")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func secretRotateCommand(load func() (config, error)) *cobra.Command {
	var endpoint string
	var overlap time.Duration
	var asymmetric bool
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Make a new secret; the old one signs beside it for a while",
		Long: "Make a new secret for an endpoint, and print it. Webhooks are signed with the new and the old one until the overlap is over: give the receiver the new one before. " +
			"The old one then signs nothing any more, also while WEBHOOK_SECRET still names it. --overlap 0s is for a secret that has leaked.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return atDesk(cmd, load, func(ctx context.Context, desk *outbox.Desk, _ *store.Store) error {
				made, until, err := desk.Rotate(ctx, atCommandLine(), endpoint, asymmetric, overlap)
				if err != nil {
					return err
				}
				rotated := api.RotatedWebhookSecret{Secret: made.Secret.ForReceiver(), OldExpiresAt: until}
				return cli.Print(cmd, rotated, func(out io.Writer) error {
					fmt.Fprintln(out, rotated.Secret)
					_, err := fmt.Fprintf(cmd.ErrOrStderr(), "Shown this once. Give it to the receiver by %s: older secrets of endpoint %s sign nothing after that.\n", stamp(until), endpoint)
					return err
				})
			})
		},
	}
	cli.WithJSON(cmd)
	cmd.Flags().StringVar(&endpoint, "endpoint", outbox.Configured, "the endpoint's id")
	cmd.Flags().DurationVar(&overlap, "overlap", outbox.DefaultOverlap, "how long the old secret signs too")
	cmd.Flags().BoolVar(&asymmetric, "asymmetric", false, "make a key pair (v1a, Ed25519), of which the receiver gets the public half")
	return cmd
}
