package cmd

import (
	"context"
	"time"

	"tianguis.example/chassis/doctor"
	"tianguis.example/payments/outbox"
)

const (
	late         = 2 * time.Minute  // how long what is due may wait: leases are shorter
	longPending  = 10 * time.Minute // how old a webhook may be that is still on its way
	mostPayments = 1000             // looked at
)

// lookAtBacklog counts what does not move, and names the command that shows it.
func (x *examination) lookAtBacklog(ctx context.Context) []doctor.Finding {
	keep, ok := x.store(nil)
	if !ok {
		return one(doctor.Skip(needsDatabase))
	}
	fail := func(err error) []doctor.Finding {
		return one(doctor.Fail("see the check of the database", "read what waits: %s", doctor.Why(ctx, err)))
	}
	now := x.clock.Now()
	pending, err := keep.PendingPayments(ctx, mostPayments)
	if err != nil {
		return fail(err)
	}
	payments, webhooks, err := keep.Overdue(ctx, now.Add(-late))
	if err != nil {
		return fail(err)
	}
	standings, err := keep.Standings(ctx)
	if err != nil {
		return fail(err)
	}
	var found []doctor.Finding
	stuck := 0
	for _, p := range pending {
		if _, is := p.Stuck(now); is {
			stuck++
		}
	}
	if stuck > 0 {
		found = append(found, doctor.Warn("payments reconcile, and of each: payments payment show <pendingId>", "%d of %d pending payments are in their state for longer than it takes", stuck, len(pending)))
	}
	if payments+webhooks > 0 {
		runs := x.notes.Known().runs
		f := doctor.Warn("payments serve", "%d payments and %d webhooks are due for more than two minutes: the service does not run", payments, webhooks)
		if runs {
			f = doctor.Fail("see the service's log; payments payment list --pending and payments webhook list --state pending show them",
				"%d payments and %d webhooks are due for more than two minutes, and the service, which runs, does not take them", payments, webhooks)
		}
		found = append(found, f)
	}
	found = append(found, standing(standings, now)...)
	if len(found) == 0 {
		found = one(doctor.Fine("%d payments are pending, none is stuck; no webhook is dead or late", len(pending)))
	}
	return found
}

func standing(all []outbox.Standing, now time.Time) []doctor.Finding {
	var found []doctor.Finding
	for _, s := range all {
		if s.Dead > 0 {
			found = append(found, doctor.Warn("payments webhook list --state dead --endpoint "+s.EndpointID+"; once it is mended: payments webhook replay --endpoint "+s.EndpointID,
				"%d webhooks for endpoint %s were given up", s.Dead, s.EndpointID))
		}
		if age := now.Sub(s.Oldest); !s.Oldest.IsZero() && age > longPending {
			found = append(found, doctor.Warn("payments webhook list --state pending --endpoint "+s.EndpointID,
				"%d webhooks for endpoint %s are on their way, the oldest for %s", s.Pending, s.EndpointID, age.Round(time.Second)))
		}
	}
	return found
}
