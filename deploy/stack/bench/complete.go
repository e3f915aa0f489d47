package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"tianguis.example/chassis/database"
	"tianguis.example/payments/webhook"
	"tianguis.example/stack"
)

// wished is how many payments a second are made while it is measured how long a job takes to be complete, if the machine carries so many.
const wished = 100

// carried is the share of what was made at most that is made then otherwise: at all of it, what is measured is how long the queues are.
const carried = 0.7

// The most that it may take, in milliseconds.
const (
	middleBound = 20
	worstBound  = 100
)

// paidToComplete measures how long it takes from when the payments service knows that a payment is paid until the marketplace has committed that the job is
// complete, and until whoever paid has been told.
func (r *run) paidToComplete(ctx context.Context) ([]Row, error) {
	w, err := r.usual(ctx)
	if err != nil {
		return nil, err
	}
	rate, err := r.steadyRate(ctx, w)
	if err != nil {
		return nil, err
	}
	r.tell("%.0f payments a second are made while it is measured how long a job takes to be complete", rate)
	middle := Row{
		ID: "complete-p50", What: fmt.Sprintf("paid → job complete, p50 at %.0f payments/s", rate), Unit: "ms", Less: true,
		LimitIs: "one POST of a webhook, p50", Aim: Aim{AtMost: middleBound},
	}
	worst := Row{
		ID: "complete-p99", What: fmt.Sprintf("paid → job complete, p99 at %.0f payments/s", rate), Unit: "ms", Less: true,
		LimitIs: "one POST of a webhook, p99", Aim: Aim{AtMost: worstBound},
	}
	told := Row{
		ID: "told-p50", What: fmt.Sprintf("paid → the payer's browser knows, p50 at %.0f payments/s", rate), Unit: "ms", Less: true, LimitIs: middle.LimitIs,
	}
	for range r.Rounds {
		posts, err := w.posts(ctx, r.many(200, 20))
		if err != nil {
			return nil, err
		}
		waits, tells, err := w.steady(ctx, rate, 2*r.Lasts)
		if err != nil {
			return nil, err
		}
		middle.add(milliseconds(quantile(waits, 50)), milliseconds(quantile(posts, 50)))
		worst.add(milliseconds(quantile(waits, 99)), milliseconds(quantile(posts, 99)))
		told.add(milliseconds(quantile(tells, 50)), milliseconds(quantile(posts, 50)))
	}
	return []Row{middle, worst, told}, nil
}

// steadyRate is how many payments a second are to be made.
func (r *run) steadyRate(ctx context.Context, w *world) (float64, error) {
	most := 0.0
	if row, ok := r.row(fmt.Sprintf("payments-%d", r.crowd())); ok {
		most = row.Figure()
	} else { // it was not to be measured
		var err error
		if most, err = w.second(ctx, r.crowd(), r.Lasts); err != nil {
			return 0, err
		}
	}
	return min(wished, carried*most), nil
}

// steady makes payments at an even rate, and returns how long each took from paid until its job was complete, and until whoever paid had seen it.
func (w *world) steady(ctx context.Context, rate float64, lasts time.Duration) (waits, tells []time.Duration, err error) {
	const atOnce = 256
	if err := w.stock(ctx, int(rate*lasts.Seconds())+1); err != nil {
		return nil, nil, err
	}
	from := now()
	var mu sync.Mutex
	seen := map[string]time.Time{}
	if _, err := stream(ctx, rate, lasts, atOnce, func(ctx context.Context) (time.Duration, error) {
		job, err := w.take()
		if err != nil {
			return 0, err
		}
		at, err := w.pay(ctx, w.sessionOf(job), job)
		if err != nil {
			return 0, err
		}
		mu.Lock()
		defer mu.Unlock()
		seen[fmt.Sprint(job)] = at
		return 0, nil
	}); err != nil {
		return nil, nil, err
	}
	type happened struct {
		OfferID string
		At      time.Time
	}
	var paid, complete []happened
	if err := w.books(ctx, stack.Payments, func(db *database.DB) error {
		return db.Read(ctx).Raw("SELECT offer_id, paid_at AS at FROM payments WHERE paid_at >= ?", from).Scan(&paid).Error
	}); err != nil {
		return nil, nil, err
	}
	if err := w.books(ctx, stack.Marketplace, func(db *database.DB) error {
		return db.Read(ctx).Raw("SELECT CAST(job_id AS text) AS offer_id, pg_xact_commit_timestamp(xmin) AS at FROM job_history WHERE event = 'pay' AND at >= ?", from).Scan(&complete).Error
	}); err != nil {
		return nil, nil, err
	}
	completed := map[string]time.Time{}
	for _, c := range complete {
		completed[c.OfferID] = c.At
	}
	for _, p := range paid {
		at, ok := seen[p.OfferID]
		if !ok {
			continue
		}
		waits, tells = append(waits, max(0, completed[p.OfferID].Sub(p.At))), append(tells, max(0, at.Sub(p.At)))
	}
	if len(waits) < len(seen) {
		return nil, nil, fmt.Errorf("%d jobs are complete, and %d of them are paid", len(seen), len(waits))
	}
	return waits, tells, nil
}

// posts sends n webhooks, one after the other, to a marketplace that does nothing else, and returns how long each took.
func (w *world) posts(ctx context.Context, n int) ([]time.Duration, error) {
	secrets, err := w.secrets()
	if err != nil {
		return nil, err
	}
	events, err := w.expectNews(ctx, n)
	if err != nil {
		return nil, err
	}
	var took []time.Duration
	for _, event := range events {
		from := now()
		if err := post(ctx, w.http, w.Marketplace.Address+webhook.Path, secrets, event.id, event.body); err != nil {
			return nil, err
		}
		took = append(took, now().Sub(from))
	}
	return took, nil
}
