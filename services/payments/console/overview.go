package console

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments"
)

// mostCounted is how far the overview counts: more is as bad.
const mostCounted = 10_000

// lately is how far back failures that need a person are counted: there is no mark for one that a person has dealt with.
const lately = 7 * 24 * time.Hour

// mostOpen is how many of the oldest payments that have not ended are looked at for those that are stuck.
const mostOpen = 1000

// overviewReader is what only the overview reads.
type overviewReader interface {
	// PaymentStandings are how the payments that have not ended stand, in the order of life.
	PaymentStandings(ctx context.Context) ([]payments.Standing, error)
	// CountPayments is how many the filter picks; most when there are that many or more.
	CountPayments(ctx context.Context, f payments.Filter, most int) (int, error)
	// LastPaid is when a payment was last paid; zero when none ever was.
	LastPaid(ctx context.Context) (time.Time, error)
}

// OverviewPage is templates/overview.html.
type OverviewPage struct {
	PaidToday Figure
	LastPaid  time.Time
	Open      []payments.Standing // those with any
	Oldest    payments.Standing   // the one with the payment that has been longest in its state

	Stuck     Figure
	Attention []Figure // failures of the last days that need a person

	Pending, Dead  int
	OldestPending  time.Time
	Disabled       []Warning
	Endpoints      int
	Reconciliation ReconciliationRun // the last one
	Unmarked       int               // of its findings: paid_but_unmarked
	Checkpoint     payments.Checkpoint
	Verified       VerificationRun // the last one
}

// Figure is a count, and the address of the list that it counts.
type Figure struct {
	Label string
	Count int
	More  bool // there are at least so many
	Link  string
}

// Title is the page's.
func (OverviewPage) Title() string { return "Overview" }

// Section is where the page is in the navigation.
func (OverviewPage) Section() string { return "overview" }

// Settled reports whether nothing needs a person.
func (o OverviewPage) Settled() bool {
	for _, f := range o.Attention {
		if f.Count > 0 {
			return false
		}
	}
	return o.Stuck.Count == 0 && o.Unmarked == 0
}

func (p *Pages) overview(c echo.Context) error {
	ctx := c.Request().Context()
	known, err := p.directory(ctx)
	if err != nil {
		return err
	}
	page := OverviewPage{Endpoints: len(known.endpoints)}
	for _, w := range known.warnings() {
		if !w.Unsigned {
			page.Disabled = append(page.Disabled, w)
		}
	}
	for _, fill := range []func(context.Context) error{page.money(p), page.attention(p), page.webhooks(p), page.background(p)} {
		if err := fill(ctx); err != nil {
			return err
		}
	}
	return p.render(c, http.StatusOK, "overview", frame{known.warnings(), takeFlash(c), page})
}

// money is whether it flows.
func (o *OverviewPage) money(p *Pages) func(context.Context) error {
	return func(ctx context.Context) (err error) {
		today := p.clock.Now().UTC().Truncate(24 * time.Hour)
		if o.PaidToday, err = p.figure(ctx, "paid today", payments.Filter{PaidSince: today}, "?paidSince="+today.Format(time.DateOnly)); err != nil {
			return err
		}
		if o.LastPaid, err = p.read.LastPaid(ctx); err != nil {
			return err
		}
		standings, err := p.read.PaymentStandings(ctx)
		for _, s := range standings {
			if s.Payments == 0 {
				continue
			}
			o.Open = append(o.Open, s)
			if o.Oldest.Oldest.IsZero() || s.Oldest.Before(o.Oldest.Oldest) {
				o.Oldest = s
			}
		}
		return err
	}
}

// attention is what needs a person.
func (o *OverviewPage) attention(p *Pages) func(context.Context) error {
	return func(ctx context.Context) error {
		stuck, more, err := p.stuck(ctx)
		if err != nil {
			return err
		}
		o.Stuck = Figure{"stuck", len(stuck), more, Root + "/payments?state=" + stuckState}
		since := p.clock.Now().Add(-lately)
		address := "&since=" + lately.String()
		for _, of := range []struct {
			label  string
			filter payments.Filter
			query  string
		}{
			{"paid in part", payments.Filter{Reason: payments.PaidInPart, Since: since}, "?reason=" + string(payments.PaidInPart)},
			{"outcome unknown", payments.Filter{Reason: payments.OutcomeUnknown, Since: since}, "?reason=" + string(payments.OutcomeUnknown)},
			{"paid late", payments.Filter{State: payments.PaidLate, Since: since}, "?state=" + string(payments.PaidLate)},
		} {
			f, err := p.figure(ctx, of.label, of.filter, of.query+address)
			if err != nil {
				return err
			}
			o.Attention = append(o.Attention, f)
		}
		return nil
	}
}

func (p *Pages) figure(ctx context.Context, label string, f payments.Filter, query string) (Figure, error) {
	n, err := p.read.CountPayments(ctx, f, mostCounted)
	return Figure{label, n, n == mostCounted, Root + "/payments" + query}, err
}

func (o *OverviewPage) webhooks(p *Pages) func(context.Context) error {
	return func(ctx context.Context) error {
		standings, err := p.read.Standings(ctx)
		for _, s := range standings {
			o.Pending, o.Dead = o.Pending+s.Pending, o.Dead+s.Dead
			if !s.Oldest.IsZero() && (o.OldestPending.IsZero() || s.Oldest.Before(o.OldestPending)) {
				o.OldestPending = s.Oldest
			}
		}
		return err
	}
}

// background is what tasks found.
func (o *OverviewPage) background(p *Pages) func(context.Context) error {
	return func(ctx context.Context) error {
		runs, err := p.reconciliations(ctx)
		if err != nil {
			return err
		}
		if last := lastEnded(runs, func(r ReconciliationRun) payments.Task { return r.Task }); last != nil {
			o.Reconciliation = *last
			o.Unmarked = last.Count(payments.FoundPaidButUnmarked)
		}
		verified, err := p.verifications(ctx)
		if err != nil {
			return err
		}
		if last := lastEnded(verified, func(r VerificationRun) payments.Task { return r.Task }); last != nil {
			o.Verified = *last
		}
		newest, err := p.read.Checkpoints(ctx, 1)
		if len(newest) > 0 {
			o.Checkpoint = newest[0]
		}
		return err
	}
}

// lastEnded is the newest run that has ended.
func lastEnded[R any](newestFirst []R, task func(R) payments.Task) *R {
	for i := range newestFirst {
		if task(newestFirst[i]).Ended() {
			return &newestFirst[i]
		}
	}
	return nil
}

// result reads what came of a task; the zero value for one that has not ended.
func result[R any](t payments.Task) (r R, err error) {
	if len(t.Result) == 0 {
		return r, nil
	}
	return r, json.Unmarshal(t.Result, &r)
}
