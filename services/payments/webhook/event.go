package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tianguis.example/payments/money"
)

// Path is where a marketplace receives events, below its base URL.
const Path = "/api/webhooks/payments"

// MaxBody is the most that an event's body may take, in bytes.
const MaxBody = 20_000

// Type says what happened.
type Type string

// The events. A receiver ignores those that it does not know.
const (
	Completed Type = "payment.completed" // the seller's incoming payment has received the full amount
	Failed    Type = "payment.failed"    // the payment ended, and will not be paid
	Ping      Type = "ping"              // an operator tries the way: about no payment, to be answered with 2xx and otherwise ignored
)

// Types are all of them.
var Types = []Type{Completed, Failed, Ping}

// Event is the body of a webhook. The first six fields are the documented ones, and are always there;
// outgoingPaymentId is "" for a payment that failed before there was one, and a ping has a type and a timestamp only. The others are optional.
type Event struct {
	Type              Type      `json:"type"`
	PendingID         string    `json:"pendingId"` // the payment, a ULID
	OfferID           string    `json:"offerId"`   // what it is for, in the marketplace's words
	Status            string    `json:"status"`    // "paid" or "failed"
	OutgoingPaymentID string    `json:"outgoingPaymentId"`
	Timestamp         time.Time `json:"timestamp"` // when it happened, not when it was sent

	// Sequence grows with each event of the same payment, with gaps: one that is below what was seen before is stale. 0 for an event of a
	// sender that has none.
	Sequence int64 `json:"sequence,omitempty"`

	Reason  string `json:"reason,omitempty"`  // of a failure: a stable word, such as "expired"
	Message string `json:"message,omitempty"` // of a failure: a sentence for people

	OverpaidAmount *money.Amount `json:"overpaidAmount,omitempty"` // what the seller received beyond the amount
}

// Body writes an event. What would make it longer than MaxBody is left out, for a long id of a wallet must not keep a payment from its end.
func Body(e Event) ([]byte, error) {
	for _, shorten := range []func(){func() {}, func() { e.Message = "" }, func() { e.OutgoingPaymentID = "" }} {
		shorten()
		var body bytes.Buffer
		encoder := json.NewEncoder(&body)
		encoder.SetEscapeHTML(false) // it is no HTML, and six bytes for one
		if err := encoder.Encode(e); err != nil {
			return nil, err
		}
		if body.Len() <= MaxBody {
			return bytes.TrimSuffix(body.Bytes(), []byte("\n")), nil
		}
	}
	return nil, fmt.Errorf("the event of payment %.40s is longer than %d bytes", e.PendingID, MaxBody)
}

// ErrMalformed is the error of a body that is no event.
var ErrMalformed = errors.New("the body is not a payment event")

// Parse reads an event. It returns an error that wraps ErrMalformed, and says what is
// wrong, for a body that is not JSON or lacks type, pendingId, offerId or a status that fits. A ping needs its type alone.
func Parse(body []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(body, &e); err != nil {
		return Event{}, fmt.Errorf("%w: it is not the JSON that is documented", ErrMalformed)
	}
	switch {
	case e.Type == "":
		return Event{}, fmt.Errorf("%w: type is missing", ErrMalformed)
	case e.Type == Ping:
	case e.PendingID == "":
		return Event{}, fmt.Errorf("%w: pendingId is missing", ErrMalformed)
	case e.OfferID == "":
		return Event{}, fmt.Errorf("%w: offerId is missing", ErrMalformed)
	case e.Type == Completed && e.Status != "paid", e.Type == Failed && e.Status != "failed":
		return Event{}, fmt.Errorf("%w: status %q does not fit type %q", ErrMalformed, e.Status, e.Type)
	}
	return e, nil
}
