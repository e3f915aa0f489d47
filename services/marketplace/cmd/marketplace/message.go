package main

import (
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/store"
)

func (s *shell) message() *cobra.Command {
	message := &cobra.Command{Use: "message", Short: "E-mails and SMS: what waits, what was given up"}
	message.AddCommand(s.messageList(), s.messageRetry())
	return message
}

func (s *shell) messageList() *cobra.Command {
	var state, channel, before string
	var limit int
	var asJSON bool
	list := &cobra.Command{
		Use:   "list",
		Short: "List messages, the newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter := store.MessageFilter{State: marketplace.MessageState(state), Channel: marketplace.Channel(channel), Before: before}
			if state != "" && !slices.Contains(marketplace.MessageStates, filter.State) {
				return cli.Usagef("--state %q: must be pending, sent or dead", state)
			}
			if channel != "" && !slices.Contains(marketplace.Channels, filter.Channel) {
				return cli.Usagef("--channel %q: must be email or sms", channel)
			}
			return s.withStore(cmd.Context(), func(kept *store.Store, _ databaseConfig) error {
				all, err := kept.Messages(cmd.Context(), filter, limit)
				if err != nil {
					return err
				}
				if asJSON {
					return s.messagesAsJSON(all)
				}
				table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "MESSAGE\tSTATE\tCHANNEL\tKIND\tTO\tJOB\tWRITTEN\tATTEMPTS\tNEXT\tERROR")
				for _, m := range all {
					job, next := "", ""
					if m.Facts.JobID != 0 {
						job = m.Facts.JobID.String()
					}
					if m.State == marketplace.MessagePending {
						next = m.NextAt.Format(time.RFC3339)
					}
					fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n",
						m.ID, m.State, m.Channel, m.Kind, m.To, job, m.At.Format(time.RFC3339), m.Attempts, next, m.Error)
				}
				return table.Flush()
			})
		},
	}
	list.Flags().StringVar(&state, "state", "", "only those: pending, sent or dead")
	list.Flags().StringVar(&channel, "channel", "", "only those: email or sms")
	cli.Choose(list, "state", marketplace.MessageStates)
	cli.Choose(list, "channel", marketplace.Channels)
	list.Flags().StringVar(&before, "before", "", "only older ones than this message: the last of the page before")
	list.Flags().IntVar(&limit, "limit", 50, "how many")
	list.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return list
}

// messageReport is what `message list --json` prints of each: never what it says, which may hold a secret.
type messageReport struct {
	ID       string                       `json:"id"`
	State    marketplace.MessageState     `json:"state"`
	Channel  marketplace.Channel          `json:"channel"`
	Kind     marketplace.NotificationKind `json:"kind"`
	To       string                       `json:"to"`
	Language string                       `json:"language"`
	Attempts int                          `json:"attempts"`
	Error    string                       `json:"error,omitempty"`
	At       time.Time                    `json:"at"`
	EndedAt  time.Time                    `json:"ended_at,omitzero"`
}

func (s *shell) messagesAsJSON(all []marketplace.Message) error {
	reports := []messageReport{}
	for _, m := range all {
		reports = append(reports, messageReport{
			ID: m.ID, State: m.State, Channel: m.Channel, Kind: m.Kind, To: m.To, Language: m.Language, Attempts: m.Attempts, Error: m.Error, At: m.At, EndedAt: m.EndedAt,
		})
	}
	return cli.JSON(s.out, reports)
}

func (s *shell) messageRetry() *cobra.Command {
	var all bool
	retry := &cobra.Command{
		Use:   "retry [<id> …]",
		Short: "Have dead messages sent again: those named, or --all; they keep their ids",
		RunE: func(cmd *cobra.Command, ids []string) error {
			if all == (len(ids) > 0) {
				return cli.Usagef("name the messages, or say --all")
			}
			return s.withStore(cmd.Context(), func(kept *store.Store, _ databaseConfig) error {
				n, err := kept.RetryMessages(cmd.Context(), ids, s.clock.Now())
				if err != nil {
					return err
				}
				if err := cli.Say(cmd, map[string]int64{"retried": n}, "%d of them are due again; a running marketplace sends them", n); err != nil {
					return err
				}
				if int(n) < len(ids) {
					return errors.New("the others are not dead, or what they said is forgotten: a link to a new password is not sent late")
				}
				return nil
			})
		},
	}
	cli.WithJSON(retry)
	retry.Flags().BoolVar(&all, "all", false, "every dead message")
	return retry
}
