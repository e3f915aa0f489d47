package cmd

import (
	"context"
	"net/http"
	"strconv"

	"go.opentelemetry.io/otel/attribute"

	"tianguis.example/chassis/tracing"
	"tianguis.example/payments"
	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/outbox"
)

// pathParams are those of the routes that a trace shows, by their names in the log.
var pathParams = map[string]string{"pendingId": "pending_id", "offerId": "offer_id", "webhookId": "webhook_id", "endpointId": "endpoint_id"}

func aboutPayment(p payments.Payment) []attribute.KeyValue {
	about := []attribute.KeyValue{tracing.Word("pending_id", string(p.ID)), tracing.Word("offer_id", p.OfferID), tracing.Word("state", string(p.State))}
	if p.Reason != "" {
		about = append(about, tracing.Word("reason", string(p.Reason)))
	}
	return about
}

// traced is the service with spans of what is done for a payment: all in the trace that the payment began with, whenever and wherever that is
// (decision 7).
type traced struct {
	*payments.Service
	tracer *tracing.Tracer
	read   interface {
		PaymentView(ctx context.Context, id payments.PaymentID) (payments.Payment, error)
	}
}

// Start keeps the span that it is asked in.
func (t traced) Start(ctx context.Context, r payments.StartRequest) (payments.Payment, error) {
	r.Trace = tracing.Parent(ctx)
	return t.Service.Start(ctx, r)
}

// Finish is the buyer's: a request of another trace, since a browser brings none.
func (t traced) Finish(ctx context.Context, id payments.PaymentID, r payments.FinishRequest) (p payments.Payment, err error) {
	ctx, end := t.resume(ctx, "finish payment", id)
	defer func() { end(err) }()
	return t.Service.Finish(ctx, id, r)
}

// Cancel is somebody's who has the key.
func (t traced) Cancel(ctx context.Context, by payments.Actor, id payments.PaymentID) (p payments.Payment, err error) {
	ctx, end := t.resume(ctx, "cancel payment", id)
	defer func() { end(err) }()
	return t.Service.Cancel(ctx, by, id)
}

// resume goes on with the trace of a payment that somebody named. There may be none: the rules say so.
func (t traced) resume(ctx context.Context, name string, id payments.PaymentID) (context.Context, func(error)) {
	if t.tracer == nil {
		return ctx, func(error) {}
	}
	p, err := t.read.PaymentView(ctx, id)
	if err != nil {
		return t.tracer.Work(ctx, name, "")
	}
	return t.tracer.Work(ctx, name, p.Trace, aboutPayment(p)...)
}

// Advance is a worker's go at a payment.
func (t traced) Advance(ctx context.Context, p payments.Payment) (err error) {
	if t.tracer == nil {
		return t.Service.Advance(ctx, p)
	}
	ctx, end := t.tracer.Work(ctx, "advance payment", p.Trace, aboutPayment(p)...)
	defer func() { end(err) }()
	return t.Service.Advance(ctx, p)
}

// traceStore is inner with a span of each change of a payment's state.
func traceStore(t *tracing.Tracer, inner payments.Store) payments.Store {
	if t == nil {
		return inner
	}
	return tracedStore{inner, t}
}

// tracedStore makes a span of each change of a payment's state, which lasts as long as its commit.
type tracedStore struct {
	payments.Store
	tracer *tracing.Tracer
}

func (s tracedStore) Record(ctx context.Context, c payments.Change) (err error) {
	if c.Before.State != c.After.State {
		var end func(error)
		ctx, end = s.tracer.Work(ctx, "payment "+string(c.After.State), c.After.Trace, append(aboutPayment(c.After), tracing.Word("from", string(c.Before.State)))...)
		defer func() { end(err) }()
	}
	return s.Store.Record(ctx, c)
}

// traceAttempt is for outbox.Options.
func traceAttempt(t *tracing.Tracer) func(context.Context, outbox.Delivery) (context.Context, func(outbox.Outcome)) {
	if t == nil {
		return nil
	}
	return func(ctx context.Context, due outbox.Delivery) (context.Context, func(outbox.Outcome)) {
		ctx, end := t.Work(ctx, "deliver webhook", due.Trace,
			tracing.Word("webhook_id", due.ID), tracing.Word("endpoint_id", due.EndpointID), tracing.Word("pending_id", due.PendingID),
			tracing.Word("offer_id", due.OfferID), tracing.Word("type", due.EventType), tracing.Word("attempt", strconv.Itoa(due.Attempts+1)))
		return ctx, func(o outbox.Outcome) {
			tracing.Add(ctx, tracing.Word("state", string(o.Delivery.State)))
			end(nil) // why it was not delivered, the request below says
		}
	}
}

// walletsTraced returns client with spans of its calls. A wallet that the operator has listed, the sandbox for one, is told the trace, so that its own
// spans join; any other is a stranger, and has no use for it.
func walletsTraced(t *tracing.Tracer, c config, client *http.Client) *http.Client {
	return t.Client(client, tracing.ClientOptions{Name: openpayments.Operation, Tells: c.listsWallet})
}
