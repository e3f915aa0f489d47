package inbox

import (
	"context"
	"log/slog"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/worker"
	"tianguis.example/marketplace"
)

// Attempts is what polling needs of a store.
type Attempts interface {
	// ClaimAttempts leases up to n open attempts that are due to be asked about.
	ClaimAttempts(ctx context.Context, n int, now, leaseUntil time.Time) ([]marketplace.Attempt, error)
	// AskAgainAt ends a lease.
	AskAgainAt(ctx context.Context, id string, leaseUntil, at time.Time) error
}

// Poller asks the payments service about attempts of which nothing more was heard.
type Poller struct {
	Market   *marketplace.Market
	Attempts Attempts
	Clock    clock.Clock
	Log      *slog.Logger
	Every    time.Duration // how often it is looked whether an attempt is due
	Workers  int           // how many questions at a time
	Watch    worker.Watch  // may be nil
	// Trace begins a span of a question, which is asked in the context that it returns, and ends it; may be nil.
	Trace func(ctx context.Context, a marketplace.Attempt) (context.Context, func(error))
	Lease time.Duration // how long a claim lasts; a question may take half of it
}

type claimed struct {
	marketplace.Attempt
	leaseUntil time.Time
}

// Run polls until ctx is done.
func (p *Poller) Run(ctx context.Context) {
	loop := worker.Loop[claimed]{
		Name: "poll", Clock: p.Clock, Log: p.Log, Claim: p.claim, Work: p.ask,
		Workers: p.Workers, Poll: p.Every, Drain: 5 * time.Second, Watch: p.Watch,
	}
	loop.Run(ctx)
}

func (p *Poller) claim(ctx context.Context, n int) ([]claimed, error) {
	now := p.Clock.Now()
	leaseUntil := now.Add(p.Lease)
	attempts, err := p.Attempts.ClaimAttempts(ctx, n, now, leaseUntil)
	all := make([]claimed, len(attempts))
	for i, a := range attempts {
		all[i] = claimed{a, leaseUntil}
	}
	return all, err
}

func (p *Poller) ask(ctx context.Context, a claimed) error {
	asked := func(error) {}
	if p.Trace != nil {
		ctx, asked = p.Trace(ctx, a.Attempt)
	}
	asking, cancel := context.WithTimeout(ctx, p.Lease/2)
	err := p.Market.Ask(asking, a.Attempt)
	cancel()
	asked(err)
	if err != nil {
		p.Log.WarnContext(ctx, "payments service asked in vain", "", a.Attempt, "attempt", a.Polls, "error", err)
	}
	return p.Attempts.AskAgainAt(ctx, a.ID, a.leaseUntil, p.Clock.Now().Add(pause(a.Polls)))
}

// The pauses between two questions about the same attempt.
const (
	shortestPause = 2 * time.Second
	longestPause  = 10 * time.Minute
)

// pause is how long to wait after the n-th question: twice as long each time.
func pause(n int) time.Duration {
	d := shortestPause
	for range n - 1 {
		if d *= 2; d >= longestPause {
			return longestPause
		}
	}
	return d
}
