package outbox

import (
	"log/slog"
	"strings"
	"time"

	"tianguis.example/payments/webhook"
)

// State is where a delivery stands.
type State string

// The states of a delivery.
const (
	Pending   State = "pending"   // due at NextAt, or once its endpoint is enabled again
	Delivered State = "delivered" // the receiver answered 2xx
	Dead      State = "dead"      // given up: the schedule is over, or the endpoint was removed
)

// States are all of them.
var States = []State{Pending, Delivered, Dead}

// Delivery is one event on its way to one endpoint.
type Delivery struct {
	ID         string // the webhook-id, a ULID: the same at every attempt
	EndpointID string
	PendingID  string // of the payment; "" for a ping
	OfferID    string
	EventType  string
	Body       []byte // exactly what is sent and signed
	Trace      string // the span that its payment began with, a W3C traceparent; "" for none
	State      State
	Attempts   int       // made in all
	Failures   int       // attempts that failed since it was made, or last replayed: its place in the schedule
	NextAt     time.Time // when it is tried next; while somebody tries, when the lease ends; zero once it has ended
	CreatedAt  time.Time
	EndedAt    time.Time // zero while it is pending
}

// Attempt is one try, kept for whoever asks where the webhook is.
type Attempt struct {
	DeliveryID string
	Number     int // from 1
	At         time.Time
	URL        string // where it was POSTed
	Status     int    // HTTP; 0 when there was no answer
	Duration   time.Duration
	Excerpt    string    // the first bytes of the answer
	Error      string    // why there was no answer
	NextAt     time.Time // when the next one was to come; zero when none was
}

// Outcome is an attempt, and the delivery as it is after it.
type Outcome struct {
	Delivery Delivery
	Attempt  Attempt
	Lease    time.Time // until when the delivery was claimed for the attempt
	// Gone: the receiver said 410, and its endpoint is to be disabled, for this reason.
	Gone string
}

// LogValue names the delivery without its body.
func (d Delivery) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("webhook_id", d.ID), slog.String("endpoint_id", d.EndpointID), slog.String("pending_id", d.PendingID),
		slog.String("offer_id", d.OfferID), slog.String("type", d.EventType), slog.Int("attempt", d.Attempts),
	)
}

// ping reports whether it is one: somebody waits for what comes of it, so it is tried once.
func (d Delivery) ping() bool { return d.EventType == string(webhook.Ping) }

// Filter picks deliveries; the zero value picks all.
type Filter struct {
	EndpointID string
	State      State
	EventType  string
	OfferID    string
	PendingID  string
	Since      time.Time // made then or later
	Until      time.Time // made before
	Before     string    // the id of the last one of the page before: older ones follow
}

// words say what the filter picks.
func (f Filter) words() string {
	var all []string
	for _, is := range []struct{ name, value string }{
		{"state", string(f.State)}, {"event", f.EventType}, {"offer", f.OfferID}, {"payment", f.PendingID}, {"since", stampOf(f.Since)}, {"until", stampOf(f.Until)},
	} {
		if is.value != "" {
			all = append(all, is.name+" "+is.value)
		}
	}
	return strings.Join(all, "; ")
}

func stampOf(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// Standing is how an endpoint's deliveries stand.
type Standing struct {
	EndpointID string
	Pending    int
	Dead       int
	Oldest     time.Time // when the oldest pending one was made; zero without one
}
