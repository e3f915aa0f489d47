package metrics

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tianguis.example/chassis/clock"
)

// Requests are those that the service answers.
type Requests struct {
	took    *prometheus.HistogramVec
	refused *prometheus.CounterVec
	door    Door
}

// Door names where a request was not let in; "" for one that was, or that tried no door.
type Door func(route, method string, status int) string

// NewRequests registers them. doors are all that door knows: each is told of from the start, so that the first refusal is an increase.
func NewRequests(r *Registry, door Door, doors ...string) *Requests {
	m := &Requests{
		door: door,
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tianguis_http_request_duration_seconds", Buckets: Seconds,
			Help: "How long requests took, by route (none for an address that there is not), method and class of status.",
		}, []string{"route", "method", "status"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tianguis_refused_total", Help: "Requests that were not let in, by the door that they tried.",
		}, []string{"door"}),
	}
	for _, d := range doors {
		m.refused.WithLabelValues(d)
	}
	r.Add(m.took, m.refused)
	return m
}

// Answered is for httpserver.Options.Answered.
func (m *Requests) Answered(route, method string, status int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	if door := m.door(route, method, status); door != "" {
		m.refused.WithLabelValues(door).Inc()
	}
	m.took.WithLabelValues(route, known(method), class(status)).Observe(took.Seconds())
}

// known keeps methods that somebody made up out of the labels.
func known(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// class is 2xx for 204.
func class(status int) string { return strconv.Itoa(status/100) + "xx" }

// Calls are those that the service makes of one kind of peer.
type Calls struct {
	took   *prometheus.HistogramVec
	clock  clock.Clock
	labels func(*http.Request) []string
	refuse error
}

// CallOptions say what calls are called.
type CallOptions struct {
	Name, Help string
	Labels     []string                       // beside method and outcome
	LabelsOf   func(r *http.Request) []string // their values: words of a small, fixed set
	Refused    error                          // inside the error of a request that was not let out; may be nil
}

// NewCalls registers them.
func NewCalls(r *Registry, c clock.Clock, o CallOptions) *Calls {
	m := &Calls{clock: c, labels: o.LabelsOf, refuse: o.Refused, took: prometheus.NewHistogramVec(
		prometheus.HistogramOpts{Name: o.Name, Help: o.Help, Buckets: Seconds}, append(o.Labels, "method", "outcome"))}
	r.Add(m.took)
	return m
}

// Transport counts what goes through inner: each try of a repeated request.
func (m *Calls) Transport(inner http.RoundTripper) http.RoundTripper {
	if inner == nil {
		inner = http.DefaultTransport
	}
	return counted{m, inner}
}

type counted struct {
	*Calls
	inner http.RoundTripper
}

// RoundTrip measures until the answer's headers have come.
func (t counted) RoundTrip(request *http.Request) (*http.Response, error) {
	began := t.clock.Now()
	answer, err := t.inner.RoundTrip(request)
	var labels []string
	if t.labels != nil {
		labels = t.labels(request)
	}
	t.took.WithLabelValues(append(labels, known(request.Method), t.outcome(answer, err))...).Observe(t.clock.Now().Sub(began).Seconds())
	return answer, err
}

func (m *Calls) outcome(answer *http.Response, err error) string {
	var slow net.Error
	switch {
	case err == nil:
		return class(answer.StatusCode)
	case m.refuse != nil && errors.Is(err, m.refuse):
		return "refused"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.As(err, &slow) && slow.Timeout():
		return "timeout"
	}
	return "unreachable"
}

// CloseIdleConnections lets http.Client.CloseIdleConnections through.
func (t counted) CloseIdleConnections() {
	if inner, ok := t.inner.(interface{ CloseIdleConnections() }); ok {
		inner.CloseIdleConnections()
	}
}
