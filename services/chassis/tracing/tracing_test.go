package tracing_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/httpserver"
	"tianguis.example/chassis/logging"
	"tianguis.example/chassis/tracing"
	"tianguis.example/chassis/tracing/tracingtest"
)

// lines is a log that may be read while somebody writes.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func settings(endpoint string) tracing.Settings {
	return tracing.Settings{OTLPEndpoint: endpoint, TracesSampler: "parentbased_always_on", TracesSamplerArg: "1"}
}

func start(t *testing.T, s tracing.Settings, log io.Writer) *tracing.Tracer {
	t.Helper()
	logger, err := logging.New(log, "json", "info")
	require.NoError(t, err)
	tracer, err := tracing.New(t.Context(), "shop", "v1", s, logger)
	require.NoError(t, err)
	return tracer
}

// serve answers GET /jobs/:job_id?… by what do does, with spans.
func serve(t *testing.T, tracer *tracing.Tracer, o tracing.ServerOptions, do echo.HandlerFunc, log io.Writer) *httptest.Server {
	t.Helper()
	logger, err := logging.New(log, "json", "info")
	require.NoError(t, err)
	e := httpserver.New(httpserver.Options{
		Log: logger, Clock: clock.System(), Trace: tracer.Server(o),
		ErrorHandler: func(_ error, c echo.Context) { _ = c.NoContent(http.StatusInternalServerError) },
	})
	e.GET("/jobs/:job_id", do)
	e.GET("/health", do)
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	return server
}

func get(ctx context.Context, t *testing.T, client *http.Client, address, traceparent string) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	require.NoError(t, err)
	if traceparent != "" {
		request.Header.Set("traceparent", traceparent)
	}
	answer, err := client.Do(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
}

const (
	strangersTrace = "0af7651916cd43dd8448eb211c80319c"
	strangers      = "00-" + strangersTrace + "-b7ad6b7169203331-01"
)

func none(echo.Context) error { return nil }

func TestServer_ContinuesTheTraceOfWhoeverIsTrusted(t *testing.T) {
	t.Parallel()
	collector := tracingtest.Start(t)
	tracer := start(t, settings(collector.URL), io.Discard)
	trusts := func(c echo.Context) bool { return c.Request().Header.Get("Authorization") == "Bearer key" }
	server := serve(t, tracer, tracing.ServerOptions{Trusts: trusts, Params: map[string]string{"job_id": "job_id"}}, none, io.Discard)
	for _, key := range []string{"", "Bearer key"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/jobs/7?hash=s3cret", http.NoBody)
		require.NoError(t, err)
		request.Header = http.Header{"Traceparent": {strangers}, "Authorization": {key}}
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
	}
	get(t.Context(), t, http.DefaultClient, server.URL+"/health", "")
	tracer.Close()

	spans := collector.Spans()
	require.Len(t, spans, 2, "none for /health")
	require.NotEqual(t, strangersTrace, spans[0].Trace, "a stranger does not join a trace")
	require.Empty(t, spans[0].Parent)
	require.Equal(t, strangersTrace, spans[1].Trace)
	require.Equal(t, "b7ad6b7169203331", spans[1].Parent)
	for _, s := range spans {
		require.Equal(t, "shop", s.Service)
		require.Equal(t, "GET /jobs/:job_id", s.Name)
		require.Equal(t, tracepb.Span_SPAN_KIND_SERVER, s.Kind)
		require.Equal(t, "7", s.Attrs["tianguis.job_id"])
		require.Equal(t, "200", s.Attrs["http.response.status_code"])
		require.NotEmpty(t, s.Attrs["tianguis.request_id"])
		require.NotContains(t, s.Text, "s3cret")
		require.NotContains(t, s.Text, "Bearer")
	}
}

// A stranger's traceparent says that the trace is kept, and the sampler says that none is.
func TestServer_AStrangerDoesNotForceSampling(t *testing.T) {
	t.Parallel()
	collector := tracingtest.Start(t)
	s := settings(collector.URL)
	s.TracesSampler = "parentbased_always_off"
	tracer := start(t, s, io.Discard)
	server := serve(t, tracer, tracing.ServerOptions{}, none, io.Discard)
	get(t.Context(), t, http.DefaultClient, server.URL+"/jobs/7", strangers)
	tracer.Close()
	require.Empty(t, collector.Spans())
}

func TestServer_AStrangerFillsNoAttribute(t *testing.T) {
	t.Parallel()
	collector := tracingtest.Start(t)
	tracer := start(t, settings(collector.URL), io.Discard)
	server := serve(t, tracer, tracing.ServerOptions{Params: map[string]string{"job_id": "job_id"}}, none, io.Discard)
	get(t.Context(), t, http.DefaultClient, server.URL+"/jobs/"+strings.Repeat("made-up", 1000), "")
	tracer.Close()

	spans := collector.Spans()
	require.Len(t, spans, 1)
	for name, value := range spans[0].Attrs {
		require.NotContains(t, value, "made-up", name) // no id of ours is that long
	}
}

func TestServer_SaysThatARequestFailedAndTheLogWhy(t *testing.T) {
	t.Parallel()
	collector := tracingtest.Start(t)
	tracer := start(t, settings(collector.URL), io.Discard)
	var log lines
	server := serve(t, tracer, tracing.ServerOptions{}, func(echo.Context) error { return errors.New("the words") }, &log)
	get(t.Context(), t, http.DefaultClient, server.URL+"/jobs/7", "")
	tracer.Close()
	spans := collector.Spans()
	require.Len(t, spans, 1)
	require.True(t, spans[0].Failed)
	require.Equal(t, "500", spans[0].Attrs["error.type"])
	require.NotContains(t, spans[0].Text, "the words")
	require.Contains(t, log.String(), "the words")
	require.Contains(t, log.String(), `"trace_id":"`+spans[0].Trace+`"`)
}

func TestServer_ShowsNoTextOfAPanic(t *testing.T) {
	t.Parallel()
	collector := tracingtest.Start(t)
	tracer := start(t, settings(collector.URL), io.Discard)
	e := echo.New()
	e.Use(middleware.Recover())
	e.GET("/jobs/:job_id", func(echo.Context) error { panic("the words") }, tracer.Server(tracing.ServerOptions{}))
	e.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/jobs/7", nil))
	tracer.Close()
	spans := collector.Spans()
	require.Len(t, spans, 1)
	require.NotContains(t, spans[0].Text, "the words")
}

func TestClient_TellsWhomItMay(t *testing.T) {
	t.Parallel()
	collector := tracingtest.Start(t)
	tracer := start(t, settings(collector.URL), io.Discard)
	told := map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told[r.URL.Path] = r.Header.Get("Traceparent") }))
	t.Cleanup(server.Close)
	ctx, end := tracer.Work(t.Context(), "work", "")
	for path, o := range map[string]tracing.ClientOptions{
		"/ours": {Tells: tracing.TellAll}, "/stranger": {}, "/s3cret": {HidesPath: true},
	} {
		client := tracer.Client(&http.Client{Transport: http.DefaultTransport}, o)
		get(ctx, t, client, server.URL+path+"?interact_ref=s3cret", "")
	}
	end(errors.New("s3cret"))
	tracer.Close()

	spans := collector.Spans()
	require.Len(t, spans, 4)
	work := spans[3]
	require.Equal(t, "work", work.Name)
	require.True(t, work.Failed)
	for _, s := range spans {
		require.NotContains(t, s.Text, "s3cret")
		if s.ID == work.ID {
			continue
		}
		require.Equal(t, work.ID, s.Parent)
		require.Equal(t, tracepb.Span_SPAN_KIND_CLIENT, s.Kind)
		if s.Attrs["url.full"] == server.URL+"/ours" {
			require.Equal(t, "00-"+s.Trace+"-"+s.ID+"-01", told["/ours"])
		}
	}
	require.NotEmpty(t, told["/ours"])
	require.Empty(t, told["/stranger"])
	require.Empty(t, told["/s3cret"])
}

// What is worked on later is part of the trace that asked for it, and linked to whatever made it be worked on now.
func TestWork_IsPartOfTheTraceThatAskedForIt(t *testing.T) {
	t.Parallel()
	collector := tracingtest.Start(t)
	tracer := start(t, settings(collector.URL), io.Discard)
	asking, asked := tracer.Work(t.Context(), "asked", "")
	kept := tracing.Parent(asking)
	_, again := tracer.Work(asking, "in the same trace", kept)
	again(nil)
	asked(nil)
	finishing, finished := tracer.Work(t.Context(), "somebody comes back", "")
	_, end := tracer.Work(finishing, "later", kept, tracing.Word("pending_id", "01K"))
	end(nil)
	finished(nil)
	_, end = tracer.Work(t.Context(), "of something that was not traced", "")
	end(nil)
	tracer.Close()

	spans := map[string]tracingtest.Span{}
	for _, s := range collector.Spans() {
		spans[s.Name] = s
	}
	require.Len(t, spans, 5)
	first, back, later := spans["asked"], spans["somebody comes back"], spans["later"]
	require.Equal(t, first.Trace, later.Trace)
	require.Equal(t, first.ID, later.Parent)
	require.Equal(t, []string{back.ID}, later.Links)
	require.Equal(t, "01K", later.Attrs["tianguis.pending_id"])
	require.NotEqual(t, first.Trace, back.Trace)
	require.Equal(t, first.ID, spans["in the same trace"].Parent)
	require.Empty(t, spans["in the same trace"].Links)
	require.Empty(t, spans["of something that was not traced"].Parent)
}

func TestNew_IsOffWithoutACollector(t *testing.T) {
	t.Parallel()
	tracer, err := tracing.New(t.Context(), "shop", "", tracing.Settings{}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Nil(t, tracer)
	require.Nil(t, tracer.Server(tracing.ServerOptions{}))
	require.Same(t, http.DefaultClient, tracer.Client(http.DefaultClient, tracing.ClientOptions{}))
	ctx, end := tracer.Work(t.Context(), "work", strangers)
	end(nil)
	require.Equal(t, t.Context(), ctx)
	require.Empty(t, tracing.Parent(ctx))
	tracer.Close()
}

func TestNew_SendsHeaders(t *testing.T) {
	t.Parallel()
	collector := tracingtest.Start(t)
	s := settings(collector.URL + "/")
	s.OTLPHeaders = "Authorization=Bearer%20token, x-tenant=us"
	tracer := start(t, s, io.Discard)
	_, end := tracer.Work(t.Context(), "work", "")
	end(nil)
	tracer.Close()
	require.Equal(t, "Bearer token", collector.Header().Get("Authorization"))
	require.Equal(t, "us", collector.Header().Get("X-Tenant"))
}

// More spans than fit into the queue, and a collector that never answers: nobody waits, and a stop waits for a bounded time.
func TestClose_DoesNotWaitForACollectorThatHangs(t *testing.T) {
	t.Parallel()
	collector := tracingtest.StartHung(t)
	var log lines
	tracer := start(t, settings(collector.URL), &log)
	for range 10_000 {
		_, end := tracer.Work(t.Context(), "work", "")
		end(nil)
	}
	began := time.Now()
	tracer.Close()
	require.Less(t, time.Since(began), 30*time.Second)
	require.Contains(t, log.String(), "the last traces were not sent")
}

// A collector that is away is told of once, however long it is.
func TestExport_SaysOnceThatNobodyTakesTheSpans(t *testing.T) {
	t.Parallel()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	t.Cleanup(refusing.Close)
	var log lines
	tracer := start(t, settings(refusing.URL), &log)
	for range 2000 { // several batches
		_, end := tracer.Work(t.Context(), "work", "")
		end(nil)
	}
	tracer.Close()
	require.Equal(t, 1, strings.Count(log.String(), "traces are lost"))
}

func TestSettings_AreRefused(t *testing.T) {
	t.Parallel()
	good := settings("https://collector.example")
	require.NoError(t, good.Validate())
	require.NoError(t, settings("").Validate())
	for want, change := range map[string]func(*tracing.Settings){
		"OTEL_EXPORTER_OTLP_ENDPOINT": func(s *tracing.Settings) { s.OTLPEndpoint = "collector:4318" },
		"without a user":              func(s *tracing.Settings) { s.OTLPEndpoint = "http://a:s3cret@collector" },
		"OTEL_EXPORTER_OTLP_HEADERS":  func(s *tracing.Settings) { s.OTLPHeaders = "s3cret" },
		"OTEL_TRACES_SAMPLER must":    func(s *tracing.Settings) { s.TracesSampler = "jaeger_remote" },
		"OTEL_TRACES_SAMPLER_ARG":     func(s *tracing.Settings) { s.TracesSamplerArg = "1.1" },
		"not \"NaN\"":                 func(s *tracing.Settings) { s.TracesSamplerArg = "NaN" },
	} {
		s := good
		change(&s)
		err := s.Validate()
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "s3cret")
	}
}
