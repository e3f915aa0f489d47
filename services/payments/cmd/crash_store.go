//go:build crashpoints

package cmd

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/crashpoint"
	"tianguis.example/payments"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/store"
	"tianguis.example/payments/webhook"
)

// crashCommands print what the crash test has to reach: every point of the program, as the code now is.
func crashCommands() []*cobra.Command {
	return []*cobra.Command{{
		Use: "crash-points", Short: "List the points at which the crash test kills this program", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, point := range crashpoint.Around(slices.Concat(walletPoints(), storePoints(), []string{webhookPoint})...) {
				if _, err := io.WriteString(cmd.OutOrStdout(), point+"\n"); err != nil {
					return err
				}
			}
			return nil
		},
	}}
}

// reads are the methods of the store that commit nothing. Whatever else it has is a commit, and has its points.
var reads = []string{
	"APIKeys", "Actions", "ActiveSecrets", "Attempts", "AuditEvents", "AuditFrontier", "AuditTrail", "Checkpoints", "CountPayments", "Deliveries", "Delivery", "Endpoint", "EndpointSecrets", "Endpoints", "FindDeliveries", "FindPayments",
	"LastAttempts", "LastPaid", "LivePayment", "OfferPayments", "Overdue", "Payment", "PaymentStandings", "PaymentView", "PaymentsToCompare", "PendingPayments", "Ping", "RecentPayments", "Seller", "Sellers",
	"Standings", "Tasks", "TrySealed", "VerifyAudit", "VerifyPayment",
}

// recordMethod commits a payment's steps: each kind of step is a point of its own.
const recordMethod = "Record"

func storePoints() []string {
	var all []string
	methods := reflect.TypeFor[*store.Store]()
	for i := range methods.NumMethod() {
		switch name := methods.Method(i).Name; {
		case name == recordMethod:
			for _, step := range steps() {
				all = append(all, recordMethod+" "+step)
			}
		case !slices.Contains(reads, name):
			all = append(all, name)
		}
	}
	return all
}

// moves are the methods of a payment that change its state, which the table of transitions has.
var moves = []string{"AwaitApproval", "Approve", "Authorize", "Send", "Settle", "SettleLate", "Fail"}

// within are those that are committed with another payment's change, and have no point of their own.
var within = []string{"CallOff"}

// steps are all steps of a payment: its beginning, the table's transitions, and each method of a payment that changes it within a state.
func steps() []string {
	all := []string{step("", payments.Created), handOver}
	table := payments.Transitions()
	for _, from := range payments.States {
		for _, to := range table[from] {
			all = append(all, step(from, to))
		}
	}
	methods := reflect.TypeFor[payments.Payment]()
	for i := range methods.NumMethod() {
		m := methods.Method(i)
		if m.Type.NumOut() > 0 && m.Type.Out(0) == reflect.TypeFor[payments.Change]() && !slices.Contains(moves, m.Name) && !slices.Contains(within, m.Name) {
			all = append(all, m.Name)
		}
	}
	return all
}

func step(from, to payments.State) string { return fmt.Sprintf("%s→%s", from, to) }

// handOver is the change with which a process that has spent its caller's time leaves a payment to a worker.
const handOver = "hand over"

// stepOf names the step that a change is.
func stepOf(c payments.Change) string {
	was, is := c.Before, c.After
	switch {
	case was.State != is.State:
		return step(was.State, is.State)
	case was.Ending != is.Ending:
		return "End"
	case was.AskedAt != is.AskedAt:
		return "AskAgain"
	case was.QuoteID != is.QuoteID:
		return "Requote"
	case was.Token != is.Token && is.Token.Value == "":
		return "LoseToken"
	case was.Token != is.Token:
		return "Rotate"
	case was.Consent != is.Consent:
		return "Renew"
	case c.Audit != nil && is.State.Ended():
		return "Book"
	case is.Tries > was.Tries:
		return "Postpone"
	case is.NextStepAt.IsZero():
		return "Forget"
	}
	return handOver
}

// crashingStore is the store with a point around each commit. Reads are the store's own.
type crashingStore struct {
	*store.Store
	at *crashpoint.Points
}

func (s crashingStore) Record(ctx context.Context, c payments.Change) error {
	return s.at.Do(recordMethod+" "+stepOf(c), func() error { return s.Store.Record(ctx, c) })
}

func (s crashingStore) PutSeller(ctx context.Context, seller payments.Seller, done *operator.Action) error {
	return s.at.Do("PutSeller", func() error { return s.Store.PutSeller(ctx, seller, done) })
}

func (s crashingStore) UseAPIKeys(ctx context.Context, used map[string]time.Time) error {
	return s.at.Do("UseAPIKeys", func() error { return s.Store.UseAPIKeys(ctx, used) })
}

func (s crashingStore) ClaimDue(ctx context.Context, n int, now, until time.Time) ([]payments.Payment, error) {
	return claim(s.at, "ClaimDue", func() ([]payments.Payment, error) { return s.Store.ClaimDue(ctx, n, now, until) })
}

func (s crashingStore) ClaimDeliveries(ctx context.Context, endpointID string, n int, now, until time.Time) ([]outbox.Delivery, error) {
	return claim(s.at, "ClaimDeliveries", func() ([]outbox.Delivery, error) { return s.Store.ClaimDeliveries(ctx, endpointID, n, now, until) })
}

// claim has its second point only when something was claimed.
func claim[T any](at *crashpoint.Points, what string, get func() ([]T, error)) ([]T, error) {
	at.At(crashpoint.Before(what))
	claimed, err := get()
	if len(claimed) > 0 {
		at.At(crashpoint.After(what))
	}
	return claimed, err
}

func (s crashingStore) RecordAttempts(ctx context.Context, all []outbox.Outcome) error {
	return s.at.Do("RecordAttempts", func() error { return s.Store.RecordAttempts(ctx, all) })
}

func (s crashingStore) Configure(ctx context.Context, url string, secrets webhook.Secrets, now time.Time) ([]outbox.Secret, error) {
	return crashpoint.Get(s.at, "Configure", func() ([]outbox.Secret, error) { return s.Store.Configure(ctx, url, secrets, now) })
}

func (s crashingStore) BeginIdempotent(ctx context.Context, r payments.Idempotent) (known payments.Idempotent, mine bool, err error) {
	err = s.at.Do("BeginIdempotent", func() (err error) {
		known, mine, err = s.Store.BeginIdempotent(ctx, r)
		return err
	})
	return known, mine, err
}

func (s crashingStore) EndIdempotent(ctx context.Context, r payments.Idempotent) error {
	return s.at.Do("EndIdempotent", func() error { return s.Store.EndIdempotent(ctx, r) })
}

func (s crashingStore) ReleaseIdempotent(ctx context.Context, r payments.Idempotent) error {
	return s.at.Do("ReleaseIdempotent", func() error { return s.Store.ReleaseIdempotent(ctx, r) })
}

func (s crashingStore) ClaimPeriodic(ctx context.Context, name string, now, next time.Time) (bool, error) {
	return crashpoint.Get(s.at, "ClaimPeriodic", func() (bool, error) { return s.Store.ClaimPeriodic(ctx, name, now, next) })
}

func (s crashingStore) AskTask(ctx context.Context, t payments.Task, done *operator.Action) (bool, error) {
	return crashpoint.Get(s.at, "AskTask", func() (bool, error) { return s.Store.AskTask(ctx, t, done) })
}

func (s crashingStore) ClaimTasks(ctx context.Context, n int, now, until time.Time) ([]payments.Task, error) {
	return claim(s.at, "ClaimTasks", func() ([]payments.Task, error) { return s.Store.ClaimTasks(ctx, n, now, until) })
}

func (s crashingStore) EndTask(ctx context.Context, t payments.Task) error {
	return s.at.Do("EndTask", func() error { return s.Store.EndTask(ctx, t) })
}

func (s crashingStore) PruneIdempotent(ctx context.Context, now time.Time) error {
	return s.at.Do("PruneIdempotent", func() error { return s.Store.PruneIdempotent(ctx, now) })
}
