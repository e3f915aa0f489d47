package outbox

import (
	"log/slog"
	"time"
)

// State is where a delivery stands.
type State string

// The states of a delivery.
const (
	Pending   State = "pending"   // due at NextAt
	Delivered State = "delivered" // the receiver answered 2xx
	Dead      State = "dead"      // given up: the schedule is over, or the receiver is gone (410)
)

// Delivery is one event on its way to the marketplace.
type Delivery struct {
	ID        string // the webhook-id, a ULID: the same at every attempt
	PendingID string
	OfferID   string
	EventType string
	Body      []byte // exactly what is sent and signed
	State     State
	Attempts  int
	NextAt    time.Time // when it is tried next; while somebody tries, when the lease ends; zero once it has ended
	CreatedAt time.Time
	EndedAt   time.Time // zero while it is pending
}

// Attempt is one try, kept for whoever asks where the webhook is.
type Attempt struct {
	DeliveryID string
	Number     int // from 1
	At         time.Time
	Status     int // HTTP; 0 when there was no answer
	Duration   time.Duration
	Excerpt    string // the first bytes of the answer
	Error      string // why there was no answer
}

// LogValue names the delivery without its body.
func (d Delivery) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("webhook_id", d.ID), slog.String("pending_id", d.PendingID),
		slog.String("offer_id", d.OfferID), slog.String("type", d.EventType), slog.Int("attempt", d.Attempts),
	)
}
