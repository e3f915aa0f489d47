package metrics

import "github.com/prometheus/client_golang/prometheus"

// Starts are the starts of payments that a service has in hand. They meet turnstile.Watch.
type Starts struct {
	inHand  prometheus.Gauge
	refused prometheus.Counter
}

// NewStarts registers them.
func NewStarts(r *Registry) *Starts {
	m := &Starts{
		inHand: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tianguis_starts_in_hand", Help: "Starts of payments that are being worked on now, STARTS_AT_ONCE at most.",
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tianguis_starts_refused_total", Help: "Starts of payments that were sent away, since there were too many in hand.",
		}),
	}
	r.Add(m.inHand, m.refused)
	return m
}

// In is told of a start that was let in.
func (m *Starts) In() { m.inHand.Inc() }

// Out is told of one that is over, however it ended.
func (m *Starts) Out() { m.inHand.Dec() }

// Refused is told of one that was sent away.
func (m *Starts) Refused() { m.refused.Inc() }
