package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/store"
)

func (s *shell) audit() *cobra.Command {
	audit := &cobra.Command{Use: "audit", Short: "Look into the audit trail of what operators do"}
	audit.AddCommand(s.auditVerify())
	return audit
}

func (s *shell) auditVerify() *cobra.Command {
	var anchor string
	cmd := &cobra.Command{
		Use: "verify", Short: "Say whether what operators did was changed, removed or added to. Ends with 4 if so", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.withStore(cmd.Context(), func(kept *store.Store, _ databaseConfig) error {
				checked, err := kept.VerifyActions(cmd.Context(), 0, anchor)
				if err != nil {
					return err
				}
				return s.printChecked(cmd, checked)
			})
		},
	}
	cli.WithJSON(cmd)
	cmd.Flags().StringVar(&anchor, "anchor", "", "the `anchor` of an earlier look, kept elsewhere: it must still be there")
	return cmd
}

// checkedReport is what was checked of the audit trail, as JSON.
type checkedReport struct {
	Actions  int64        `json:"actions"`
	Anchor   string       `json:"anchor,omitempty"`
	Findings []flawReport `json:"findings"`
}

type flawReport struct {
	Action int64  `json:"action"` // its number
	Flaw   string `json:"flaw"`
	Detail string `json:"detail"`
}

func (s *shell) printChecked(cmd *cobra.Command, checked marketplace.ActionsChecked) error {
	report := checkedReport{Actions: checked.To, Anchor: checked.Anchor, Findings: []flawReport{}}
	for _, f := range checked.Findings {
		report.Findings = append(report.Findings, flawReport{f.Number, string(f.Flaw), f.Flaw.Word()})
	}
	err := cli.Print(cmd, report, func(out io.Writer) error {
		fmt.Fprintf(out, "actions  %d\n", report.Actions)
		if report.Anchor != "" {
			fmt.Fprintf(out, "anchor   %s\n", report.Anchor)
		}
		for _, f := range report.Findings {
			fmt.Fprintf(out, "%d  %s  %s\n", f.Action, f.Flaw, f.Detail)
		}
		if checked.Holds() {
			fmt.Fprintln(out, "nothing was changed, removed or added")
		}
		return nil
	})
	if err == nil && !checked.Holds() {
		err = cli.Found(fmt.Errorf("the audit trail is not what was written: see the %d findings above, from action %d on", len(checked.Findings), checked.Findings[0].Number))
	}
	return err
}
