package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/worker"
	"tianguis.example/payments/webhook"
)

type store interface {
	// Endpoints are all, the configured one first.
	Endpoints(ctx context.Context) ([]Endpoint, error)
	// ActiveSecrets are what is signed with at now, of all endpoints. With an error it returns what it could read all the same.
	ActiveSecrets(ctx context.Context, now time.Time) ([]Secret, error)
	// ClaimDeliveries leases up to n due deliveries of an endpoint until until, the longest due first.
	ClaimDeliveries(ctx context.Context, endpointID string, n int, now, until time.Time) ([]Delivery, error)
	// RecordAttempts keeps attempts and what became of their deliveries, in one transaction, but for those that somebody
	// else has recorded. An outcome that is Gone disables the endpoint.
	RecordAttempts(ctx context.Context, all []Outcome) error
}

// Options are what an operator can choose.
type Options struct {
	// ToMarketplace sends to the configured endpoint, ToOthers to those that were added, whose addresses are not trusted.
	ToMarketplace, ToOthers *http.Client
	Unsigned                bool          // the configured endpoint is sent to without a signature: it has no secret
	Schedule                Schedule      // none for DefaultSchedule
	Workers                 int           // how many webhooks are sent to one endpoint at a time
	Poll                    time.Duration // how often it is asked for what is due
	Drain                   time.Duration // how long work in hand may go on after a stop
	Watch                   Watch         // may be nil
	// Trace begins a span of an attempt, which is made in the context that it returns, and is told what came of it; may be nil.
	Trace func(ctx context.Context, due Delivery) (context.Context, func(Outcome))
}

func untraced(ctx context.Context, _ Delivery) (context.Context, func(Outcome)) {
	return ctx, func(Outcome) {}
}

// Watch is told of attempts and of the lanes' loops, for metrics.
type Watch interface {
	worker.Watch
	// Attempted is told of each attempt that was made, and of the delivery as it is after it.
	Attempted(a Attempt, after Delivery)
}

type unwatched struct{}

func (unwatched) Claimed(string, int, error)         {}
func (unwatched) Worked(string, time.Duration, bool) {}
func (unwatched) Attempted(Attempt, Delivery)        {}

// Dispatcher sends deliveries to all endpoints.
type Dispatcher struct {
	courier
	store    store
	log      *slog.Logger
	options  Options
	own      *retryablehttp.Client // to the configured endpoint
	others   *retryablehttp.Client
	wake     worker.Bell
	recorder recorder
}

// NewDispatcher makes a dispatcher; it is wake that is rung after a commit that made a delivery due.
func NewDispatcher(s store, c clock.Clock, log *slog.Logger, o Options, wake worker.Bell) *Dispatcher {
	if len(o.Schedule) == 0 {
		o.Schedule = DefaultSchedule()
	}
	if o.Watch == nil {
		o.Watch = unwatched{}
	}
	if o.Trace == nil {
		o.Trace = untraced
	}
	return &Dispatcher{
		courier: courier{clock: c, schedule: o.Schedule, bound: attemptBound}, store: s, log: log, options: o,
		own: patient(o.ToMarketplace), others: patient(o.ToOthers), wake: wake, recorder: recorder{store: s, came: make(chan recording)},
	}
}

// Run sends until ctx is done, and what is in hand has come to an end or Drain is over.
func (d *Dispatcher) Run(ctx context.Context) {
	var writing, sending sync.WaitGroup
	writing.Go(d.recorder.run)
	lanes, unsigned := map[string]*lane{}, map[string]bool{}
	for {
		if err := d.refresh(ctx, lanes, unsigned, &sending); err != nil && ctx.Err() == nil {
			d.log.ErrorContext(ctx, "read the webhook endpoints", "error", err)
		}
		if !d.listen(ctx, lanes) {
			break
		}
	}
	sending.Wait()
	close(d.recorder.came)
	writing.Wait()
}

// listen hands the bell on to all lanes until it is time to read the endpoints again; false when ctx is done.
func (d *Dispatcher) listen(ctx context.Context, lanes map[string]*lane) bool {
	timer := d.clock.NewTimer(d.options.Poll)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C():
			return true
		case <-d.wake:
			for _, l := range lanes {
				l.bell.Ring()
			}
		}
	}
}

// refresh opens a lane for each enabled endpoint that can be signed for, keeps those that cannot in unsigned, closes those of others, and tells each how its endpoint and secrets are now.
func (d *Dispatcher) refresh(ctx context.Context, lanes map[string]*lane, unsigned map[string]bool, sending *sync.WaitGroup) error {
	closed := map[string]int64{} // as they were before the endpoints are read: a 410 that comes later is not undone by what is read now
	for id, l := range lanes {
		if n := l.closed.Load(); l.ending.Load() == 0 { // in this order: what was counted has been recorded
			closed[id] = n
		}
	}
	endpoints, err := d.store.Endpoints(ctx)
	if err != nil {
		return err
	}
	now := d.clock.Now()
	active, unreadable := d.store.ActiveSecrets(ctx, now)
	secrets := map[string]webhook.Secrets{}
	for _, s := range active {
		secrets[s.EndpointID] = append(secrets[s.EndpointID], s.Secret)
	}
	open := map[string]bool{}
	for _, e := range endpoints {
		if !e.Enabled() || e.URL == "" {
			continue
		}
		if len(secrets[e.ID]) == 0 && (e.ID != Configured || !d.options.Unsigned) {
			if !unsigned[e.ID] {
				d.log.ErrorContext(ctx, "[webhook] nothing is sent: the endpoint has no secret that signs; make one with payments webhook secret rotate", slog.Any("", e))
			}
			unsigned[e.ID] = true
			continue
		}
		delete(unsigned, e.ID)
		open[e.ID] = true
		l, running := lanes[e.ID]
		if !running {
			l = &lane{Dispatcher: d, client: d.others, bell: worker.NewBell(), posts: make(chan struct{}, d.options.Workers)}
			if e.ID == Configured {
				l.client = d.own
			}
			lanes[e.ID] = l
		}
		l.to.Store(&target{e, secrets[e.ID]})
		if n := closed[e.ID]; n > 0 { // it is enabled, whatever an attempt that came too late was answered
			l.closed.CompareAndSwap(n, 0)
		}
		if running {
			continue
		}
		var lasts context.Context
		lasts, l.stop = context.WithCancel(ctx)
		sending.Go(func() { l.loop().Run(lasts) })
	}
	for id, l := range lanes {
		if !open[id] {
			l.stop()
			delete(lanes, id)
		}
	}
	if unreadable != nil {
		return fmt.Errorf("read their secrets: %w", unreadable)
	}
	return nil
}
