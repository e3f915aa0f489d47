package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tianguis.example/marketplace"
	"tianguis.example/marketplace/store"
)

func (s *shell) user() *cobra.Command {
	user := &cobra.Command{Use: "user", Short: "People with an account"}
	var email, name, role, wallet string
	var operator bool
	add := &cobra.Command{
		Use:   "add",
		Short: "Add a person; the password is read from the first line of standard input",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			line, err := bufio.NewReader(s.in).ReadString('\n')
			if err != nil && line == "" {
				return errors.New("no password on standard input")
			}
			u, err := marketplace.NewUser(email, name, strings.TrimRight(line, "\r\n"), marketplace.Role(role), wallet, s.clock.Now())
			if err != nil {
				return plain(err)
			}
			u.Operator = operator
			return s.withStore(cmd.Context(), func(kept *store.Store, _ databaseConfig) error {
				id, err := kept.CreateUser(cmd.Context(), u)
				if err != nil {
					return plain(err)
				}
				_, err = fmt.Fprintf(s.out, "added %s as number %s\n", u.Email, id)
				return err
			})
		},
	}
	add.Flags().StringVar(&email, "email", "", "to sign in with")
	add.Flags().StringVar(&name, "name", "", "as shown to others")
	add.Flags().StringVar(&role, "role", string(marketplace.Both), "funder, worker or both")
	add.Flags().StringVar(&wallet, "wallet", "", "wallet address, such as https://wallet.example/alice")
	add.Flags().BoolVar(&operator, "operator", false, "sees every job, and what needs a person")
	_ = add.MarkFlagRequired("email")
	_ = add.MarkFlagRequired("name")
	user.AddCommand(add)
	return user
}

// plain is the sentence of an error of ours, for a terminal.
func plain(err error) error {
	if known, ok := errors.AsType[*marketplace.Error](err); ok {
		return errors.New(known.Sentence())
	}
	return err
}
