package chaos

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"tianguis.example/sandbox/control"
)

// Offence is something that must not be, and the payment to look at, if one is known.
type Offence struct {
	Text      string
	PendingID string
}

// Account is what three books come to when they are laid side by side.
type Account struct {
	Lost   []Offence // money that arrived and is not known of, or that is believed in and did not arrive
	Double []Offence // a job that was paid twice, or a payment that was debited twice
	Stuck  []Offence // what has no end
	Others []Offence // anything else that is wrong

	Paid    int // jobs that are complete and whose money arrived, once
	Moved   int64
	Failed  int            // payments that failed
	Reasons map[string]int // why they did
	Late    int            // payments whose money came after they had failed
}

// clean reports whether nothing is wrong.
func (a Account) clean() bool {
	return len(a.Lost)+len(a.Double)+len(a.Stuck)+len(a.Others) == 0
}

func (a Account) offences() []Offence { return slices.Concat(a.Lost, a.Double, a.Stuck, a.Others) }

// rounding is how much more than the budget may arrive: one unit of the buyer's currency in the worker's, in minor units. Budgets are
// further apart.
const rounding = 18

// account lays the books side by side. worker is the wallet that is paid. What arrived is tied to a job by its amount, which
// only the wallet's ledger tells, and to a payment by the outgoing payment's id: the two must agree.
func account(b Books, worker string) Account {
	a := Account{Reasons: map[string]int{}}
	lost := func(pendingID, format string, args ...any) {
		a.Lost = append(a.Lost, Offence{fmt.Sprintf(format, args...), pendingID})
	}
	double := func(pendingID, format string, args ...any) {
		a.Double = append(a.Double, Offence{fmt.Sprintf(format, args...), pendingID})
	}
	stuck := func(pendingID, format string, args ...any) {
		a.Stuck = append(a.Stuck, Offence{fmt.Sprintf(format, args...), pendingID})
	}
	if !b.Ledger.Conserved {
		a.Others = append(a.Others, Offence{Text: fmt.Sprintf("the wallet's ledger does not add up: %v", b.Ledger.Totals)})
	}

	credits, debits := movements(b.Ledger, worker)
	payments := map[string]Payment{} // by outgoing payment
	for _, p := range b.Payments {
		if !p.ended() {
			stuck(p.PendingID, "payment %s of job %s is %s", p.PendingID, p.OfferID, p.State)
		}
		switch p.State {
		case "failed":
			a.Failed++
			a.Reasons[p.Reason]++
		case "paid_late":
			a.Late++
		}
		id := uuid(p.OutgoingPayment)
		switch arrived := credits[id]; {
		case id != "" && len(debits[id]) > 1:
			double(p.PendingID, "payment %s was debited %d times", p.PendingID, len(debits[id]))
		case p.received() && len(arrived) == 0:
			lost(p.PendingID, "payment %s is %s, and nothing arrived", p.PendingID, p.State)
		case p.received() && p.Received != mxn(arrived[0]):
			lost(p.PendingID, "payment %s says that %s arrived, and the ledger says %s", p.PendingID, p.Received, mxn(arrived[0]))
		}
		if id != "" {
			payments[id] = p
		}
	}

	arrived := map[int64][]string{} // outgoing payments by job
	for _, id := range sorted(credits) {
		for _, value := range credits[id] {
			p, known := payments[id]
			job, ok := jobOf(b.Jobs, value)
			if !ok {
				lost(p.PendingID, "%s arrived, which is the budget of no job (outgoing payment %s)", mxn(value), id)
				continue
			}
			arrived[job] = append(arrived[job], id)
			switch {
			case !known:
				lost("", "%s arrived for job %d, and no payment knows of it (outgoing payment %s)", mxn(value), job, id)
			case p.OfferID != decimal(job):
				lost(p.PendingID, "%s is the budget of job %d, and payment %s is for job %s", mxn(value), job, p.PendingID, p.OfferID)
			case p.ended() && !p.received():
				lost(p.PendingID, "%s arrived for job %d, and payment %s is %s (%s)", mxn(value), job, p.PendingID, p.State, p.Reason)
			}
			a.Moved += value
		}
	}

	for _, job := range b.Jobs {
		came := arrived[job.ID]
		pending := ""
		if len(came) > 0 {
			pending = payments[came[0]].PendingID
		}
		done := job.Completed && job.State == "complete"
		switch {
		case len(came) > 1:
			double(pending, "job %d was paid %d times: outgoing payments %s", job.ID, len(came), strings.Join(came, ", "))
		case job.TimesPaid > 1:
			double(pending, "job %d was told %d times that it is paid", job.ID, job.TimesPaid)
		case len(came) == 0 && (job.Completed || job.State == "complete"):
			lost("", "job %d is %s (contract completed: %t), and nothing arrived", job.ID, job.State, job.Completed)
		case len(came) == 1 && (!done || uuid(job.PaymentID) != came[0]):
			lost(pending, "job %d is %s with payment %q, and outgoing payment %s arrived for it", job.ID, job.State, job.PaymentID, came[0])
		case len(came) == 1:
			a.Paid++
		}
		if job.OpenAttempts > 0 {
			stuck(pending, "job %d has %d attempts whose end the marketplace does not know", job.ID, job.OpenAttempts)
		}
	}
	return a
}

// movements are what arrived at the worker's wallet, and what left all others, by outgoing payment.
func movements(l control.Ledger, worker string) (credits, debits map[string][]int64) {
	credits, debits = map[string][]int64{}, map[string][]int64{}
	for _, e := range l.Entries {
		if e.Payment == "" {
			continue
		}
		if e.To == "wallet:"+worker {
			credits[e.Payment] = append(credits[e.Payment], e.Amount.Value)
		}
		if strings.HasPrefix(e.From, "wallet:") {
			debits[e.Payment] = append(debits[e.Payment], e.Amount.Value)
		}
	}
	return credits, debits
}

// jobOf is the job whose budget that amount is. The jobs are in the order of their budgets.
func jobOf(jobs []Job, value int64) (int64, bool) {
	i := sort.Search(len(jobs), func(i int) bool { return jobs[i].Budget > value }) - 1
	if i < 0 || value-jobs[i].Budget > rounding {
		return 0, false
	}
	return jobs[i].ID, true
}

func sorted(m map[string][]int64) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
