package cmd

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/metrics"
	"tianguis.example/payments"
	"tianguis.example/payments/console"
	"tianguis.example/payments/egress"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/store"
)

// measured is what the service tells Prometheus of itself.
type measured struct {
	registry    *metrics.Registry
	requests    *metrics.Requests
	loops       *metrics.Workers
	calls       *metrics.Calls
	starts      *metrics.Starts
	life        *life
	sent        *sent
	differences *differences
	listener    net.Listener // nil when nobody is answered
}

// newMeasured registers the metrics, and opens their port when there is one.
func newMeasured(c config, db *database.DB, clk clock.Clock) (measured, error) {
	registry := metrics.New("payments", version)
	loops := metrics.NewWorkers(registry)
	m := measured{
		registry: registry, requests: metrics.NewRequests(registry, door, doors...), loops: loops,
		calls: metrics.NewCalls(registry, clk, metrics.CallOptions{
			Name: "tianguis_wallet_call_duration_seconds", Refused: egress.ErrForbiddenAddress,
			Help:   "How long calls of wallets took, each try of a repeated one, by class of host (listed in WALLET_ALLOW_HOSTS, or public), method and outcome.",
			Labels: []string{"host_class"},
			LabelsOf: func(r *http.Request) []string {
				if c.listsWallet(r) {
					return []string{"listed"}
				}
				return []string{"public"}
			},
		}),
		starts: metrics.NewStarts(registry), life: newLife(registry), sent: newSent(registry, loops), differences: newDifferences(registry),
	}
	pool, err := db.Pool()
	if err != nil {
		return measured{}, err
	}
	registry.AddPool(pool)
	if m.listener, err = metrics.Listen(c.MetricsListen); err != nil {
		return measured{}, err
	}
	return m, nil
}

// wallets returns a copy of client whose calls are counted.
func (m measured) wallets(client *http.Client) *http.Client {
	counted := *client
	counted.Transport = m.calls.Transport(client.Transport)
	return &counted
}

// doors are where requests can be refused.
var doors = []string{"api", "finish", "limit", "operator"}

// door is where a request was refused: the API without its key, the operator's pages, a return from a wallet that could not be verified, or
// wherever it was that there were too many.
func door(route, _ string, status int) string {
	switch {
	case status == http.StatusTooManyRequests:
		return "limit"
	case route == "/payments/finish" && (status == http.StatusForbidden || status == http.StatusNotFound):
		return "finish"
	case status != http.StatusUnauthorized && status != http.StatusForbidden:
		return ""
	case strings.HasPrefix(route, console.Root):
		return "operator"
	}
	return "api"
}

// life is what becomes of payments.
type life struct {
	transitions *prometheus.CounterVec
	toPaid      prometheus.Histogram
}

func newLife(r *metrics.Registry) *life {
	m := &life{
		transitions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tianguis_payment_transitions_total", Help: "Payments that came into a state; reason says why a failed one failed.",
		}, []string{"state", "reason"}),
		toPaid: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tianguis_payment_approval_to_paid_seconds", Buckets: metrics.Waits,
			Help: "How long it took from a buyer's approval that was verified to the money that the seller has.",
		}),
	}
	for _, state := range payments.States {
		if state != payments.Failed {
			m.transitions.WithLabelValues(string(state), "")
		}
	}
	for _, reason := range payments.Reasons() {
		m.transitions.WithLabelValues(string(payments.Failed), string(reason))
	}
	r.Add(m.transitions, m.toPaid)
	return m
}

// Moved is payments.Watch's.
func (m *life) Moved(_, after payments.Payment) {
	m.transitions.WithLabelValues(string(after.State), string(after.Reason)).Inc()
	if after.State == payments.Paid && !after.ApprovedAt.IsZero() {
		m.toPaid.Observe(after.PaidAt.Sub(after.ApprovedAt).Seconds())
	}
}

// sent is what becomes of webhooks.
type sent struct {
	*metrics.Workers
	took  *prometheus.HistogramVec
	delay prometheus.Histogram
	dead  prometheus.Counter
}

func newSent(r *metrics.Registry, loops *metrics.Workers) *sent {
	m := &sent{
		Workers: loops,
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tianguis_webhook_attempt_duration_seconds", Buckets: metrics.Seconds,
			Help: "How long attempts to deliver a webhook took, by outcome: a class of status, or none for no answer.",
		}, []string{"outcome"}),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tianguis_webhook_delivery_delay_seconds", Buckets: metrics.Waits,
			Help: "How long it took from a payment's end to the receiver's 2xx; a webhook that was sent anew counts from its payment's end too.",
		}),
		dead: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tianguis_webhook_dead_total", Help: "Webhooks that were given up after their last attempt.",
		}),
	}
	r.Add(m.took, m.delay, m.dead)
	return m
}

// Attempted is outbox.Watch's.
func (m *sent) Attempted(a outbox.Attempt, after outbox.Delivery) {
	outcome := "none"
	if a.Status > 0 {
		outcome = strconv.Itoa(a.Status/100) + "xx"
	}
	m.took.WithLabelValues(outcome).Observe(a.Duration.Seconds())
	switch {
	case after.State == outbox.Dead:
		m.dead.Inc()
	case after.State == outbox.Delivered && after.PendingID != "": // no ping
		m.delay.Observe(after.EndedAt.Sub(after.CreatedAt).Seconds())
	}
}

// differences are what reconciliation finds.
type differences struct {
	runs     *prometheus.CounterVec
	findings *prometheus.CounterVec
}

func newDifferences(r *metrics.Registry) *differences {
	m := &differences{
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tianguis_reconcile_runs_total", Help: "Comparisons with what the wallets say, by outcome: done or error. One replica does each of them.",
		}, []string{"outcome"}),
		findings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tianguis_reconcile_findings_total", Help: "Differences that comparisons found, by kind and severity. One that stays is found anew each time.",
		}, []string{"kind", "severity"}),
	}
	m.runs.WithLabelValues("done")
	m.runs.WithLabelValues("error")
	for _, kind := range payments.FindingKinds {
		for _, severity := range payments.Severities {
			m.findings.WithLabelValues(string(kind), string(severity))
		}
	}
	r.Add(m.runs, m.findings)
	return m
}

func (m *differences) ran(report payments.Report, err error) {
	outcome := "done"
	if err != nil {
		outcome = "error"
	}
	m.runs.WithLabelValues(outcome).Inc()
	for _, f := range report.Findings {
		m.findings.WithLabelValues(string(f.Kind), string(f.Severity)).Inc()
	}
}

// The gauges that the database knows. Every replica tells the same.
const (
	gaugeOpen        = "tianguis_payments_open"
	gaugeOldest      = "tianguis_payments_open_oldest_seconds"
	gaugeWebhooks    = "tianguis_webhook_deliveries"
	gaugeUndelivered = "tianguis_webhook_oldest_pending_seconds"
)

// asks has the database asked when somebody scrapes.
func (m measured) asks(keep *store.Store, clk clock.Clock, log *slog.Logger) {
	m.registry.AddAsked(clk, log, []metrics.Gauge{
		{Name: gaugeOpen, Help: "Payments that have not ended, by state.", Labels: []string{"state"}},
		{Name: gaugeOldest, Help: "How long the one that is longest in a state has been in it.", Labels: []string{"state"}},
		{Name: gaugeWebhooks, Help: "Webhooks that wait to be delivered (pending), and those that were given up (dead).", Labels: []string{"state"}},
		{Name: gaugeUndelivered, Help: "How long ago the oldest webhook was made that waits to be delivered."},
	}, func(ctx context.Context) ([]metrics.Reading, error) {
		open, err := keep.PaymentStandings(ctx)
		if err != nil {
			return nil, err
		}
		now := clk.Now()
		var all []metrics.Reading
		for _, s := range open {
			labels := []string{string(s.State)}
			all = append(all, metrics.Reading{Name: gaugeOpen, Labels: labels, Value: metrics.Count(s.Payments)},
				metrics.Reading{Name: gaugeOldest, Labels: labels, Value: metrics.Age(now, s.Oldest)})
		}
		lanes, err := keep.Standings(ctx)
		if err != nil {
			return nil, err
		}
		var pending, dead int
		var oldest time.Time
		for _, l := range lanes {
			pending, dead = pending+l.Pending, dead+l.Dead
			if !l.Oldest.IsZero() && (oldest.IsZero() || l.Oldest.Before(oldest)) {
				oldest = l.Oldest
			}
		}
		return append(all,
			metrics.Reading{Name: gaugeWebhooks, Labels: []string{string(outbox.Pending)}, Value: metrics.Count(pending)},
			metrics.Reading{Name: gaugeWebhooks, Labels: []string{string(outbox.Dead)}, Value: metrics.Count(dead)},
			metrics.Reading{Name: gaugeUndelivered, Value: metrics.Age(now, oldest)}), nil
	})
}
