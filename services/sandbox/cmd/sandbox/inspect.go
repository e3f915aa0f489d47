package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/sandbox"
	"tianguis.example/sandbox/control"
	"tianguis.example/sandbox/page"
)

const urlFlag = "url"

func remote(cmd *cobra.Command) *control.Client {
	base, _ := cmd.Flags().GetString(urlFlag) // it is defined beside every caller
	return control.New(base)
}

func withURL(cmd *cobra.Command) *cobra.Command {
	cli.WithJSON(cmd)
	cmd.Flags().String(urlFlag, "http://localhost:4100", "where the sandbox runs")
	return cmd
}

func walletsCommand() *cobra.Command {
	return withURL(&cobra.Command{
		Use:   "wallets",
		Short: "List the wallets of a running sandbox, with their balances",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			wallets, err := remote(cmd).Wallets(cmd.Context())
			if err != nil {
				return err
			}
			if cli.AsJSON(cmd) {
				return cli.JSON(cmd.OutOrStdout(), wallets)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, a := range wallets {
				balance := sandbox.Amount{Value: a.Balance, Asset: sandbox.Asset{Code: a.AssetCode, Scale: a.AssetScale}}
				_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", a.WalletAddress, a.PublicName, page.Money(balance))
			}
			return w.Flush()
		},
	})
}

func ledgerCommand() *cobra.Command {
	return withURL(&cobra.Command{
		Use:   "ledger",
		Short: "Print the ledger of a running sandbox; ends with 4 if money is not conserved",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ledger, err := remote(cmd).Ledger(cmd.Context())
			if err != nil {
				return err
			}
			err = cli.Print(cmd, ledger, func(out io.Writer) error {
				w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
				for _, e := range ledger.Entries {
					_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t→ %s\t%s\n", e.At.Format("2006-01-02 15:04:05"), page.Money(e.Amount), e.From, e.To, e.Reason)
				}
				return w.Flush()
			})
			if err == nil && !ledger.Conserved {
				err = cli.Found(errors.New("money is not conserved"))
			}
			return err
		},
	})
}
