// Package tracing makes a service's OpenTelemetry spans, and sends them to a collector over OTLP/HTTP. It is off unless a collector is named:
// then a *Tracer is nil, all of its methods do nothing, and nothing is set up.
//
// A span's attributes are a few words that are written down here and in the wiring: methods, routes, hosts, ids and states. No query, header,
// body or error text is among them, since those hold hashes, interact_refs and tokens, and a collector is read by more people than
// the database. What went wrong, in words, is in the log, under the trace's id.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Tracer makes spans. A nil one makes none.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	log      *slog.Logger
}

// What a collector that does not answer costs: nothing that anybody waits for. Spans are queued, and dropped when the queue is full.
const (
	queueSize   = 2048 // spans
	exportBound = 10 * time.Second
	// closeBound is how long a stop waits for what is still queued.
	closeBound = 3 * time.Second
)

// New returns a tracer that sends spans of that service to the collector that the settings name, or nil when they name none. It does not
// connect yet. The settings are those that Validate has let pass.
func New(ctx context.Context, service, version string, s Settings, log *slog.Logger) (*Tracer, error) {
	if s.OTLPEndpoint == "" {
		return nil, nil
	}
	sampler, err := s.sampler()
	if err != nil {
		return nil, err
	}
	headers, err := s.headers()
	if err != nil {
		return nil, err
	}
	options := []otlptracehttp.Option{otlptracehttp.WithEndpointURL(s.tracesURL()), otlptracehttp.WithTimeout(exportBound)}
	if len(headers) > 0 {
		options = append(options, otlptracehttp.WithHeaders(headers))
	}
	exporter, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("set up the export of traces: %w", err)
	}
	about, err := describe(ctx, service, version)
	if err != nil {
		return nil, fmt.Errorf("set up the export of traces: %w", err)
	}
	provider := sdk.NewTracerProvider(
		sdk.WithSampler(sampler), sdk.WithResource(about),
		sdk.WithBatcher(&reporting{SpanExporter: exporter, log: log}, sdk.WithMaxQueueSize(queueSize), sdk.WithExportTimeout(exportBound)),
	)
	log.InfoContext(ctx, "traces are sent", "endpoint", s.tracesURL(), "sampler", s.TracesSampler)
	return &Tracer{provider: provider, tracer: provider.Tracer("tianguis.example/" + service), log: log}, nil
}

// describe says which process it is. The operator's OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME count more.
func describe(ctx context.Context, service, version string) (*resource.Resource, error) {
	attrs := []attribute.KeyValue{semconv.ServiceNamespace("tianguis"), semconv.ServiceName(service)}
	if version != "" {
		attrs = append(attrs, semconv.ServiceVersion(version))
	}
	return resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(), resource.WithAttributes(attrs...), resource.WithFromEnv())
}

// Close sends what is queued, for a bounded time.
func (t *Tracer) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeBound)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.log.WarnContext(ctx, "the last traces were not sent", "error", err)
	}
}

// reporting says once that the collector does not take spans, and once that it does again.
type reporting struct {
	sdk.SpanExporter
	log     *slog.Logger
	failing bool // the batcher exports one batch at a time
}

// ExportSpans returns no error: nobody can do anything about it but whoever reads the log.
func (r *reporting) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := r.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err != nil && !r.failing:
		r.log.WarnContext(ctx, "traces are lost: the collector does not take them; this is said once", "error", err)
	case err == nil && r.failing:
		r.log.InfoContext(ctx, "the collector takes traces again")
	}
	r.failing = err != nil
	return nil
}

var w3c = propagation.TraceContext{}

// Parent is the span in ctx as a W3C traceparent, to be kept with what will be worked on later; "" without a span.
func Parent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	w3c.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// Work begins a span of work on something that parent, which Parent gave, asked for some time ago: the span is part of that trace, and linked to
// the span in ctx where that is of another trace. Without a parent it is a child of the span in ctx. The function that is returned ends it.
func (t *Tracer) Work(ctx context.Context, name, parent string, attrs ...attribute.KeyValue) (context.Context, func(error)) {
	if t == nil {
		return ctx, func(error) {}
	}
	options := []trace.SpanStartOption{trace.WithAttributes(attrs...)}
	asked := trace.SpanContextFromContext(w3c.Extract(context.Background(), propagation.MapCarrier{"traceparent": parent}))
	if here := trace.SpanContextFromContext(ctx); asked.IsValid() && asked.TraceID() != here.TraceID() {
		if here.IsValid() {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: here}))
		}
		ctx = trace.ContextWithRemoteSpanContext(ctx, asked)
	}
	ctx, span := t.tracer.Start(ctx, name, options...)
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "")
			span.SetAttributes(semconv.ErrorType(err))
		}
		span.End()
	}
}

// Add adds attributes to the span in ctx.
func Add(ctx context.Context, attrs ...attribute.KeyValue) {
	trace.SpanFromContext(ctx).SetAttributes(attrs...)
}

// Words of ours in attributes are those of the log, below this.
const prefix = "tianguis."

// Word is an attribute of ours: an id, a state, something that is no secret and short.
func Word(name, value string) attribute.KeyValue { return attribute.String(prefix+name, value) }
