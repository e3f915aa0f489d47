package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Workers are the service's loops. They meet worker.Watch.
type Workers struct {
	claims  *prometheus.CounterVec
	claimed *prometheus.CounterVec
	inHand  *prometheus.GaugeVec
	took    *prometheus.HistogramVec
}

// NewWorkers registers them.
func NewWorkers(r *Registry) *Workers {
	m := &Workers{
		claims: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tianguis_worker_claims_total", Help: "How often a loop asked the database for due rows, by outcome: some, none or error.",
		}, []string{"loop", "outcome"}),
		claimed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tianguis_worker_claimed_rows_total", Help: "Due rows that this process took a lease on.",
		}, []string{"loop"}),
		inHand: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tianguis_worker_leases", Help: "Rows that this process holds a lease on now: worked on, or waiting for a worker.",
		}, []string{"loop"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tianguis_worker_work_duration_seconds", Help: "How long the work on one row took, by outcome: done or error.", Buckets: Seconds,
		}, []string{"loop", "outcome"}),
	}
	r.Add(m.claims, m.claimed, m.inHand, m.took)
	return m
}

// Claimed is told of each claim.
func (m *Workers) Claimed(loop string, rows int, err error) {
	outcome := "some"
	switch {
	case err != nil:
		outcome = "error"
	case rows == 0:
		outcome = "none"
	}
	m.claims.WithLabelValues(loop, outcome).Inc()
	m.claimed.WithLabelValues(loop).Add(float64(rows))
	m.inHand.WithLabelValues(loop).Add(float64(rows))
}

// Worked is told of each row that is out of hand again.
func (m *Workers) Worked(loop string, took time.Duration, ok bool) {
	outcome := "done"
	if !ok {
		outcome = "error"
	}
	m.took.WithLabelValues(loop, outcome).Observe(took.Seconds())
	m.inHand.WithLabelValues(loop).Dec()
}
