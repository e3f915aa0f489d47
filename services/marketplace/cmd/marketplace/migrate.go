package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/database"
	"tianguis.example/marketplace/store"
)

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
				for _, m := range all {
					fmt.Fprintf(s.out, "%s\t%s\n", map[bool]string{true: "applied", false: "pending"}[m.Applied], m.Name)
				}
				return err
			}
			applied, err := database.Migrate(cmd.Context(), db, store.Migrations())
			for _, name := range applied {
				fmt.Fprintln(s.out, "applied", name)
			}
			if err == nil && len(applied) == 0 {
				fmt.Fprintln(s.out, "nothing to apply")
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&status, "status", false, "only say what is applied and what is pending")
	return cmd
}
