package listener

import (
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"tianguis.example/payments/webhook"
)

// What tells a test event from a real one. The body is fixed by the wire, so it is told by what stands in its fields; .invalid never resolves (RFC 2606
// section 2).
const (
	TestIDPrefix   = "test_" // of the webhook-id
	TestOffer      = "test"  // the offerId, unless another was asked for
	testOutgoing   = "https://wallet.invalid/outgoing-payments/test"
	testMessage    = "This is a test event: there is no such payment."
	testReason     = "expired"
	testSequence   = 1
	statusPaid     = "paid"
	statusFailed   = "failed"
	listenerMark   = "payments listen"
	triggerPath    = "/trigger"
	headerListener = "Payments-Listener"
)

// Known reports whether there are events of this type.
func Known(t webhook.Type) bool { return slices.Contains(webhook.Types, t) }

// TestEvent is an event about a payment that exists nowhere, and the id to send it under.
func TestEvent(t webhook.Type, offer string, now time.Time) (id string, e webhook.Event) {
	made := ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String() // no secret
	id, e = TestIDPrefix+made, webhook.Event{Type: t, Timestamp: now.UTC()}
	switch t {
	case webhook.Ping:
		return id, e
	case webhook.Completed:
		e.Status, e.OutgoingPaymentID = statusPaid, testOutgoing
	case webhook.Failed:
		e.Status, e.Reason = statusFailed, testReason
	}
	e.PendingID, e.OfferID, e.Sequence, e.Message = made, offer, testSequence, testMessage
	return id, e
}
