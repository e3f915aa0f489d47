package main

import (
	"fmt"

	"github.com/spf13/cobra"

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
		Use: "verify", Short: "Say whether what operators did was changed, removed or added to. Exits with 1 if so", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.withStore(cmd.Context(), func(kept *store.Store, _ databaseConfig) error {
				checked, err := kept.VerifyActions(cmd.Context(), 0, anchor)
				if err != nil {
					return err
				}
				return s.printChecked(checked)
			})
		},
	}
	cmd.Flags().StringVar(&anchor, "anchor", "", "the `anchor` of an earlier look, kept elsewhere: it must still be there")
	return cmd
}

func (s *shell) printChecked(checked marketplace.ActionsChecked) error {
	fmt.Fprintf(s.out, "actions  %d\n", checked.To)
	if checked.Anchor != "" {
		fmt.Fprintf(s.out, "anchor   %s\n", checked.Anchor)
	}
	for _, f := range checked.Findings {
		fmt.Fprintf(s.out, "%d  %s  %s\n", f.Number, f.Flaw, f.Flaw.Word())
	}
	if !checked.Holds() {
		return fmt.Errorf("the audit trail is not what was written: see the %d findings above, from action %d on", len(checked.Findings), checked.Findings[0].Number)
	}
	_, err := fmt.Fprintln(s.out, "nothing was changed, removed or added")
	return err
}
