// Package tracingtest is a collector for tests: what services send it by OTLP/HTTP can be looked at.
package tracingtest

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is one that has ended.
type Span struct {
	Service string
	Name    string
	Kind    tracepb.Span_SpanKind
	Trace   string // ids in hex
	ID      string
	Parent  string // "" for a root
	Links   []string
	Attrs   map[string]string
	Failed  bool
	Text    string // everything in it that is text, for what must not be there
}

// Collector is for OTEL_EXPORTER_OTLP_ENDPOINT.
type Collector struct {
	URL string

	mu    sync.Mutex
	spans []Span
	asked int
	last  http.Header
}

// Start starts a collector; it stops at the end of the test.
func Start(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{}
	server := httptest.NewServer(http.HandlerFunc(c.take))
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// StartHung starts one that takes connections and never answers, until the end of the test.
func StartHung(t testing.TB) *Collector {
	t.Helper()
	c, over := &Collector{}, make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		c.mu.Lock()
		c.asked++
		c.mu.Unlock()
		<-over
	}))
	t.Cleanup(func() { close(over); server.CloseClientConnections(); server.Close() })
	c.URL = server.URL
	return c
}

// Asked is how often anything was sent.
func (c *Collector) Asked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

// Header is that of the last request.
func (c *Collector) Header() http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// Spans are all that came, in the order in which they ended and were sent.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span(nil), c.spans...)
}

func (c *Collector) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var export collectorpb.ExportTraceServiceRequest
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &export) != nil {
		http.Error(w, "that is no export of traces", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	c.last = r.Header
	for _, of := range export.GetResourceSpans() {
		service := attributes(of.GetResource().GetAttributes())["service.name"]
		for _, scope := range of.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans = append(c.spans, span(service, s))
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func span(service string, s *tracepb.Span) Span {
	got := Span{
		Service: service, Name: s.GetName(), Kind: s.GetKind(), Attrs: attributes(s.GetAttributes()), Text: text(s),
		Trace: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()), Parent: hex.EncodeToString(s.GetParentSpanId()),
		Failed: s.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR,
	}
	for _, link := range s.GetLinks() {
		got.Links = append(got.Links, hex.EncodeToString(link.GetSpanId()))
	}
	return got
}

// text is the span without its ids, which are any bytes.
func text(s *tracepb.Span) string {
	said := &tracepb.Span{Name: s.GetName(), TraceState: s.GetTraceState(), Attributes: s.GetAttributes(), Events: s.GetEvents(), Status: s.GetStatus()}
	for _, link := range s.GetLinks() {
		said.Links = append(said.Links, &tracepb.Span_Link{TraceState: link.GetTraceState(), Attributes: link.GetAttributes()})
	}
	return said.String()
}

func attributes(all []*commonpb.KeyValue) map[string]string {
	attrs := map[string]string{}
	for _, a := range all {
		text := a.GetValue().GetStringValue()
		if n, ok := a.GetValue().GetValue().(*commonpb.AnyValue_IntValue); ok {
			text = fmt.Sprint(n.IntValue)
		}
		attrs[a.GetKey()] = text
	}
	return attrs
}
