package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/sandbox/control"
)

// Job is a job as the marketplace's database has it.
type Job struct {
	ID           int64
	Budget       int64 `gorm:"column:budget_value"` // minor units; no other job has the same, or one near it
	State        string
	Completed    bool   `gorm:"column:contract_completed"`
	PaymentID    string // the outgoing payment that paid it
	OpenAttempts int    // attempts whose end the marketplace does not know
	TimesPaid    int    // how often its history says that money came
}

// Payment is a payment as the payments service's own command tells it.
type Payment struct {
	PendingID       string `json:"pendingId"`
	OfferID         string `json:"offerId"`
	State           string `json:"state"`
	Reason          string `json:"reason"`
	Received        string `json:"receivedAmount"` // "12.34 MXN"
	OutgoingPayment string `json:"outgoingPaymentId"`
}

func (p Payment) ended() bool    { return p.State == "failed" || p.received() }
func (p Payment) received() bool { return p.State == "paid" || p.State == "paid_late" }

// Books are the three books at one moment.
type Books struct {
	Jobs     []Job
	Payments []Payment
	Ledger   control.Ledger
}

// titles is what the titles of the run's jobs begin with.
const titles = "Price tag "

const jobsQuery = `SELECT j.id, j.budget_value, j.state, j.contract_completed, j.payment_id,
	(SELECT count(*) FROM payment_attempts a WHERE a.job_id = j.id AND a.state IN ('starting', 'awaiting', 'confirming')) AS open_attempts,
	(SELECT count(*) FROM job_history h WHERE h.job_id = j.id AND h.event IN ('pay', 'paid_again', 'paid_out_of_turn')) AS times_paid
	FROM jobs j WHERE j.title LIKE ? ORDER BY j.id`

// jobs reads the run's jobs.
func (r *run) jobs(ctx context.Context) (jobs []Job, err error) {
	db, err := database.Open(ctx, r.stack.Marketplace.Env["DATABASE_URL"], database.Options{Clock: clock.System(), MaxConns: 1})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Read(ctx).Raw(jobsQuery, titles+"%").Scan(&jobs).Error; err != nil {
		return nil, fmt.Errorf("read the jobs: %w", err)
	}
	return jobs, nil
}

// books reads all three. The wallet's come first: what is on the ledger by then must, in the end, be in the others.
func (r *run) books(ctx context.Context) (b Books, err error) {
	if b.Ledger, err = r.wallets.Ledger(ctx); err != nil {
		return b, err
	}
	out, err := r.stack.Payments.Run(ctx, "payment", "list", "--json", "--limit", "1000000")
	if err != nil {
		return b, err
	}
	if err := json.Unmarshal(out, &b.Payments); err != nil {
		return b, fmt.Errorf("read the payments: %w", err)
	}
	b.Jobs, err = r.jobs(ctx)
	return b, err
}

// story is all that the operator's command tells of a payment.
func (r *run) story(ctx context.Context, pendingID string) string {
	out, err := r.stack.Payments.Run(ctx, "payment", "show", pendingID)
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// uuid is the last part of a payment's address.
func uuid(address string) string { return address[strings.LastIndexByte(address, '/')+1:] }

// mxn writes minor units as the payments service does.
func mxn(units int64) string { return fmt.Sprintf("%d.%02d MXN", units/100, units%100) }

func decimal(id int64) string { return strconv.FormatInt(id, 10) }
