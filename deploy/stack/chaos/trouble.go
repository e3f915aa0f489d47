package chaos

import (
	"context"
	"math/rand/v2"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/stack"
	"tianguis.example/stack/postgres"
)

// blow is what befalls a process.
type blow string

const (
	kill        blow = "kill"         // SIGKILL: a power cut
	term        blow = "term"         // SIGTERM: a deploy
	freeze      blow = "freeze"       // SIGSTOP past the lease, then SIGCONT: a machine that was suspended
	freezeShort blow = "freeze_short" // the same, within the lease
)

// blowAt is a blow as it is planned.
type blowAt struct {
	blow  blow
	pause time.Duration // before it
	down  time.Duration // until the process is started again, or goes on
}

func drawBlow(random *rand.Rand, pace Pace) blowAt {
	b := blowAt{blow: kill, pause: between(random, pace.Trouble/8, pace.Trouble), down: upTo(random, pace.Trouble/4)}
	switch n := random.IntN(10); {
	case n < 5:
	case n < 6:
		b.blow = term
	case n < 8:
		b.blow, b.down = freeze, pace.Lease+between(random, pace.Lease/10, pace.Lease/2)
	default:
		b.blow, b.down = freezeShort, between(random, pace.Lease/10, pace.Lease/2)
	}
	return b
}

// trouble strikes a process until ctx is done, and leaves it running.
func (r *run) trouble(ctx context.Context, p *stack.Program, random *rand.Rand) {
	for {
		b := drawBlow(random, r.Pace)
		if !r.undisturbed(ctx, p, b.pause) {
			return
		}
		switch b.blow {
		case kill:
			p.Kill()
			_ = clock.Sleep(ctx, clock.System(), b.down)
			r.revive(ctx, p)
		case term:
			if err := p.Stop(); err != nil {
				r.offend("%v", err)
			}
			r.revive(ctx, p)
		case freeze, freezeShort:
			if err := p.Freeze(); err != nil {
				continue // it has just died; the next look finds that
			}
			_ = clock.Sleep(ctx, clock.System(), b.down)
			if err := p.Thaw(); err != nil {
				r.offend("thaw %s: %v", p.Name, err)
			}
		}
		r.counts.Add("blow." + string(b.blow))
	}
}

// undisturbed waits, and sees to it that the process lives meanwhile: one that ends by itself is an offence, and is started
// again. It returns false when ctx is done.
func (r *run) undisturbed(ctx context.Context, p *stack.Program, d time.Duration) bool {
	timer := clock.System().NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C():
			return true
		case <-p.Ended():
			r.offend("%s has ended by itself; the end of its log:\n%s", p.Name, stack.Tail(p.Log, 10))
			r.revive(ctx, p)
			if !p.Running() {
				return false
			}
		}
	}
}

// revive starts a process again, as a supervisor would: as often as it takes, since its database may be away. It does so even when
// ctx is done, for what comes after the trouble.
func (r *run) revive(ctx context.Context, p *stack.Program) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reviveBound)
	defer cancel()
	for {
		var err error
		if p.Running() { // but has not been ready yet
			err = p.WaitReady(ctx)
		} else {
			err = p.Start(ctx)
		}
		if err == nil {
			r.counts.Add("start")
			return
		}
		r.counts.Add("start_in_vain")
		if clock.Sleep(ctx, clock.System(), 100*time.Millisecond) != nil {
			r.offend("%s cannot be started any more: %v", p.Name, err)
			return
		}
	}
}

const reviveBound = 90 * time.Second

// crashPostgres crashes the server now and then, until ctx is done, and leaves it running.
func (r *run) crashPostgres(ctx context.Context, server *postgres.Server, random *rand.Rand) {
	for {
		pause, down := between(random, r.Pace.Trouble, 4*r.Pace.Trouble), upTo(random, r.Pace.Trouble/6)
		if clock.Sleep(ctx, clock.System(), pause) != nil {
			return
		}
		if err := server.Crash(); err != nil {
			r.offend("crash PostgreSQL: %v", err)
			return
		}
		_ = clock.Sleep(ctx, clock.System(), down)
		if err := server.Restart(context.WithoutCancel(ctx)); err != nil {
			r.offend("start PostgreSQL again: %v", err)
			return
		}
		r.counts.Add("blow.postgres")
	}
}
