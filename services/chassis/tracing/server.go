package tracing

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"tianguis.example/chassis/logging"
)

// ServerOptions say which requests are traced, and how.
type ServerOptions struct {
	// Trusts reports whether the caller may say, by a traceparent, which trace the request is part of, and whether that is kept. It is asked
	// before the span begins. A stranger may not: it could put its requests into other people's traces, and have everything kept. nil trusts nobody.
	Trusts func(echo.Context) bool
	Skip   []string // routes without a span, beside /health and /ready
	// Params are the path parameters that are shown: by their names in the route, what they are called in the log. No other is, since a path can hold a secret.
	Params map[string]string
}

// Server makes a span of each request, named by its route (semantic conventions for HTTP server spans). It is nil for a nil tracer.
func (t *Tracer) Server(o ServerOptions) echo.MiddlewareFunc {
	if t == nil {
		return nil
	}
	skip := append([]string{"/health", "/ready"}, o.Skip...)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if slices.Contains(skip, c.Path()) {
				return next(c)
			}
			request := c.Request()
			ctx := request.Context()
			begin := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(about(c, o.Params)...)}
			if o.Trusts != nil && o.Trusts(c) {
				ctx = w3c.Extract(ctx, propagation.HeaderCarrier(request.Header))
			} else {
				begin = append(begin, trace.WithNewRoot())
			}
			name := known(request.Method)
			if c.Path() != "" {
				name += " " + c.Path()
			}
			ctx, span := t.tracer.Start(ctx, name, begin...)
			defer func() { span.End() }() // deferred by itself, it would put a panic's text into the span
			c.SetRequest(request.WithContext(ctx))
			err := next(c)
			if err != nil {
				c.Error(err) // writes the answer, so that its status is known here
			}
			status := c.Response().Status
			span.SetAttributes(semconv.HTTPResponseStatusCode(status))
			if status >= http.StatusInternalServerError {
				failed(span, status)
			}
			return err
		}
	}
}

func about(c echo.Context, params map[string]string) []attribute.KeyValue {
	attrs := []attribute.KeyValue{semconv.HTTPRequestMethodKey.String(known(c.Request().Method)), semconv.URLScheme(c.Scheme())}
	if c.Path() != "" {
		attrs = append(attrs, semconv.HTTPRoute(c.Path()))
	}
	if id := logging.RequestID(c.Request().Context()); id != "" {
		attrs = append(attrs, Word("request_id", id))
	}
	for name, word := range params {
		// Cloned: a part of a string keeps the whole address in memory, for as long as the span is queued.
		if value := c.Param(name); value != "" && len(value) <= longestParam {
			attrs = append(attrs, Word(word, strings.Clone(value)))
		}
	}
	return attrs
}

// longestParam is how long a parameter may be that is shown, in bytes: an id of ours is shorter, and what a stranger makes up fills no collector.
const longestParam = 64

func failed(span trace.Span, status int) {
	span.SetStatus(codes.Error, "")
	span.SetAttributes(semconv.ErrorTypeKey.String(strconv.Itoa(status)))
}

// known is the method, or _OTHER for one that somebody made up (semantic conventions, http.request.method).
func known(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "_OTHER"
}
