package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/database"
	"tianguis.example/marketplace/store"
)

// migrationReport is one migration, as JSON.
type migrationReport struct {
	Name    string `json:"name"`
	Applied bool   `json:"applied"`
}

func (s *shell) migrate() *cobra.Command {
	var status bool
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			var c databaseConfig
			if _, err := s.load(&c, &c.logConfig); err != nil {
				return err
			}
			db, err := open(cmd.Context(), c, s.clock)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			if status {
				all, err := database.Migrations(cmd.Context(), db, store.Migrations())
				if err != nil {
					return err
				}
				facts := make([]migrationReport, len(all))
				for i, m := range all {
					facts[i] = migrationReport{m.Name, m.Applied}
				}
				return cli.Print(cmd, facts, func(out io.Writer) error {
					for _, m := range facts {
						fmt.Fprintf(out, "%s\t%s\n", map[bool]string{true: "applied", false: "pending"}[m.Applied], m.Name)
					}
					return nil
				})
			}
			applied, err := database.Migrate(cmd.Context(), db, store.Migrations())
			if err != nil && len(applied) == 0 {
				return err
			}
			return errors.Join(err, cli.Print(cmd, map[string][]string{"applied": append([]string{}, applied...)}, func(out io.Writer) error {
				for _, name := range applied {
					fmt.Fprintln(out, "applied", name)
				}
				if len(applied) == 0 {
					fmt.Fprintln(out, "nothing to apply")
				}
				return nil
			}))
		},
	}
	cli.WithJSON(cmd)
	cmd.Flags().BoolVar(&status, "status", false, "only say what is applied and what is pending")
	return cmd
}
