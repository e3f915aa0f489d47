package marketplace

import (
	"context"
	"errors"
	"fmt"

	"tianguis.example/payments/api"
)

// actStore is what doing something with a job needs of a store, beside what the others need.
type actStore interface {
	// Case returns CodeNotFound without the job.
	Case(ctx context.Context, id JobID) (Case, error)
	CreateJob(ctx context.Context, j Job, history []Entry) (JobID, error)
}

// actPayments is what is asked of the payments service.
type actPayments interface {
	Cancel(ctx context.Context, pendingID string) (api.Payment, error)
}

// ErrFundsNoJobs is the error of offering a job with an account that is for doing them.
var ErrFundsNoJobs = forbidden("This account is for doing jobs. Add the role of a funder to it in order to offer some.")

// Create writes a new draft. CodeForbidden for whoever funds no jobs.
func (m *Market) Create(ctx context.Context, by UserID, t Terms) (JobID, error) {
	funder, err := m.store.User(ctx, by)
	if err != nil {
		return 0, fmt.Errorf("read the funder: %w", err)
	}
	if !funder.Role.Funds() {
		return 0, ErrFundsNoJobs
	}
	draft, history := NewJob(funder.ID, t, m.clock.Now())
	id, err := m.store.CreateJob(ctx, draft, history)
	if err != nil {
		return 0, fmt.Errorf("keep the draft: %w", err)
	}
	m.log.InfoContext(ctx, "job created", "job_id", id.String(), "user_id", by.String())
	return id, nil
}

// Duplicate writes a draft on the terms of another job of the same funder.
func (m *Market) Duplicate(ctx context.Context, id JobID, by UserID) (JobID, error) {
	c, err := m.store.Case(ctx, id)
	if err != nil {
		return 0, fmt.Errorf("read the job: %w", err)
	}
	user, err := m.store.User(ctx, by)
	switch {
	case err != nil:
		return 0, fmt.Errorf("read the funder: %w", err)
	case !c.CanView(user):
		return 0, NotFound("There is no such job.")
	case c.Funder != by:
		return 0, forbidden("Only the funder of a job can duplicate it.")
	}
	return m.Create(ctx, by, c.Terms())
}

// Act does something with a job for somebody, or says why not. Its errors are those of Case.Decide, and CodePaymentsDown. A job whose time has
// run out is seen to first: whoever acts late acts on what has become of it.
func (m *Market) Act(ctx context.Context, id JobID, by UserID, cmd Command) error {
	var err error
	if cmd.By, err = m.store.User(ctx, by); err != nil {
		return fmt.Errorf("read the person: %w", err)
	}
	for range staleTries {
		if err = m.act(ctx, id, cmd); !errors.Is(err, ErrStale) {
			return err
		}
	}
	return &Error{Code: CodeChanged, Message: "Many people are changing this job just now. Try again.", Err: err}
}

// act does it once, or returns ErrStale when the job has changed.
func (m *Market) act(ctx context.Context, id JobID, cmd Command) error {
	c, err := m.store.Case(ctx, id)
	if err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	now := m.clock.Now()
	if c.Overdue(now) && c.CanView(cmd.By) {
		err := m.runOut(ctx, c, now)
		if err == nil {
			return ErrStale // look again
		}
		if CodeOf(err) != CodePaymentInFlight {
			return err
		}
	}
	called, err := m.callOff(ctx, c, cmd)
	if err != nil {
		return err
	}
	if called {
		return ErrStale // look again
	}
	change, err := c.Decide(cmd, now)
	if err != nil {
		return err
	}
	return m.record(ctx, change)
}

// callOff calls the payment off that stands in the way of a cancellation or a rejection: one that its buyer has not approved yet. The payments
// service makes sure of that at the wallet, so that no money can come afterwards, and refuses once it may be moving.
func (m *Market) callOff(ctx context.Context, c Case, cmd Command) (bool, error) {
	if c.Attempt == nil || c.Attempt.State != AttemptAwaiting || cmd.Action != Cancel && cmd.Action != Reject {
		return false, nil
	}
	attempt := *c.Attempt
	c.Attempt = nil
	if _, err := c.Decide(cmd, m.clock.Now()); err != nil {
		return false, err // it would be refused without the payment, too
	}
	ctx, cancel := m.uncancelled(ctx)
	defer cancel()
	p, err := m.payments.Cancel(ctx, attempt.PendingID)
	if err != nil {
		said, ok := errors.AsType[*api.Error](err)
		if ok && said.Status == 409 { // approved in the meantime, or at its end: the news of that is on its way
			return false, &Error{Code: CodePaymentInFlight, Message: "A payment for this job is under way. Wait until its end is known.", Err: err}
		}
		return false, &Error{Code: CodePaymentsDown, Message: "The payment that waits at the funder's wallet could not be called off, so nothing was changed. Try again in a moment.", Err: err}
	}
	if p.PendingID != attempt.PendingID || p.OfferID != c.ID.String() || p.Status != api.StatusFailed {
		return false, fmt.Errorf("call the payment %s off: the answer is about another, or none that has ended", attempt.PendingID)
	}
	_, err = m.Paid(ctx, newsOf(p, SourceAsked))
	return err == nil, err
}

// record commits a change and says so.
func (m *Market) record(ctx context.Context, c Change) error {
	if err := m.store.Record(ctx, c); err != nil {
		return fmt.Errorf("record what was done: %w", err)
	}
	for _, e := range c.Entries {
		m.log.InfoContext(ctx, "job changed", "job_id", c.Before.ID.String(), "event", e.Event, "from", string(e.From), "to", string(e.To), "user_id", e.By.String())
	}
	return nil
}
