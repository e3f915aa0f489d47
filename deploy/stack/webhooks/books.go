package webhooks

import (
	"context"
	"errors"
	"fmt"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
)

// titles is what the titles of the run's jobs begin with.
const titles = "Price tag "

const jobsQuery = `SELECT j.id, j.state, j.contract_completed, j.payment_id, j.version,
	COALESCE(SUM(CASE WHEN h.event = 'pay' THEN 1 ELSE 0 END), 0) AS pays,
	COALESCE(SUM(CASE WHEN h.event = 'paid_again' THEN 1 ELSE 0 END), 0) AS paid_again,
	COALESCE(SUM(CASE WHEN h.event = 'paid_out_of_turn' THEN 1 ELSE 0 END), 0) AS others,
	COALESCE(SUM(CASE WHEN h.event = 'payment_failed' THEN 1 ELSE 0 END), 0) AS failures
	FROM jobs j LEFT JOIN job_history h ON h.job_id = j.id WHERE j.title LIKE ? GROUP BY j.id ORDER BY j.id`

const deliveriesQuery = `SELECT d.id, d.state, d.attempts, COUNT(a.number) AS logged, COALESCE(MAX(a.number), 0) AS last
	FROM deliveries d LEFT JOIN delivery_attempts a ON a.delivery_id = d.id GROUP BY d.id`

// scan reads rows of one database.
func scan(ctx context.Context, address string, into any, query string, values ...any) (err error) {
	db, err := database.Open(ctx, address, database.Options{Clock: clock.System(), MaxConns: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.Read(ctx).Raw(query, values...).Scan(into).Error
}

func (r *run) jobs(ctx context.Context) (all []Job, err error) {
	if err := scan(ctx, r.marketplaceDB, &all, jobsQuery, titles+"%"); err != nil {
		return nil, fmt.Errorf("read the jobs: %w", err)
	}
	return all, nil
}

// books reads both databases. Deliveries come first: what is delivered by then must have had its effect.
func (r *run) books(ctx context.Context) (b Books, err error) {
	if err := scan(ctx, r.paymentsDB, &b.Deliveries, deliveriesQuery); err != nil {
		return b, fmt.Errorf("read the webhooks: %w", err)
	}
	if err := scan(ctx, r.marketplaceDB, &b.Attempts, "SELECT pending_id, state, outgoing_payment_id, polls FROM payment_attempts"); err != nil {
		return b, fmt.Errorf("read the payments of jobs: %w", err)
	}
	b.Jobs, err = r.jobs(ctx)
	return b, err
}

// left is how many webhooks are still pending, and how many were given up.
func (r *run) left(ctx context.Context) (pending, dead int, err error) {
	var counts []struct {
		State string
		N     int
	}
	if err := scan(ctx, r.paymentsDB, &counts, "SELECT state, COUNT(*) AS n FROM deliveries GROUP BY state"); err != nil {
		return 0, 0, fmt.Errorf("count the webhooks: %w", err)
	}
	for _, c := range counts {
		switch c.State {
		case "pending":
			pending = c.N
		case "dead":
			dead = c.N
		}
	}
	return pending, dead, nil
}

// disabled reports whether the marketplace's endpoint is.
func (r *run) disabled(ctx context.Context) (bool, error) {
	var n int
	err := scan(ctx, r.paymentsDB, &n, "SELECT COUNT(*) FROM webhook_endpoints WHERE id = 'marketplace' AND disabled_at IS NOT NULL")
	return n > 0, err
}
