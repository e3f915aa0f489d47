package metrics

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tianguis.example/chassis/clock"
)

// Gauge is one that the database knows the value of.
type Gauge struct {
	Name, Help string
	Labels     []string
}

// Reading is what a gauge stands at.
type Reading struct {
	Name   string // of the gauge
	Labels []string
	Value  float64
}

// Asked are gauges that are read when somebody scrapes.
type Asked struct {
	gauges map[string]*prometheus.Desc
	ask    func(context.Context) ([]Reading, error)
	clock  clock.Clock
	log    *slog.Logger

	mu   sync.Mutex
	last []Reading
	at   time.Time
}

const (
	askBound = 3 * time.Second // for the database to answer: well within a scrape's
	askEvery = 5 * time.Second // the answer serves every scrape for so long, so that who scrapes cannot load the database
)

// AddAsked registers gauges. While ask returns an error they are left out of what is scraped, and the rest is still told.
func (r *Registry) AddAsked(c clock.Clock, log *slog.Logger, gauges []Gauge, ask func(context.Context) ([]Reading, error)) {
	a := &Asked{gauges: map[string]*prometheus.Desc{}, ask: ask, clock: c, log: log}
	for _, g := range gauges {
		a.gauges[g.Name] = prometheus.NewDesc(g.Name, g.Help, g.Labels, nil)
	}
	r.Add(a)
}

// Describe is prometheus.Collector's.
func (a *Asked) Describe(into chan<- *prometheus.Desc) {
	for _, desc := range a.gauges {
		into <- desc
	}
}

// Collect is prometheus.Collector's.
func (a *Asked) Collect(into chan<- prometheus.Metric) {
	for _, r := range a.readings() {
		into <- prometheus.MustNewConstMetric(a.gauges[r.Name], prometheus.GaugeValue, r.Value, r.Labels...)
	}
}

func (a *Asked) readings() []Reading {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock.Now()
	if !a.at.IsZero() && now.Sub(a.at) < askEvery {
		return a.last
	}
	ctx, cancel := context.WithTimeout(context.Background(), askBound)
	defer cancel()
	read, err := a.ask(ctx)
	if err != nil {
		a.log.WarnContext(ctx, "the gauges that the database knows are left out of the metrics", "error", err)
		read = nil
	}
	a.last, a.at = read, now
	return read
}

// Age is how many seconds ago since was, for a gauge; 0 when there is nothing that began.
func Age(now, since time.Time) float64 {
	if since.IsZero() {
		return 0
	}
	return max(0, now.Sub(since).Seconds())
}

// Count is a number of things, for a gauge.
func Count(n int) float64 { return float64(n) }
