package outbox

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/oklog/ulid/v2"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments/webhook"
)

// Try sends a test event to an endpoint at once, as the dispatcher sends, and keeps nothing of it: for whoever wants to know whether the way is open
// while no dispatcher runs. The attempt is made within the time that one may take.
func Try(ctx context.Context, c clock.Clock, client *http.Client, to Endpoint, secrets webhook.Secrets) (Attempt, error) {
	now := c.Now()
	body, err := webhook.Body(webhook.Event{Type: webhook.Ping, Timestamp: now})
	if err != nil {
		return Attempt{}, fmt.Errorf("write the test event: %w", err)
	}
	id := ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String() // no secret
	d := Delivery{ID: id, EndpointID: to.ID, EventType: string(webhook.Ping), Body: body, State: Pending, NextAt: now.Add(attemptBound), CreatedAt: now}
	o, _ := courier{clock: c, schedule: Schedule{time.Second}, bound: attemptBound}.attempt(ctx, patient(client), to, secrets, d)
	return o.Attempt, nil
}
