package marketplace

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The deadlines. Of the first and the last the funder may choose the days.
const (
	RecruitDays = 7                   // to apply in, unless the funder says otherwise
	SelectTime  = 14 * 24 * time.Hour // to choose a worker in: those who applied wait for it
	SubmitDays  = 7                   // to hand the work in, unless the funder says otherwise; again after each rejection
	MaxDays     = 90
)

const day = 24 * time.Hour

// deadline is until when a job that has just come into its state may stay in it; zero for as long as it likes. A job in
// review has none: work that was handed in must not be lost because a funder is slow.
func (j Job) deadline(now time.Time) time.Time {
	switch j.State {
	case Recruiting:
		return now.Add(time.Duration(j.RecruitDays) * day)
	case Selecting:
		return now.Add(SelectTime)
	case Submitting:
		return now.Add(time.Duration(j.SubmitDays) * day)
	default:
		return time.Time{}
	}
}

// Overdue reports whether the job's time in its state has run out.
func (j Job) Overdue(now time.Time) bool { return !j.Deadline.IsZero() && !now.Before(j.Deadline) }

// RunOut decides what becomes of a job whose time has run out: one for which workers have applied is chosen for, any other
// expires. CodeWrongState when its time has not run out, CodePaymentInFlight while money may be moving for it.
func (c Case) RunOut(now time.Time) (Change, error) {
	if !c.Overdue(now) {
		return Change{}, &Error{Code: CodeWrongState, Message: "This job's time has not run out."}
	}
	a := Expire
	if c.State == Recruiting && len(c.Standing()) > 0 {
		a = Close
	}
	return c.decide(PartMarketplace, Command{Action: a}, now)
}

// RunOut records what becomes of a job whose time has run out. It is safe at any time and any number of times: of a job
// that still has time, or that somebody else has seen to, nothing becomes.
func (m *Market) RunOut(ctx context.Context, id JobID) error {
	for range staleTries {
		c, err := m.store.Case(ctx, id)
		if err != nil {
			return fmt.Errorf("read the job: %w", err)
		}
		now := m.clock.Now()
		if !c.Overdue(now) {
			return nil
		}
		if err := m.runOut(ctx, c, now); !errors.Is(err, ErrStale) {
			return err
		}
	}
	return fmt.Errorf("let the job's time run out: %w", ErrStale)
}

func (m *Market) runOut(ctx context.Context, c Case, now time.Time) error {
	change, err := c.RunOut(now)
	if err != nil {
		return err
	}
	return m.record(ctx, change)
}
