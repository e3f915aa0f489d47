package webhooks

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
)

// event is one that has to arrive. Its fields but the first are what both databases say of it.
type event struct {
	Index     int
	WebhookID string
	PendingID string
	Job       int64
	Paid      bool
	Outgoing  string // the outgoing payment; "" of a failure
}

// body is the documented one.
func (e event) body(at time.Time) string {
	said := map[string]any{
		"type": "payment.failed", "pendingId": e.PendingID, "offerId": fmt.Sprint(e.Job), "status": "failed", "outgoingPaymentId": e.Outgoing,
		"timestamp": at.UTC().Format(time.RFC3339Nano), "sequence": e.Index + 1,
	}
	if e.Paid {
		said["type"], said["status"] = "payment.completed", "paid"
	} else {
		said["reason"], said["message"] = "expired", "The buyer did not approve in time."
	}
	text, err := json.Marshal(said)
	if err != nil {
		panic(err) // of strings and numbers
	}
	return string(text)
}

func (e event) eventType() string {
	if e.Paid {
		return "payment.completed"
	}
	return "payment.failed"
}

// eventsOf makes the events of the jobs, which are as many as the plan has. All their ids are new in each run, since a run's databases are.
func eventsOf(seed uint64, plan []kind, jobs []int64, now time.Time) []event {
	random := stream(seed, "ids", 0)
	var all []event
	add := func(job int64, paid bool) {
		e := event{Index: len(all), WebhookID: newID(random, now), PendingID: newID(random, now), Job: job, Paid: paid}
		if paid {
			e.Outgoing = "https://wallet.example/outgoing-payments/" + e.PendingID
		}
		all = append(all, e)
	}
	for i, k := range plan {
		switch k {
		case paid:
			add(jobs[i], true)
		case failed:
			add(jobs[i], false)
		case failedPaid:
			add(jobs[i], false)
			add(jobs[i], true)
		case paidTwice:
			add(jobs[i], true)
			add(jobs[i], true)
		}
	}
	return all
}

func newID(random *rand.Rand, now time.Time) string {
	var entropy [16]byte
	binary.BigEndian.PutUint64(entropy[:8], random.Uint64())
	binary.BigEndian.PutUint64(entropy[8:], random.Uint64())
	return ulid.MustNew(ulid.Timestamp(now), bytes.NewReader(entropy[:])).String()
}

// rowsAtOnce is how many rows one statement writes: SQLite takes 32,766 values in one.
const rowsAtOnce = 500

// insert writes rows in as few statements as may be, in one transaction.
func insert(ctx context.Context, address, columns string, rows [][]any) (err error) {
	db, err := database.Open(ctx, address, database.Options{Clock: clock.System(), MaxConns: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for len(rows) > 0 {
		some := rows[:min(rowsAtOnce, len(rows))]
		rows = rows[len(some):]
		row := "(" + strings.Repeat(", ?", len(some[0]))[2:] + ")"
		var values []any
		for _, r := range some {
			values = append(values, r...)
		}
		if err := db.Read(ctx).Exec("INSERT INTO "+columns+" VALUES "+strings.Repeat(", "+row, len(some))[2:], values...).Error; err != nil {
			return err
		}
	}
	return nil
}

// writeAttempts tells the marketplace of the payments that the events will be about, as if it had started them. Nobody is to ask about
// them, since there are none: no time to ask is set.
func writeAttempts(ctx context.Context, address string, events []event, now time.Time) error {
	var rows [][]any
	for _, e := range events {
		rows = append(rows, []any{e.PendingID, e.Job, e.PendingID, "awaiting", now, now})
	}
	return insert(ctx, address, "payment_attempts (id, job_id, pending_id, state, created_at, updated_at)", rows)
}

// happens is how long the events go on happening: some kills and some weather have to meet a few of them too.
func happens(events int) time.Duration {
	return max(12*time.Second, time.Duration(events)*2500*time.Microsecond)
}

// writeDeliveries puts the events into the payments service's outbox, due one after the other.
func writeDeliveries(ctx context.Context, address string, events []event, now time.Time) error {
	var rows [][]any
	apart := happens(len(events)) / time.Duration(len(events))
	for i, e := range events {
		due := now.Add(time.Duration(i) * apart)
		rows = append(rows, []any{e.WebhookID, "marketplace", e.PendingID, fmt.Sprint(e.Job), e.eventType(), e.body(now), "pending", due, now})
	}
	return insert(ctx, address, "deliveries (id, endpoint_id, pending_id, offer_id, event_type, body, state, next_at, created_at)", rows)
}
