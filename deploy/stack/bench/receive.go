package bench

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"

	"tianguis.example/chassis/database"
	"tianguis.example/payments/webhook"
	"tianguis.example/stack"
)

// receivers is how many send webhooks to the marketplace at a time.
const receivers = 16

// receiving is how many webhooks a second are expected at most.
const receiving = 3000

// receive measures how many webhooks a second the marketplace takes: each about a job of its own, which is complete afterwards, and the same ones again.
func (r *run) receive(ctx context.Context) ([]Row, error) {
	limit := fmt.Sprintf("pgbench, %d clients, one row updated in each commit", receivers)
	first := Row{ID: "webhooks-receive", What: fmt.Sprintf("webhooks received, %d clients", receivers), Unit: "/s", LimitIs: limit, Aim: Aim{Share: 0.5}}
	again := Row{ID: "webhooks-again", What: fmt.Sprintf("webhooks received again, %d clients", receivers), Unit: "/s", LimitIs: limit}
	w, err := r.usual(ctx)
	if err != nil {
		return nil, err
	}
	secrets, err := w.secrets()
	if err != nil {
		return nil, err
	}
	address := w.Marketplace.Address + webhook.Path
	for range r.Rounds {
		events, err := w.expectNews(ctx, 2*receivers+int(r.Lasts.Seconds()*receiving))
		if err != nil {
			return nil, err
		}
		var next atomic.Int64
		taken := func(ctx context.Context, _ int) error {
			i := next.Add(1) - 1
			if i >= int64(len(events)) {
				return errDry
			}
			return post(ctx, w.http, address, secrets, events[i].id, events[i].body)
		}
		p, err := loop(ctx, receivers, r.Lasts, taken)
		if err != nil {
			return nil, err
		}
		written, err := r.pgbench(ctx, receivers, r.Lasts/2)
		if err != nil {
			return nil, err
		}
		first.add(p.Second, written)
		next.Store(0)
		events = events[:len(p.Each)]
		repeated, err := loop(ctx, receivers, r.Lasts/2, func(ctx context.Context, _ int) error {
			event := events[int(next.Add(1))%len(events)]
			return post(ctx, w.http, address, secrets, event.id, event.body)
		})
		if err != nil {
			return nil, err
		}
		again.add(repeated.Second, written)
	}
	return []Row{first, again}, nil
}

// news is a webhook that is to come.
type news struct {
	id   string
	body []byte
}

// expectNews makes n jobs whose buyers have gone to their wallets, and the webhooks that say that they paid. Nobody asks about these payments, since there are
// none: no time to ask is set.
func (w *world) expectNews(ctx context.Context, n int) ([]news, error) {
	jobs, err := w.copyJobs(ctx, n)
	if err != nil {
		return nil, err
	}
	at := now()
	var rows [][]any
	var all []news
	for _, job := range jobs {
		pending := fmt.Sprintf("01HBENCHPAY00000%010d", job)
		rows = append(rows, []any{fmt.Sprintf("01HBENCHTRY00000%010d", job), job, pending, "awaiting", at, at})
		body, err := webhook.Body(webhook.Event{
			Type: webhook.Completed, PendingID: pending, OfferID: strconv.FormatInt(job, 10), Status: "paid",
			OutgoingPaymentID: "https://wallet.example/outgoing-payments/" + pending, Timestamp: at, Sequence: 1,
		})
		if err != nil {
			return nil, err
		}
		all = append(all, news{fmt.Sprintf("01HBENCHHOOK0000%010d", job), body})
	}
	err = w.books(ctx, stack.Marketplace, func(db *database.DB) error {
		return insert(ctx, db, "payment_attempts (id, job_id, pending_id, state, created_at, updated_at)", rows)
	})
	if err != nil {
		return nil, err
	}
	return all, w.lookAgain(ctx)
}
