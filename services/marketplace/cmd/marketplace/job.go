package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/store"
	"tianguis.example/payments/money"
)

// withStore opens the database for one command.
func (s *shell) withStore(ctx context.Context, do func(*store.Store, databaseConfig) error) (err error) {
	var c databaseConfig
	log, err := s.load(&c, &c.logConfig)
	if err != nil {
		return err
	}
	db, err := openMigrated(ctx, c, log, s.clock)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return do(store.New(db), c)
}

func (s *shell) job() *cobra.Command {
	job := &cobra.Command{Use: "job", Short: "Look at jobs"}
	var asJSON bool
	show := &cobra.Command{
		Use:   "show <id>",
		Short: "Show a job, its payment and its history",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := marketplace.ParseJobID(args[0])
			if err != nil {
				return plain(err)
			}
			return s.withStore(cmd.Context(), func(kept *store.Store, _ databaseConfig) error {
				view, err := kept.AnyJob(cmd.Context(), id)
				if err != nil {
					return plain(err)
				}
				if asJSON {
					return cli.JSON(s.out, reportOf(view))
				}
				return s.printJob(view)
			})
		},
	}
	show.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	var state string
	list := &cobra.Command{
		Use:   "list",
		Short: "List all jobs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if state != "" && !slices.Contains(marketplace.States, marketplace.State(state)) {
				return cli.Usagef("--state %s: is none of %v", state, marketplace.States)
			}
			return s.withStore(cmd.Context(), func(kept *store.Store, _ databaseConfig) error {
				lines, err := kept.AllJobs(cmd.Context())
				if err != nil {
					return err
				}
				if cli.AsJSON(cmd) {
					reports := []jobLine{}
					for _, l := range lines {
						if state == "" || string(l.State) == state {
							reports = append(reports, jobLine{l.ID, l.Title, l.State, l.Budget, l.FunderName, l.WorkerName, l.ContractCompleted, timeOrNone(l.Deadline)})
						}
					}
					return cli.JSON(s.out, reports)
				}
				table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "JOB\tSTATE\tUNTIL\tPAID\tBUDGET\tFUNDER\tWORKER\tTITLE")
				for _, l := range lines {
					if state == "" || string(l.State) == state {
						fmt.Fprintf(table, "%s\t%s\t%s\t%t\t%s\t%s\t%s\t%s\n", l.ID, l.State, until(l.Job), l.ContractCompleted, l.Budget, l.FunderName, l.WorkerName, l.Title)
					}
				}
				return table.Flush()
			})
		},
	}
	cli.WithJSON(list)
	list.Flags().StringVar(&state, "state", "", "only jobs in this state")
	cli.Choose(list, "state", marketplace.States)
	job.AddCommand(show, list)
	return job
}

// until is a job's deadline, or "-".
func until(j marketplace.Job) string {
	if j.Deadline.IsZero() {
		return "-"
	}
	return j.Deadline.Format(time.RFC3339)
}

// jobLine is what `job list --json` prints of each.
type jobLine struct {
	JobID             marketplace.JobID `json:"job_id"`
	Title             string            `json:"title"`
	Status            marketplace.State `json:"job_status"`
	Budget            money.Amount      `json:"budget"`
	Funder            string            `json:"funder"`
	Worker            string            `json:"worker"`
	ContractCompleted bool              `json:"contract_completed"`
	Deadline          *time.Time        `json:"deadline"`
}

// jobReport is what `job show --json` prints.
type jobReport struct {
	JobID             marketplace.JobID   `json:"job_id"`
	Title             string              `json:"title"`
	Status            marketplace.State   `json:"job_status"`
	Budget            money.Amount        `json:"budget"`
	Funder            string              `json:"funder"`
	Worker            string              `json:"worker"`
	PaymentID         string              `json:"payment_id"`
	ContractCompleted bool                `json:"contract_completed"`
	Deadline          *time.Time          `json:"deadline"`
	Attempt           *attemptReport      `json:"attempt"`
	Applications      []applicationReport `json:"applications"`
	Submissions       []submissionReport  `json:"submissions"`
	History           []entryReport       `json:"history"`
}

type applicationReport struct {
	Worker      string     `json:"worker"`
	AppliedAt   time.Time  `json:"applied_at"`
	WithdrawnAt *time.Time `json:"withdrawn_at,omitempty"`
}

type submissionReport struct {
	ID         string       `json:"id"`
	At         time.Time    `json:"at"`
	RejectedAt *time.Time   `json:"rejected_at,omitempty"`
	Reason     string       `json:"reason,omitempty"`
	Files      []fileReport `json:"files"`
}

type fileReport struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	MediaType string `json:"media_type"`
	Size      int64  `json:"size"`
	SHA256    string `json:"sha256"`
}

type attemptReport struct {
	PendingID string                   `json:"pending_id"`
	State     marketplace.AttemptState `json:"state"`
	Reason    string                   `json:"reason,omitempty"`
	CreatedAt time.Time                `json:"created_at"`
}

type entryReport struct {
	At     time.Time         `json:"at"`
	Event  string            `json:"event"`
	By     string            `json:"by,omitempty"`
	From   marketplace.State `json:"from"`
	To     marketplace.State `json:"to"`
	Detail string            `json:"detail,omitempty"`
}

func reportOf(v marketplace.JobView) jobReport {
	r := jobReport{
		JobID: v.ID, Title: v.Title, Status: v.State, Budget: v.Budget, Funder: v.FunderPerson.Name, Worker: v.WorkerPerson.Name,
		PaymentID: v.PaymentID, ContractCompleted: v.ContractCompleted, History: []entryReport{},
		Deadline: timeOrNone(v.Deadline), Applications: []applicationReport{}, Submissions: []submissionReport{},
	}
	for _, a := range v.Applications {
		r.Applications = append(r.Applications, applicationReport{Worker: a.WorkerName, AppliedAt: a.AppliedAt, WithdrawnAt: timeOrNone(a.WithdrawnAt)})
	}
	for _, w := range v.Submissions {
		files := []fileReport{}
		for _, f := range w.Files {
			files = append(files, fileReport(f))
		}
		r.Submissions = append(r.Submissions, submissionReport{ID: w.ID, At: w.At, RejectedAt: timeOrNone(w.RejectedAt), Reason: w.Reason, Files: files})
	}
	if a := v.Attempt; a != nil {
		r.Attempt = &attemptReport{PendingID: a.PendingID, State: a.State, Reason: a.Reason, CreatedAt: a.CreatedAt}
	}
	for _, e := range v.History {
		r.History = append(r.History, entryReport{At: e.At, Event: e.Event, By: e.ByName, From: e.From, To: e.To, Detail: e.Detail})
	}
	return r
}

func timeOrNone(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (s *shell) printJob(v marketplace.JobView) error {
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "job\t%s\n", v.ID)
	fmt.Fprintf(table, "title\t%s\n", v.Title)
	fmt.Fprintf(table, "state\t%s\n", v.State)
	fmt.Fprintf(table, "until\t%s\n", until(v.Job))
	fmt.Fprintf(table, "budget\t%s\n", v.Budget)
	fmt.Fprintf(table, "funder\t%s\n", v.FunderPerson.Name)
	fmt.Fprintf(table, "worker\t%s %s\n", v.WorkerPerson.Name, v.WorkerPerson.WalletAddressURL)
	fmt.Fprintf(table, "contract completed\t%t\n", v.ContractCompleted)
	fmt.Fprintf(table, "payment id\t%s\n", v.PaymentID)
	if a := v.Attempt; a != nil {
		fmt.Fprintf(table, "latest attempt\t%s %s %s\n", a.PendingID, a.State, a.Reason)
	}
	for _, a := range v.Applications {
		withdrawn := ""
		if !a.Stands() {
			withdrawn = ", withdrawn " + a.WithdrawnAt.Format(time.RFC3339)
		}
		fmt.Fprintf(table, "application\t%s %s%s\n", a.AppliedAt.Format(time.RFC3339), a.WorkerName, withdrawn)
	}
	for _, w := range v.Submissions {
		rejected := ""
		if w.Rejected() {
			rejected = ", rejected " + w.RejectedAt.Format(time.RFC3339)
		}
		fmt.Fprintf(table, "submission\t%s %s%s\n", w.At.Format(time.RFC3339), w.ID, rejected)
		for _, f := range w.Files {
			fmt.Fprintf(table, "file\t%s %s %d bytes %s\n", f.Name, f.MediaType, f.Size, f.ID)
		}
	}
	for _, e := range v.History {
		fmt.Fprintf(table, "%s\t%s %s→%s %s %s\n", e.At.Format(time.RFC3339), e.Event, e.From, e.To, e.ByName, e.Detail)
	}
	return table.Flush()
}
