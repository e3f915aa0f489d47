package tracing

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// ClientOptions say what a peer is told, and what of it is shown.
type ClientOptions struct {
	Tells     func(*http.Request) bool     // whether the peer is told the trace that the request is part of, by a traceparent; nil for no peer
	Name      func(context.Context) string // what a request is for, in words that are few in all, by its context: the span's name, which is the method without
	HidesPath bool                         // the path of the peer's address may be a secret
}

// TellAll is for peers that are services of ours.
func TellAll(*http.Request) bool { return true }

// Client returns a copy of client that makes a span of each request, each try of a repeated one (semantic conventions for HTTP client spans). For a nil
// tracer it is client.
func (t *Tracer) Client(client *http.Client, o ClientOptions) *http.Client {
	if t == nil {
		return client
	}
	traced := *client
	traced.Transport = transport{t, client.Transport, o}
	return &traced
}

type transport struct {
	*Tracer
	inner http.RoundTripper
	ClientOptions
}

// RoundTrip measures until the answer's headers have come.
func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	name := known(request.Method)
	if t.Name != nil {
		name = cmp.Or(t.Name(request.Context()), name)
	}
	ctx, span := t.tracer.Start(request.Context(), name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(t.peer(request)...))
	defer func() { span.End() }() // as in Server
	request = request.Clone(ctx)  // the contract of http.RoundTripper: the caller's request is not changed
	if t.Tells != nil && t.Tells(request) {
		w3c.Inject(ctx, propagation.HeaderCarrier(request.Header))
	}
	answer, err := t.inner.RoundTrip(request)
	switch {
	case err != nil:
		span.SetStatus(codes.Error, "")
		span.SetAttributes(semconv.ErrorType(err))
	default:
		span.SetAttributes(semconv.HTTPResponseStatusCode(answer.StatusCode))
		if answer.StatusCode >= http.StatusBadRequest {
			failed(span, answer.StatusCode)
		}
	}
	return answer, err
}

// CloseIdleConnections lets http.Client.CloseIdleConnections through.
func (t transport) CloseIdleConnections() {
	if inner, ok := t.inner.(interface{ CloseIdleConnections() }); ok {
		inner.CloseIdleConnections()
	}
}

// peer says who is asked, and for what: never the query, which holds a finish's hash and interact_ref.
func (t transport) peer(request *http.Request) []attribute.KeyValue {
	u := request.URL
	attrs := []attribute.KeyValue{semconv.HTTPRequestMethodKey.String(known(request.Method)), semconv.ServerAddress(u.Hostname()), semconv.ServerPort(port(u))}
	if !t.HidesPath {
		attrs = append(attrs, semconv.URLFull((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()))
	}
	return attrs
}

func port(u *url.URL) int {
	if n, err := strconv.Atoi(u.Port()); err == nil {
		return n
	}
	if u.Scheme == "https" {
		return 443
	}
	return 80
}
