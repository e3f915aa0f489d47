package webhooks

import (
	"fmt"
)

// Job is a job as the marketplace's database has it, with what its history says of money.
type Job struct {
	ID        int64
	State     string
	Completed bool `gorm:"column:contract_completed"`
	PaymentID string
	Version   int64 // grows with each change
	Pays      int   // history: it was paid
	PaidAgain int   // history: money came for what was paid
	Others    int   // history: money came out of turn
	Failures  int   // history: a payment failed
}

// Attempt is a payment of a job as the marketplace's database has it.
type Attempt struct {
	PendingID string
	State     string
	Outgoing  string `gorm:"column:outgoing_payment_id"`
	Polls     int
}

// Delivery is a webhook as the payments service's database has it.
type Delivery struct {
	ID       string
	State    string
	Attempts int
	Logged   int // attempts in the log
	Last     int // the number of the last of them
}

// Books are both databases at one moment.
type Books struct {
	Jobs       []Job
	Attempts   []Attempt
	Deliveries []Delivery
}

// Account is what the books come to when they are laid side by side with the events.
type Account struct {
	Lost        []string // events whose effect is not there
	Twice       []string // events that had their effect more than once
	Undelivered []string // webhooks that the payments service still sends, or has given up
	Others      []string // anything else that is wrong

	Attempts int // made in all, as the payments service counts them
}

func (a Account) clean() bool { return len(a.offences()) == 0 }

func (a Account) offences() []string {
	var all []string
	for _, some := range [][]string{a.Lost, a.Twice, a.Undelivered, a.Others} {
		all = append(all, some...)
	}
	return all
}

// account compares. before are the jobs' versions when nothing had been sent.
func account(b Books, events []event, before map[int64]int64) Account {
	var a Account
	attempts := map[string]Attempt{}
	for _, t := range b.Attempts {
		attempts[t.PendingID] = t
		if t.Polls > 0 {
			a.Others = append(a.Others, fmt.Sprintf("payment %s was asked about %d times, so that its webhook proves nothing", t.PendingID, t.Polls))
		}
	}
	deliveries := map[string]Delivery{}
	for _, d := range b.Deliveries {
		deliveries[d.ID] = d
	}
	of := map[int64][]event{}
	for _, e := range events {
		of[e.Job] = append(of[e.Job], e)
		a.delivery(e, deliveries[e.WebhookID])
	}
	for _, j := range b.Jobs {
		if told, ours := of[j.ID]; ours {
			a.job(j, told, attempts, before[j.ID])
			delete(of, j.ID)
		}
	}
	for id := range of {
		a.Others = append(a.Others, fmt.Sprintf("job %d is gone", id))
	}
	return a
}

func (a *Account) delivery(e event, d Delivery) {
	a.Attempts += d.Attempts
	switch {
	case d.State != "delivered":
		a.Undelivered = append(a.Undelivered, fmt.Sprintf("webhook %s of job %d is %q after %d attempts", e.WebhookID, e.Job, d.State, d.Attempts))
	case d.Attempts < 1:
		a.Others = append(a.Others, fmt.Sprintf("webhook %s is delivered without an attempt", e.WebhookID))
	case d.Logged != d.Attempts, d.Last != d.Attempts:
		a.Others = append(a.Others, fmt.Sprintf("webhook %s had %d attempts, and the log has %d, the last of which is number %d", e.WebhookID, d.Attempts, d.Logged, d.Last))
	}
}

// job compares a job with the events that were about it.
func (a *Account) job(j Job, told []event, attempts map[string]Attempt, before int64) {
	lost := func(e event, format string, args ...any) {
		a.Lost = append(a.Lost, fmt.Sprintf("webhook %s of job %d: ", e.WebhookID, j.ID)+fmt.Sprintf(format, args...))
	}
	payments, outgoing := 0, map[string]bool{}
	for _, e := range told {
		t := attempts[e.PendingID]
		switch want := map[bool]string{true: "paid", false: "failed"}[e.Paid]; {
		case t.State != want:
			lost(e, "the payment is %q and not %s", t.State, want)
		case t.Outgoing != e.Outgoing:
			lost(e, "the outgoing payment is %q", t.Outgoing)
		}
		if e.Paid {
			payments++
			outgoing[e.Outgoing] = true
		}
	}
	done := j.State == "complete" && j.Completed && outgoing[j.PaymentID]
	switch {
	case payments > 0 && !done:
		lost(told[len(told)-1], "the job is %s (contract completed: %t), paid by %q", j.State, j.Completed, j.PaymentID)
	case payments == 0 && (j.State != "reviewing" || j.Completed || j.PaymentID != ""):
		a.Others = append(a.Others, fmt.Sprintf("job %d is %s, and nothing paid it", j.ID, j.State))
	}
	twice := func(format string, args ...any) {
		a.Twice = append(a.Twice, fmt.Sprintf("job %d: ", j.ID)+fmt.Sprintf(format, args...))
	}
	// A failure that is heard after the job was paid is kept with its payment, and is no history of the job.
	switch failures, came := len(told)-payments, j.Pays+j.PaidAgain+j.Others; {
	case j.Pays > 1, came > payments:
		twice("its history has %d payments, %d more and %d out of turn, and %d came", j.Pays, j.PaidAgain, j.Others, payments)
	case j.Failures > failures:
		twice("its history has %d failures, and %d came", j.Failures, failures)
	case j.Version-before > int64(len(told)):
		twice("it was changed %d times by %d events", j.Version-before, len(told))
	case came < payments || j.Version-before < int64(len(told)):
		lost(told[0], "the job's history has %d payments of %d, and it was changed %d times by %d events", came, payments, j.Version-before, len(told))
	case j.Others > 0:
		a.Others = append(a.Others, fmt.Sprintf("job %d was paid out of turn", j.ID))
	}
}
