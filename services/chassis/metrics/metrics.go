// Package metrics keeps a service's Prometheus metrics, and answers whoever scrapes them.
//
// Labels are words of a small, fixed set: a route and never a path, a class of hosts and never a host. What a stranger can
// choose is in no label, or anybody could fill the memory of whoever keeps the series.
package metrics

import (
	"database/sql"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Registry is a service's metrics.
type Registry struct{ inner *prometheus.Registry }

// New makes a registry with what every service tells: the Go runtime, the process, and which version it is.
func New(service, version string) *Registry {
	r := &Registry{prometheus.NewRegistry()}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "tianguis_build_info", Help: "Always 1; the labels say which service this is, and which version of it."}, []string{"service", "version"})
	build.WithLabelValues(service, version).Set(1)
	r.Add(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), build)
	return r
}

// AddPool has the pool of a database told of as go_sql_….
func (r *Registry) AddPool(pool *sql.DB) { r.Add(collectors.NewDBStatsCollector(pool, "service")) }

// Add registers collectors. It panics on a name that is there already, which is a mistake in the program.
func (r *Registry) Add(all ...prometheus.Collector) { r.inner.MustRegister(all...) }

// scrapeBound is how long a scrape may take: Prometheus gives up after 10 s unless told otherwise.
const scrapeBound = 8 * time.Second

// Handler answers GET /metrics. It asks for no key: it belongs on a listener that only the operator's network reaches.
func (r *Registry) Handler(log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(r.inner, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn), ErrorHandling: promhttp.ContinueOnError,
		MaxRequestsInFlight: 4, Timeout: scrapeBound,
	}))
	return mux
}

// Waits are the bounds of histograms of how long people or other services waited for something: from an instant to a day.
var Waits = []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400}

// Seconds are the bounds of histograms of how long something took, from a page out of memory to a wallet that takes its time.
var Seconds = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}
