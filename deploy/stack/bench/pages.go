package bench

import (
	"context"
	"fmt"
	"net/http"
)

// readers is how many look at pages at a time.
const readers = 16

// pageBound is the most that a job's page may take, in milliseconds, for 99 of 100 who look.
const pageBound = 50

// pages measures how many ask a second how a job stands, and how many see its page, beside a handler that answers a constant.
func (r *run) pages(ctx context.Context) ([]Row, error) {
	const constant = "/health, a constant answer"
	status := Row{ID: "status", What: fmt.Sprintf("status of a job, %d clients", readers), Unit: "/s", LimitIs: constant, Aim: Aim{Share: 0.5}}
	seen := Row{ID: "page", What: fmt.Sprintf("page of a job, %d clients", readers), Unit: "/s", LimitIs: constant}
	worst := Row{ID: "page-p99", What: fmt.Sprintf("page of a job, p99 with %d clients", readers), Unit: "ms", Less: true, LimitIs: constant + ", p99", Aim: Aim{AtMost: pageBound}}
	w, err := r.usual(ctx)
	if err != nil {
		return nil, err
	}
	// Some are paid, and some wait to be: what people look at.
	const some = 20
	if err := w.stock(ctx, 2*some); err != nil {
		return nil, err
	}
	jobs := append([]int64(nil), w.jobs...)
	for i := range some {
		if err := w.payNext(ctx, i); err != nil {
			return nil, err
		}
	}
	look := func(address func(job int64) string) (pace, error) {
		return loop(ctx, readers, r.Lasts/2, func(ctx context.Context, client int) error {
			job := jobs[2*client%len(jobs)]
			_, err := w.expect(ctx, http.StatusOK, http.MethodGet, address(job), w.sessionOf(job).cookie, nil)
			return err
		})
	}
	for range r.Rounds {
		health, err := look(func(int64) string { return w.Marketplace.Address + "/health" })
		if err != nil {
			return nil, err
		}
		asked, err := look(func(job int64) string { return w.jobAddress(job) + "/status" })
		if err != nil {
			return nil, err
		}
		shown, err := look(w.jobAddress)
		if err != nil {
			return nil, err
		}
		status.add(asked.Second, health.Second)
		seen.add(shown.Second, health.Second)
		worst.add(milliseconds(quantile(shown.Each, 99)), milliseconds(quantile(health.Each, 99)))
	}
	return []Row{status, seen, worst}, nil
}
