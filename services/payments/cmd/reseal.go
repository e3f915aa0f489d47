package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/clock"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/store"
)

// resealing is what the command has done, for people and for scripts.
type resealing struct {
	store.Resealed
	Checkpoint string `json:"checkpoint,omitempty"` // the anchor of the one that was made
}

func resealCommand(load func() (config, error)) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "reseal",
		Short: "Encrypt with the first key of TOKEN_ENCRYPTION_KEY what an older one has encrypted, so that the older one can be removed",
		Long: "Encrypt with the first key of TOKEN_ENCRYPTION_KEY what an older one has encrypted, and sign the audit trail with it, so that the older one can be removed.\n" +
			"The service may run meanwhile, if each of its replicas has the new key first. The command may be run again.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withKeys(cmd, load, func(ctx context.Context, keep *store.Store) error {
				var done resealing
				err := keep.RecordAction(ctx, operator.Action{At: clock.System().Now(), By: atCommandLine(), Kind: operator.ResealSecrets, Detail: "with the first key of TOKEN_ENCRYPTION_KEY"})
				if err != nil {
					return err
				}
				if done.Resealed, err = keep.Reseal(ctx); err != nil {
					return err
				}
				made, err := pinAuditNow(ctx, keep, clock.System())
				if err != nil {
					return fmt.Errorf("sign the audit trail: %w", err)
				}
				if made.Number > 0 {
					done.Checkpoint = made.Anchor()
				}
				return errors.Join(done.print(cmd, asJSON), done.result())
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (r resealing) print(cmd *cobra.Command, asJSON bool) error {
	out := cmd.OutOrStdout()
	if asJSON {
		return cli.JSON(out, r)
	}
	fmt.Fprintf(out, "%d payments and webhook secrets are now encrypted with key %s\n", r.Resealed.Resealed, r.Key)
	for _, failed := range r.Failed {
		fmt.Fprintln(out, failed)
	}
	if r.Checkpoint != "" {
		fmt.Fprintln(out, "audit checkpoint", r.Checkpoint)
	}
	if r.result() == nil {
		fmt.Fprintln(out, "no other key is needed any more")
	}
	return nil
}

func (r resealing) result() error {
	if r.Left > 0 {
		return fmt.Errorf("%d of them still need an older key: does each replica have the new one first? then run this again", r.Left)
	}
	return nil
}
