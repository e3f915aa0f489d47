package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/store"
)

func (s *shell) user() *cobra.Command {
	user := &cobra.Command{Use: "user", Short: "People with an account"}
	user.AddCommand(s.userAdd(), s.userList(), s.userPassword(), s.userEmail(), s.userOperator(), s.userEvents())
	user.AddCommand(s.userAct(marketplace.DisablePerson, "Close a person's account: nobody can sign in to it, and they are signed out everywhere"),
		s.userAct(marketplace.EnablePerson, "Open a person's account again"),
		s.userAct(marketplace.SignPersonOut, "Sign a person out everywhere"))
	return user
}

func (s *shell) userAdd() *cobra.Command {
	var email, name, role, wallet string
	var operator bool
	add := &cobra.Command{
		Use:   "add",
		Short: "Add a person; the password is read from the first line of standard input",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			password, err := s.password()
			if err != nil {
				return err
			}
			u, err := marketplace.NewUser(email, name, password, marketplace.Role(role), wallet, s.clock.Now())
			if err != nil {
				return plain(err)
			}
			u.Operator = operator
			return s.withStore(cmd.Context(), func(kept *store.Store, _ databaseConfig) error {
				id, err := kept.CreateUser(cmd.Context(), u)
				if err != nil {
					return plain(err)
				}
				u.ID = id
				return cli.Say(cmd, userReportOf(u), "added %s as number %s", u.Email, id)
			})
		},
	}
	cli.WithJSON(add)
	add.Flags().StringVar(&email, "email", "", "to sign in with")
	add.Flags().StringVar(&name, "name", "", "as shown to others")
	add.Flags().StringVar(&role, "role", string(marketplace.Both), "funder, worker or both")
	add.Flags().StringVar(&wallet, "wallet", "", "wallet address, such as https://wallet.example/alice; nobody looks whether it is one")
	cli.Choose(add, "role", []marketplace.Role{marketplace.Funder, marketplace.Worker, marketplace.Both})
	add.Flags().BoolVar(&operator, "operator", false, "sees every job, and what needs a person")
	_ = add.MarkFlagRequired("email")
	_ = add.MarkFlagRequired("name")
	return add
}

// password is the first line of standard input.
func (s *shell) password() (string, error) {
	line, err := bufio.NewReader(s.in).ReadString('\n')
	if err != nil && line == "" {
		return "", cli.Usagef("no password on standard input")
	}
	return strings.TrimRight(line, "\r\n"), nil
}

func (s *shell) userList() *cobra.Command {
	return cli.WithJSON(&cobra.Command{
		Use:   "list",
		Short: "List everybody",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.withStore(cmd.Context(), func(kept *store.Store, _ databaseConfig) error {
				table, asJSON := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0), cli.AsJSON(cmd)
				if !asJSON {
					fmt.Fprintln(table, "NUMBER\tE-MAIL\tNAME\tROLE\tOPERATOR\tSTATE\tSINCE\tWALLET\tCURRENCY")
				}
				for after := marketplace.UserID(0); ; {
					page, err := kept.Users(cmd.Context(), after, usersAtATime)
					if err != nil {
						return err
					}
					for _, u := range page {
						after = u.ID
						if !asJSON {
							printUser(table, u)
						} else if err := cli.Line(s.out, userReportOf(u)); err != nil { // one line each: there may be very many
							return err
						}
					}
					if len(page) < usersAtATime {
						return table.Flush()
					}
				}
			})
		},
	})
}

// userReport is a person, as JSON.
type userReport struct {
	ID               marketplace.UserID `json:"user_id"`
	Email            string             `json:"email"`
	Name             string             `json:"name"`
	Role             marketplace.Role   `json:"role"`
	Operator         bool               `json:"operator"`
	Disabled         bool               `json:"disabled"`
	CreatedAt        time.Time          `json:"created_at"`
	WalletAddressURL string             `json:"wallet_address"`
	AssetCode        string             `json:"asset_code,omitempty"` // of a wallet that has answered
}

func userReportOf(u marketplace.User) userReport {
	return userReport{u.ID, u.Email, u.Name, u.Role, u.Operator, u.Disabled(), u.CreatedAt, u.WalletAddressURL, u.Wallet.AssetCode}
}

// usersAtATime is how many people are read in one query.
const usersAtATime = 500

func printUser(to io.Writer, u marketplace.User) {
	currency := u.Wallet.AssetCode
	if u.WalletAddressURL != "" && !u.Wallet.Checked() {
		currency = "not checked"
	}
	state := "enabled"
	if u.Disabled() {
		state = "disabled"
	}
	fmt.Fprintf(to, "%s\t%s\t%s\t%s\t%t\t%s\t%s\t%s\t%s\n",
		u.ID, u.Email, u.Name, u.Role, u.Operator, state, u.CreatedAt.Format(time.DateOnly), u.WalletAddressURL, currency)
}

// changeUser is a command that changes the account of one person, who is found by e-mail.
func (s *shell) changeUser(use, short, done string, decide func(u marketplace.User, reason string) (marketplace.AccountChange, error)) *cobra.Command {
	var email, reason string
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.withUser(cmd.Context(), email, func(kept *store.Store, u marketplace.User) error {
				change, err := decide(u, reason)
				if err != nil {
					return err
				}
				if err := kept.ChangeAccount(cmd.Context(), change); err != nil {
					return err
				}
				return cli.Say(cmd, userReportOf(change.After), "%s: %s", change.After.Email, done)
			})
		},
	}
	cli.WithJSON(cmd)
	cmd.Flags().StringVar(&email, "email", "", "whose account it is")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the audit trail")
	_ = cmd.MarkFlagRequired("email")
	return cmd
}

func (s *shell) withUser(ctx context.Context, email string, do func(*store.Store, marketplace.User) error) error {
	return s.withStore(ctx, func(kept *store.Store, _ databaseConfig) error {
		u, err := kept.UserByEmail(ctx, marketplace.NormalEmail(email))
		if err != nil {
			return plain(err)
		}
		return plain(do(kept, u))
	})
}

func (s *shell) userPassword() *cobra.Command {
	return s.changeUser("password", "Give a person another password, and sign them out everywhere; it is read from the first line of standard input",
		"the password is changed, and nobody is signed in with the old one", func(u marketplace.User, reason string) (marketplace.AccountChange, error) {
			password, err := s.password()
			if err != nil {
				return marketplace.AccountChange{}, err
			}
			c, err := u.SetPassword(password, marketplace.AccountPasswordReset, marketplace.CommandLine, s.clock.Now())
			return c.Audited(marketplace.AtCommandLine, reason), err
		})
}

func (s *shell) userEmail() *cobra.Command {
	var to string
	cmd := s.changeUser("email", "Give a person another e-mail, to sign in with", "the e-mail is changed", func(u marketplace.User, reason string) (marketplace.AccountChange, error) {
		email, err := marketplace.ParseEmail(to)
		if err != nil {
			return marketplace.AccountChange{}, err
		}
		return u.SetEmail(email, marketplace.CommandLine, s.clock.Now()).Audited(marketplace.AtCommandLine, reason), nil
	})
	cmd.Flags().StringVar(&to, "to", "", "the new one")
	_ = cmd.MarkFlagRequired("to")
	return cmd
}

func (s *shell) userOperator() *cobra.Command {
	var remove bool
	cmd := s.changeUser("operator", "Make a person an operator, who sees every job, and what needs a person", "done", func(u marketplace.User, reason string) (marketplace.AccountChange, error) {
		act := marketplace.MakeOperator
		if remove {
			act = marketplace.UnmakeOperator
		}
		return u.Operate(act, marketplace.AtCommandLine, reason, s.clock.Now())
	})
	cmd.Flags().BoolVar(&remove, "remove", false, "make them one no more")
	return cmd
}

// userAct is what operators do on the pages, too.
func (s *shell) userAct(act marketplace.PersonAct, short string) *cobra.Command {
	return s.changeUser(string(act), short, "done", func(u marketplace.User, reason string) (marketplace.AccountChange, error) {
		return u.Operate(act, marketplace.AtCommandLine, reason, s.clock.Now())
	})
}

func (s *shell) userEvents() *cobra.Command {
	var email string
	var limit int
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Tell what happened to a person's account, the newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.withUser(cmd.Context(), email, func(kept *store.Store, u marketplace.User) error {
				events, err := kept.AccountEvents(cmd.Context(), u.ID, limit)
				if err != nil {
					return err
				}
				reports := make([]accountEventReport, len(events))
				for i, e := range events {
					reports[i] = accountEventReport{e.At, e.Event, e.Peer, e.Detail}
				}
				return cli.Print(cmd, reports, func(out io.Writer) error {
					table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
					for _, e := range reports {
						fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", e.At.Format(time.RFC3339), e.Event, e.Peer, e.Detail)
					}
					return table.Flush()
				})
			})
		},
	}
	cli.WithJSON(cmd)
	cmd.Flags().StringVar(&email, "email", "", "whose account it is")
	cmd.Flags().IntVar(&limit, "limit", 100, "so many at most")
	_ = cmd.MarkFlagRequired("email")
	return cmd
}

// accountEventReport is what happened to an account once, as JSON.
type accountEventReport struct {
	At     time.Time `json:"at"`
	Event  string    `json:"event"`
	Peer   string    `json:"peer,omitempty"`
	Detail string    `json:"detail,omitempty"`
}

// plain is the sentence of an error of ours, for a terminal.
func plain(err error) error {
	if known, ok := errors.AsType[*marketplace.Error](err); ok {
		return &sentence{inner: known}
	}
	return err
}

// sentence is an error of ours that says its sentence alone.
type sentence struct{ inner *marketplace.Error }

func (s *sentence) Error() string { return s.inner.Sentence() }

// Unwrap is the error with its code.
func (s *sentence) Unwrap() error { return s.inner }
