package main

import (
	"context"

	"github.com/labstack/echo/v4"

	"tianguis.example/chassis/tracing"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/inbox"
	"tianguis.example/payments/webhook"
)

// tracePages begins a trace with each request of a browser, which is a stranger. Webhooks are left to traceWebhooks.
func tracePages(t *tracing.Tracer) echo.MiddlewareFunc {
	return t.Server(tracing.ServerOptions{Skip: []string{webhook.Path, "/static/*"}, Params: map[string]string{"job_id": "job_id"}})
}

// traceWebhooks stands behind the check of the signature: what it fits goes on with the payment's trace. What is refused leaves a line in the log, and no span.
func traceWebhooks(t *tracing.Tracer) []echo.MiddlewareFunc {
	if t == nil {
		return nil
	}
	return []echo.MiddlewareFunc{t.Server(tracing.ServerOptions{Trusts: inbox.Signed})}
}

// traceQuestion is for inbox.Poller. A question is a trace of its own.
func traceQuestion(t *tracing.Tracer) func(context.Context, marketplace.Attempt) (context.Context, func(error)) {
	if t == nil {
		return nil
	}
	return func(ctx context.Context, a marketplace.Attempt) (context.Context, func(error)) {
		return t.Work(ctx, "ask about payment", "", tracing.Word("pending_id", a.PendingID), tracing.Word("job_id", a.JobID.String()), tracing.Word("state", string(a.State)))
	}
}
