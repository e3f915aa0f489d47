// Package clock is where time comes from, so that a test can hold it.
//
// Every constructor that needs the time takes a Clock. Nothing outside of this
// package calls time.Now, time.After or time.Sleep; the linter sees to it.
package clock

import (
	"context"
	"time"
)

// Clock tells the time, in UTC and truncated to microseconds: Postgres keeps no more,
// and a time that comes back from the store must equal the one that went in.
type Clock interface {
	Now() time.Time
	// NewTimer fires once, d from now. A d of zero or less fires at once.
	NewTimer(d time.Duration) Timer
}

// Timer is one pending wake-up.
type Timer interface {
	C() <-chan time.Time
	// Stop ends the timer; it reports false if it had fired already.
	Stop() bool
}

// System is the machine's clock.
func System() Clock { return system{} }

type system struct{}

func (system) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func (system) NewTimer(d time.Duration) Timer { return systemTimer{time.NewTimer(d)} }

type systemTimer struct{ t *time.Timer }

func (t systemTimer) C() <-chan time.Time { return t.t.C }
func (t systemTimer) Stop() bool          { return t.t.Stop() }

// Sleep waits for d by the clock, or until ctx is done, whose error it then returns.
func Sleep(ctx context.Context, c Clock, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := c.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
