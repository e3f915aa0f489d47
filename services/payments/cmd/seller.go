package cmd

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/settings"
	"tianguis.example/payments"
	"tianguis.example/payments/api"
	"tianguis.example/payments/egress"
	"tianguis.example/payments/store"
)

func sellerCommand(load func() (config, error)) *cobra.Command {
	cmd := &cobra.Command{Use: "seller", Short: "Add and list those who are paid"}
	cmd.AddCommand(sellerAddCommand(load), sellerListCommand(load))
	return cmd
}

func sellerAddCommand(load func() (config, error)) *cobra.Command {
	var seller payments.Seller
	cmd := &cobra.Command{
		Use: "add --id ID --wallet-address URL", Short: "Add a seller, or change one", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withDatabase(cmd, load, func(ctx context.Context, c config, db *database.DB) error {
				keys, err := store.ReadKeys(c.TokenEncryptionKey)
				if err != nil {
					return settings.Wrong("TOKEN_ENCRYPTION_KEY", "%v: set it as the service has it", err)
				}
				clk := clock.System()
				ids, err := newIdentities(c, egress.Client(egress.Options{AllowHosts: c.WalletAllowHosts}), 0, clk)
				if err != nil {
					return err
				}
				service := payments.New(store.New(db, keys), ids.of, clk, nil, payments.Settings{}, nil)
				if err := service.RegisterSeller(ctx, atCommandLine(), seller); err != nil {
					return err
				}
				return cli.Say(cmd, api.Seller{ID: seller.ID, WalletAddressURL: seller.WalletAddressURL, KeyID: seller.KeyID},
					"seller %s is paid at %s", seller.ID, seller.WalletAddressURL)
			})
		},
	}
	cli.WithJSON(cmd)
	cmd.Flags().StringVar(&seller.ID, "id", "", "the seller's id, as the marketplace names it")
	cmd.Flags().StringVar(&seller.WalletAddressURL, "wallet-address", "", "where the seller is paid, such as https://wallet.example/alice")
	cmd.Flags().StringVar(&seller.KeyID, "key-id", "", "the id of a key of the seller's own (default: the platform's key signs)")
	cmd.Flags().StringVar(&seller.PrivateKeyPath, "private-key", "", "the file of that key, below KEY_FOLDER")
	_ = cmd.MarkFlagRequired("id")
	_ = cmd.MarkFlagRequired("wallet-address")
	return cmd
}

type sellerFacts struct {
	ID               string    `json:"id"`
	WalletAddressURL string    `json:"walletAddressUrl"`
	KeyID            string    `json:"keyId,omitempty"`
	PrivateKeyPath   string    `json:"privateKeyPath,omitempty"`
	CreatedAt        time.Time `json:"createdAt"`
	UpdatedAt        time.Time `json:"updatedAt"`
}

func sellerListCommand(load func() (config, error)) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the sellers", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, load, func(ctx context.Context, read *store.Store) error {
				all, err := read.Sellers(ctx)
				if err != nil {
					return err
				}
				if asJSON {
					facts := make([]sellerFacts, len(all))
					for i, s := range all {
						facts[i] = sellerFacts{s.ID, s.WalletAddressURL, s.KeyID, s.PrivateKeyPath, s.CreatedAt, s.UpdatedAt}
					}
					return cli.JSON(cmd.OutOrStdout(), facts)
				}
				table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "ID\tWALLET ADDRESS\tKEY")
				for _, s := range all {
					key := s.KeyID
					if key == "" {
						key = "(the platform's)"
					}
					fmt.Fprintf(table, "%s\t%s\t%s\n", s.ID, s.WalletAddressURL, key)
				}
				return table.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
