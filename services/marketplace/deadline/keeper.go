// Package deadline keeps the deadlines of jobs: it looks for those whose time has run out, and has the rules say what becomes of them.
package deadline

import (
	"context"
	"log/slog"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/worker"
	"tianguis.example/marketplace"
)

// Jobs is what keeping deadlines needs of a store.
type Jobs interface {
	// ClaimOverdue leases up to n jobs whose time has run out, until leaseUntil. What becomes of a job ends the lease.
	ClaimOverdue(ctx context.Context, n int, now, leaseUntil time.Time) ([]marketplace.JobID, error)
}

// Keeper lets the time of jobs run out. Several may, over one database.
type Keeper struct {
	Market *marketplace.Market
	Jobs   Jobs
	Clock  clock.Clock
	Log    *slog.Logger
	Every  time.Duration // how often it is looked for overdue jobs; whoever acts on one in the meantime sees to it first
	Watch  worker.Watch  // may be nil
}

// lease is how long a claim lasts: some reads and one commit. A job whose time cannot run out yet, as money may be moving for it, is looked at
// again then.
const lease = time.Minute

// Run keeps the deadlines until ctx is done.
func (k *Keeper) Run(ctx context.Context) {
	loop := worker.Loop[marketplace.JobID]{
		Name: "deadline", Clock: k.Clock, Log: k.Log, Claim: k.claim, Work: k.work, Workers: 2, Poll: k.Every, Drain: 5 * time.Second, Watch: k.Watch,
	}
	loop.Run(ctx)
}

func (k *Keeper) claim(ctx context.Context, n int) ([]marketplace.JobID, error) {
	now := k.Clock.Now()
	return k.Jobs.ClaimOverdue(ctx, n, now, now.Add(lease))
}

func (k *Keeper) work(ctx context.Context, id marketplace.JobID) error {
	err := k.Market.RunOut(ctx, id)
	if marketplace.CodeOf(err) == marketplace.CodePaymentInFlight {
		k.Log.InfoContext(ctx, "a job's time has run out while it may be being paid: looked at again later", "job_id", id.String())
		return nil
	}
	return err
}
