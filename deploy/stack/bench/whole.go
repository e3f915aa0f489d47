package bench

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"tianguis.example/stack"
)

// crowd is the number of clients of everything that is measured with one number alone.
func (r *run) crowd() int { return r.many(32, 8) }

// crowds are how many clients pay at a time.
func (r *run) crowds() []int { return []int{1, r.crowd() / 4, r.crowd(), 4 * r.crowd()} }

// noCollapse is the share of the figure at crowd clients that is still reached at four times as many.
const noCollapse = 0.8

// paying is how many payments a second are expected at most, to have enough jobs for them.
const paying = 200

// second is how many payments a second n clients make, from the start to the complete job.
func (w *world) second(ctx context.Context, n int, lasts time.Duration) (float64, error) {
	if err := w.stock(ctx, 4*n+int(lasts.Seconds()*paying)); err != nil {
		return 0, err
	}
	p, err := loop(ctx, n, lasts, w.payNext)
	return p.Second, err
}

// wholePayments measures payments a second, on both databases.
func (r *run) wholePayments(ctx context.Context) ([]Row, error) {
	w, err := r.usual(ctx)
	if err != nil {
		return nil, err
	}
	small, err := r.world(ctx, place{name: "sqlite", sqlite: true})
	if err != nil {
		return nil, err
	}
	calls, err := w.countCalls(ctx)
	if err != nil {
		return nil, err
	}
	commits, err := r.commitsOf(ctx, w)
	if err != nil {
		return nil, err
	}
	r.tell("a payment asks the wallet %.1f times, and commits %.1f times", calls.all(), commits)
	alone, err := newBare(ctx, w, calls)
	if err != nil {
		return nil, err
	}

	crowds, crowd := r.crowds(), r.crowd()
	rows := make([]Row, len(crowds)+1)
	byWallet, byDisk := make([]Row, len(rows)), make([]Row, len(rows))
	for round := range r.Rounds {
		for i, n := range crowds {
			if err := r.wholeRound(ctx, w, alone, n, commits, &rows[i], &byWallet[i], &byDisk[i]); err != nil {
				return nil, err
			}
			r.tell("round %d: %d clients make %.0f payments/s", round+1, n, rows[i].Figures[round])
		}
		last := len(crowds)
		if err := r.sqliteRound(ctx, small, alone, commits, &rows[last], &byWallet[last], &byDisk[last]); err != nil {
			return nil, err
		}
		r.tell("round %d: %d clients make %.0f payments/s on SQLite", round+1, crowd, rows[last].Figures[round])
	}
	if r.costing, err = r.costs(ctx, w); err != nil {
		return nil, fmt.Errorf("what a payment costs: %w", err)
	}
	disk := fmt.Sprintf("pgbench, %.1f commits for each", commits)
	for i, n := range crowds {
		rows[i].ID, rows[i].What = "payments-"+strconv.Itoa(n), fmt.Sprintf("whole payments, %d clients", n)
		if n == 1 {
			rows[i].What = "whole payments, 1 client"
		}
		rows[i] = tighter(rows[i], byWallet[i], byDisk[i], calls, disk)
		switch n {
		case crowd:
			rows[i].Aim = Aim{Share: 0.5}
		case 4 * crowd:
			rows[i].Aim = Aim{AtLeast: noCollapse * rows[i-1].Figure()}
		}
	}
	last := len(crowds)
	rows[last].ID, rows[last].What = "payments-sqlite", fmt.Sprintf("whole payments, %d clients, SQLite", crowd)
	rows[last] = tighter(rows[last], byWallet[last], byDisk[last], calls, fmt.Sprintf("SQLite, %.1f commits for each", commits))
	return rows, small.close()
}

// wholeRound measures one round with n clients on Postgres.
func (r *run) wholeRound(ctx context.Context, w *world, alone *bare, n int, commits float64, ours, byWallet, byDisk *Row) error {
	stop := r.profile(ctx, w, n)
	paid, err := w.second(ctx, n, r.Lasts)
	stop()
	if err != nil {
		return err
	}
	bare, err := alone.second(ctx, n, r.Lasts/2)
	if err != nil {
		return fmt.Errorf("the wallet alone: %w", err)
	}
	written, err := r.pgbench(ctx, n, r.Lasts/2)
	if err != nil {
		return err
	}
	ours.Figures = append(ours.Figures, paid)
	byWallet.Limits, byDisk.Limits = append(byWallet.Limits, bare), append(byDisk.Limits, written/commits)
	return nil
}

// sqliteRound measures one round on SQLite.
func (r *run) sqliteRound(ctx context.Context, w *world, alone *bare, commits float64, ours, byWallet, byDisk *Row) error {
	paid, err := w.second(ctx, r.crowd(), r.Lasts)
	if err != nil {
		return fmt.Errorf("on SQLite: %w", err)
	}
	bare, err := alone.second(ctx, r.crowd(), r.Lasts/2)
	if err != nil {
		return fmt.Errorf("the wallet alone: %w", err)
	}
	written, err := r.sqlite(ctx, r.crowd(), r.Lasts/2)
	if err != nil {
		return fmt.Errorf("SQLite alone: %w", err)
	}
	ours.Figures = append(ours.Figures, paid)
	byWallet.Limits, byDisk.Limits = append(byWallet.Limits, bare), append(byDisk.Limits, written/commits)
	return nil
}

// tighter gives a row the lower of its two limits, and tells the other in its note.
func tighter(row, byWallet, byDisk Row, c calls, disk string) Row {
	wallet := fmt.Sprintf("the wallet alone, %.0f calls for each", c.all())
	row.Unit = "/s"
	row.LimitIs, row.Limits = disk, byDisk.Limits
	row.Note = fmt.Sprintf("%s: %s", wallet, figure(byWallet.Limit(), row.Unit))
	if byWallet.Limit() < byDisk.Limit() {
		row.LimitIs, row.Limits = wallet, byWallet.Limits
		row.Note = fmt.Sprintf("%s: %s", disk, figure(byDisk.Limit(), row.Unit))
	}
	return row
}

// services are those of ours.
func (w *world) services() []*stack.Program { return []*stack.Program{w.Payments, w.Marketplace} }
