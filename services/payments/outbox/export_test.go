package outbox

import (
	"context"
	"testing"
	"time"

	"tianguis.example/payments/webhook"
)

// Lane is one endpoint's share, of which a test makes each step itself.
type Lane struct{ *lane }

// NewLane opens a lane outside of Run.
func (d *Dispatcher) NewLane(t *testing.T, to Endpoint, secrets webhook.Secrets) Lane {
	t.Helper()
	own := *d
	own.recorder.came = make(chan recording)
	l := &lane{Dispatcher: &own, client: own.own, posts: make(chan struct{}, 1)}
	l.to.Store(&target{to, secrets})
	go own.recorder.run()
	t.Cleanup(func() { close(own.recorder.came) })
	return Lane{l}
}

// WithBound has another deadline for each attempt.
func (l Lane) WithBound(bound time.Duration) Lane {
	l.bound = bound
	return l
}

// Claim is what the lane's loop does.
func (l Lane) Claim(ctx context.Context, n int) ([]Delivery, error) { return l.claim(ctx, n) }

// Deliver is what the lane's loop does.
func (l Lane) Deliver(ctx context.Context, due Delivery) error { return l.deliver(ctx, due) }
