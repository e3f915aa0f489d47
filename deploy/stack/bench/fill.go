package bench

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/stack"
)

// fill puts n payments that were made long ago into both stores, with all that comes with one: copies of one that is made now, by people who are
// copies too, ten jobs each.
func (w *world) fill(ctx context.Context, n int) error {
	if err := w.stock(ctx, 1); err != nil {
		return err
	}
	job, err := w.take()
	if err != nil {
		return err
	}
	if _, err := w.pay(ctx, w.sessionOf(job), job); err != nil {
		return err
	}
	if err := w.delivered(ctx, job); err != nil {
		return err
	}
	var last int64
	err = w.books(ctx, stack.Marketplace, func(db *database.DB) error {
		return withoutIndexes(ctx, db, func() (err error) {
			last, err = w.fillMarketplace(ctx, db, job, n)
			return err
		})
	})
	if err != nil {
		return err
	}
	return w.books(ctx, stack.Payments, func(db *database.DB) error {
		return withoutIndexes(ctx, db, func() error { return fillPayments(ctx, db, job, last, n) })
	})
}

// withoutIndexes writes with none but those of the keys, and makes the others afterwards, which is much faster when very much is written.
func withoutIndexes(ctx context.Context, db *database.DB, write func() error) error {
	var indexes []struct{ Name, Definition string }
	if err := db.Read(ctx).Raw(`SELECT i.indexname AS name, i.indexdef AS definition FROM pg_indexes i WHERE i.schemaname = current_schema()
		AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = (quote_ident(i.schemaname) || '.' || quote_ident(i.indexname))::regclass)`).Scan(&indexes).Error; err != nil {
		return err
	}
	for _, index := range indexes {
		if err := db.Read(ctx).Exec("DROP INDEX " + index.Name).Error; err != nil {
			return err
		}
	}
	if err := write(); err != nil {
		return err
	}
	if err := db.Read(ctx).Exec("SET maintenance_work_mem = '256MB'").Error; err != nil { // of the one connection that there is
		return err
	}
	for _, index := range indexes {
		if err := db.Read(ctx).Exec(index.Definition).Error; err != nil {
			return err
		}
	}
	for _, statement := range []string{"VACUUM ANALYZE", "CHECKPOINT"} { // which would otherwise go on for minutes, while something is measured
		if err := db.Read(ctx).Exec(statement).Error; err != nil {
			return err
		}
	}
	return nil
}

// delivered waits until the marketplace has been told of a payment by its webhook.
func (w *world) delivered(ctx context.Context, job int64) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		told := 0
		err := w.books(ctx, stack.Payments, func(db *database.DB) (err error) {
			told, err = one[int](ctx, db, "SELECT count(*) FROM deliveries WHERE offer_id = ? AND state = 'delivered'", strconv.FormatInt(job, 10))
			return err
		})
		if err != nil || told > 0 {
			return err
		}
		if err := clock.Sleep(ctx, clock.System(), 50*time.Millisecond); err != nil {
			return fmt.Errorf("the webhook of job %d is not delivered: %w", job, err)
		}
	}
}

// people is how many people n jobs are of.
func people(n int) int { return max(n/10, 1) }

// before is when the i-th of n happened: a second before the next.
func before(column string, n int) string {
	return fmt.Sprintf("t.%s - (%d - i) * interval '1 second'", column, n)
}

// fillMarketplace returns the largest id of a job before the copies.
func (w *world) fillMarketplace(ctx context.Context, db *database.DB, job int64, n int) (last int64, err error) {
	if last, err = one[int64](ctx, db, "SELECT max(id) FROM jobs"); err != nil {
		return 0, err
	}
	others, err := copyPeople(ctx, db, funder, "person", people(n))
	if err != nil {
		return 0, err
	}
	id := fmt.Sprintf("(%d + i)", last)
	funders := fmt.Sprintf("%d + i %% %d + 1", others, people(n))
	ofJob := fmt.Sprintf("t.job_id = %d", job)
	err = write(ctx, db, n,
		copies{
			table: "jobs", of: fmt.Sprintf("t.id = %d", job), skip: []string{"words"},
			set: map[string]string{"id": id, "funder_id": funders, "created_at": before("created_at", n), "updated_at": before("updated_at", n)},
		},
		copies{table: "job_applications", of: ofJob, set: map[string]string{"job_id": id, "applied_at": before("applied_at", n)}},
		copies{table: "job_submissions", of: ofJob, set: map[string]string{"id": numbered("01HBENCHWORK", id), "job_id": id, "at": before("at", n)}},
		copies{table: "job_history", of: ofJob, set: map[string]string{"job_id": id, "at": before("at", n)}, skip: []string{"id"}},
		copies{table: "payment_attempts", of: ofJob, set: map[string]string{
			"id": numbered("01HBENCHTRY", id), "job_id": id, "user_id": funders, "pending_id": numbered("01HBENCHPAY", id),
			"outgoing_payment_id": "t.outgoing_payment_id || '-' || i", "created_at": before("created_at", n), "updated_at": before("updated_at", n), "paid_at": before("paid_at", n),
		}},
		copies{table: "webhooks_seen", of: ofJob, set: map[string]string{
			"webhook_id": numbered("01HBENCHHOOK", id), "job_id": id, "received_at": before("received_at", n),
		}},
	)
	if err != nil {
		return 0, err
	}
	// What a payment tells its two people names the job in its facts alone, so the copies are of what is newest. They were read.
	if err := write(ctx, db, n, copies{
		table: "notifications", of: "t.id > (SELECT max(id) - 2 FROM notifications)", skip: []string{"id"},
		set: map[string]string{"user_id": funders, "at": before("at", n), "read_at": before("at", n)},
	}); err != nil {
		return 0, err
	}
	return last, countOn(ctx, db, "jobs")
}

func fillPayments(ctx context.Context, db *database.DB, job, last int64, n int) error {
	var one struct{ ID string }
	if err := db.Read(ctx).Raw("SELECT id FROM payments WHERE offer_id = ?", strconv.FormatInt(job, 10)).Scan(&one).Error; err != nil {
		return err
	}
	number := fmt.Sprintf("(%d + i)", last)
	id, offer := numbered("01HBENCHPAY", number), fmt.Sprintf("CAST(%s AS TEXT)", number)
	delivery := numbered("01HBENCHHOOK", number)
	hashed := "md5(t.hash || i) || md5(i || t.hash)"
	return write(ctx, db, n,
		// Whoever was paid long ago is not looked at any more, and what was sealed for another payment opens for none.
		copies{table: "payments", of: "t.id = '" + one.ID + "'", set: map[string]string{
			"next_step_at": "NULL", "client_nonce_sealed": "''", "continue_token_sealed": "''", "interact_ref_sealed": "''", "access_token_sealed": "''",
			"id": id, "offer_id": offer, "audit_head": "t.audit_head || i",
			"incoming_payment_id": "t.incoming_payment_id || '-' || i", "quote_id": "t.quote_id || '-' || i", "outgoing_payment_id": "t.outgoing_payment_id || '-' || i",
			"buyer_wallet_address": fmt.Sprintf("t.buyer_wallet_address || '-' || i %% %d", people(n)),
			"created_at":           before("created_at", n), "updated_at": before("updated_at", n), "paid_at": before("paid_at", n), "state_since": before("state_since", n),
		}},
		copies{
			table: "payment_events", of: "t.payment_id = '" + one.ID + "'", skip: []string{"id"},
			set: map[string]string{"payment_id": id, "at": before("at", n), "hash": hashed},
		},
		copies{table: "deliveries", of: "t.pending_id = '" + one.ID + "'", set: map[string]string{
			"id": delivery, "pending_id": id, "offer_id": offer, "created_at": before("created_at", n), "ended_at": before("created_at", n),
			"state": "'delivered'", "next_at": "NULL",
		}},
		copies{
			table: "delivery_attempts", of: "t.delivery_id IN (SELECT d.id FROM deliveries d WHERE d.pending_id = '" + one.ID + "') AND t.number = 1",
			set: map[string]string{"delivery_id": delivery, "at": before("at", n)},
		},
		copies{
			table: "idempotency_keys", of: "t.created_at = (SELECT max(k.created_at) FROM idempotency_keys k)",
			set: map[string]string{"key": "t.key || '-' || i"},
		},
	)
}
