package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tianguis.example/chassis/clock"
)

// errDry is the error of a client who finds nothing more to do.
var errDry = errors.New("there is nothing left to do")

// errBusy is the error of a client who was told to come again later.
var errBusy = errors.New("told to come again later")

// busyPause is how long such a client stays away.
const busyPause = 250 * time.Millisecond

// pace is what came of clients who did something again and again.
type pace struct {
	Second float64         // how many were done in a second
	Each   []time.Duration // how long each took
	Busy   int             // how often a client was told to come again later
}

// now is the time of the machine, which is what is measured here.
func now() time.Time { return clock.System().Now() }

// loop lets n clients do something again and again, each waiting for its own. It is counted from when each has done it once, on the average: until then
// not all are at work. It ends when lasts is over, but not before each has done it twice, on the average.
func loop(ctx context.Context, n int, lasts time.Duration, do func(ctx context.Context, client int) error) (pace, error) {
	var (
		mu    sync.Mutex
		ends  []time.Time
		p     pace
		wrong []error
	)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	began := now()
	over := func() bool { return len(ends) >= 2*n && now().Sub(began) >= lasts }
	work := func(client int) {
		for ctx.Err() == nil {
			from := now()
			err := do(ctx, client)
			mu.Lock()
			at := now()
			done := over()
			switch {
			case err == nil && !done:
				ends = append(ends, at)
				p.Each = append(p.Each, at.Sub(from))
			case err == nil || errors.Is(err, errDry):
			case errors.Is(err, errBusy):
				p.Busy++
			case ctx.Err() == nil:
				wrong = append(wrong, err)
				stop()
			}
			mu.Unlock()
			if done || err != nil && !errors.Is(err, errBusy) {
				return
			}
			if err != nil && clock.Sleep(ctx, clock.System(), busyPause) != nil {
				return
			}
		}
	}
	var all sync.WaitGroup
	for client := range n {
		all.Go(func() { work(client) })
	}
	all.Wait()
	if len(wrong) > 0 {
		return p, wrong[0]
	}
	if err := context.Cause(ctx); err != nil {
		return p, err
	}
	if len(ends) < n+1 {
		return p, fmt.Errorf("%d were done by %d clients, which is too few to count", len(ends), n)
	}
	slices.SortFunc(ends, time.Time.Compare)
	last := len(ends) - 1
	p.Second = float64(last-(n-1)) / max(ends[last].Sub(ends[n-1]), time.Microsecond).Seconds()
	p.Each = p.Each[n:]
	return p, nil
}

// stream lets something begin at an even rate, whether or not what began before has ended, and returns how long each took as do says. At most atOnce
// are under way.
func stream(ctx context.Context, perSecond float64, lasts time.Duration, atOnce int, do func(ctx context.Context) (time.Duration, error)) ([]time.Duration, error) {
	var (
		mu    sync.Mutex
		each  []time.Duration
		wrong error
		all   sync.WaitGroup
	)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	places := make(chan struct{}, atOnce)
	began := now()
	for i := range int(perSecond * lasts.Seconds()) {
		begins := began.Add(time.Duration(float64(i) / perSecond * float64(time.Second)))
		if clock.Sleep(ctx, clock.System(), begins.Sub(now())) != nil {
			break
		}
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			took, err := do(ctx)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				each = append(each, took)
			case !errors.Is(err, errBusy) && wrong == nil:
				wrong = err
				stop()
			}
		})
	}
	all.Wait()
	if wrong == nil {
		wrong = context.Cause(ctx)
	}
	return each, wrong
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
