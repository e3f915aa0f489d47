package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"tianguis.example/chassis/worker"
	"tianguis.example/payments/webhook"
)

// lane is one endpoint's share of the sending: workers and a breaker of its own, so that a slow or a dead endpoint delays nobody else.
type lane struct {
	*Dispatcher
	breaker
	client *retryablehttp.Client
	to     atomic.Pointer[target]
	closed atomic.Int64  // how many 410s there were since it was last open: nothing is sent until the endpoint is looked at after they were recorded
	ending atomic.Int64  // how many of them are being recorded
	posts  chan struct{} // has a place for each POST at a time: one that waits for its commit needs none
	bell   worker.Bell
	stop   context.CancelFunc
}

// target is the endpoint as it was last read.
type target struct {
	Endpoint
	secrets webhook.Secrets
}

// inHand is how many webhooks a lane has in hand for each POST that it may make at a time. Most of them wait, for a POST or for the commit that
// records theirs, so that one claim and one commit serve many. More of them would wait for a lease, when this process dies, or use up an attempt, when
// the receiver has just begun to fail.
const inHand = 4

func (l *lane) loop() *worker.Loop[Delivery] {
	return &worker.Loop[Delivery]{
		Name: "webhooks", Clock: l.clock, Log: l.log, Claim: l.claim, Work: l.deliver,
		Workers: inHand / 2 * l.options.Workers, Ahead: inHand / 2 * l.options.Workers, Poll: l.options.Poll, Wake: l.bell, Drain: l.options.Drain, Watch: l.options.Watch,
	}
}

// lease is how long claimed deliveries stay with this process: those that wait for a worker here have their turn in it, or are left to the
// next claim.
const lease = 3 * attemptBound

func (l *lane) claim(ctx context.Context, n int) ([]Delivery, error) {
	now := l.clock.Now()
	if n = l.admit(n, now); n == 0 || l.closed.Load() > 0 {
		return nil, nil
	}
	due, err := l.store.ClaimDeliveries(ctx, l.to.Load().ID, n, now, now.Add(lease))
	l.begin(len(due))
	return due, err
}

func (l *lane) deliver(ctx context.Context, due Delivery) error {
	o, got, made := l.send(ctx, due)
	if !made {
		return nil
	}
	if got.gone() {
		defer l.ending.Add(-1)
	}
	if err := l.recorder.record(ctx, o); err != nil {
		return fmt.Errorf("record the attempt of webhook %s: %w", due.ID, err)
	}
	l.options.Watch.Attempted(o.Attempt, o.Delivery)
	return nil
}

// send makes an attempt when a place for it is free; false when it is too late for one, or when it was broken off by our own stop, which says
// nothing of the receiver: the lease ends, and it is made again.
func (l *lane) send(ctx context.Context, due Delivery) (Outcome, answer, bool) {
	select {
	case l.posts <- struct{}{}:
	case <-ctx.Done():
		l.begin(0)
		return Outcome{}, answer{}, false
	}
	defer func() { <-l.posts }()
	if l.closed.Load() > 0 || l.clock.Now().Add(l.bound).After(due.NextAt) {
		l.begin(0) // it waited too long here: what is left of its lease is not enough
		return Outcome{}, answer{}, false
	}
	to := l.to.Load()
	ctx, traced := l.options.Trace(ctx, due)
	o, got := l.attempt(ctx, l.client, to.Endpoint, to.secrets, due)
	traced(o)
	if ctx.Err() != nil && !got.taken() {
		l.begin(0)
		return Outcome{}, answer{}, false
	}
	if got.gone() {
		l.ending.Add(1)
		l.closed.Add(1)
	}
	l.say(ctx, to.Endpoint, o)
	if rests := l.end(got, l.clock.Now()); rests > 0 {
		l.log.WarnContext(ctx, "[webhook] the receiver does not take anything: it is left alone for a while", slog.Any("", to.Endpoint), "for", rests.String())
	}
	return o, got, true
}

func (l *lane) say(ctx context.Context, to Endpoint, o Outcome) {
	after, a := o.Delivery, o.Attempt
	attrs := []any{slog.Any("", after), "host", host(to.URL), "status", a.Status, "duration_ms", a.Duration.Milliseconds()}
	if a.Error != "" {
		attrs = append(attrs, "error", a.Error)
	}
	if o.Gone != "" {
		l.log.ErrorContext(ctx, "[webhook] the endpoint is disabled; its webhooks are kept until it is enabled again", append(attrs, "reason", o.Gone)...)
	}
	switch after.State {
	case Delivered:
		l.log.InfoContext(ctx, "[webhook] delivered", attrs...)
	case Dead:
		l.log.ErrorContext(ctx, "[webhook] given up", attrs...)
	case Pending:
		l.log.WarnContext(ctx, "[webhook] not delivered, will be tried again", append(attrs, "next_at", after.NextAt)...)
	}
}

// recorder writes outcomes, those that came while it was writing together: one commit for many attempts when there are many, and no wait when
// there are few.
type recorder struct {
	store store
	came  chan recording
}

type recording struct {
	Outcome
	done chan error
}

// recordBatch is how many outcomes one commit may have.
const recordBatch = 100

// recordBound is how long a commit may take.
const recordBound = 10 * time.Second

func (r *recorder) record(ctx context.Context, o Outcome) error {
	one := recording{o, make(chan error, 1)}
	select {
	case r.came <- one:
	case <-ctx.Done():
		return ctx.Err()
	}
	return <-one.done
}

// run writes until nobody records any more, which the closing of came says.
func (r *recorder) run() {
	for first := range r.came {
		batch := append(make([]recording, 0, recordBatch), first)
	more:
		for len(batch) < recordBatch {
			select {
			case one, open := <-r.came:
				if !open {
					break more
				}
				batch = append(batch, one)
			default:
				break more
			}
		}
		outcomes := make([]Outcome, len(batch))
		for i, one := range batch {
			outcomes[i] = one.Outcome
		}
		ctx, cancel := context.WithTimeout(context.Background(), recordBound)
		err := r.store.RecordAttempts(ctx, outcomes)
		cancel()
		for _, one := range batch {
			if err != nil && len(batch) > 1 { // one that cannot be recorded must not keep the others from it
				one.done <- r.alone(one.Outcome)
				continue
			}
			one.done <- err
		}
	}
}

func (r *recorder) alone(o Outcome) error {
	ctx, cancel := context.WithTimeout(context.Background(), recordBound)
	defer cancel()
	return r.store.RecordAttempts(ctx, []Outcome{o})
}
