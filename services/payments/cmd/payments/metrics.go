package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/httpserver"
	"tianguis.example/chassis/metrics"
	"tianguis.example/payments/egress"
)

// measured is what the service tells Prometheus of itself.
type measured struct {
	registry *metrics.Registry
	requests *metrics.Requests
	loops    *metrics.Workers
	calls    *metrics.Calls
	listener net.Listener // nil when nobody is answered
}

// newMeasured registers the metrics, and opens their port when there is one: not the public one, since they need no key.
func newMeasured(c config, db *database.DB, clk clock.Clock) (measured, error) {
	registry := metrics.New("payments", version)
	m := measured{
		registry: registry, requests: metrics.NewRequests(registry), loops: metrics.NewWorkers(registry),
		calls: metrics.NewCalls(registry, clk, metrics.CallOptions{
			Name: "tianguis_wallet_call_duration_seconds", Refused: egress.ErrForbiddenAddress,
			Help:   "How long calls of wallets took, each try of a repeated one, by class of host (listed in WALLET_ALLOW_HOSTS, or public), method and outcome.",
			Labels: []string{"host_class"},
			LabelsOf: func(r *http.Request) []string {
				if slices.Contains(c.WalletAllowHosts, r.URL.Host) || slices.Contains(c.WalletAllowHosts, r.URL.Hostname()) {
					return []string{"listed"}
				}
				return []string{"public"}
			},
		}),
	}
	pool, err := db.Pool()
	if err != nil {
		return measured{}, err
	}
	registry.AddPool(pool)
	if c.MetricsListen == "" {
		return m, nil
	}
	if m.listener, err = net.Listen("tcp", c.MetricsListen); err != nil { //nolint:noctx // it does not block
		return measured{}, fmt.Errorf("METRICS_LISTEN: %w", err)
	}
	return m, nil
}

// wallets returns a copy of client whose calls are counted.
func (m measured) wallets(client *http.Client) *http.Client {
	counted := *client
	counted.Transport = m.calls.Transport(client.Transport)
	return &counted
}

// serveMetrics answers scrapes until ctx is done. Payments go on when it cannot.
func (p *program) serveMetrics(ctx context.Context) {
	p.log.InfoContext(ctx, "metrics are ready", "address", p.measured.listener.Addr().String())
	if err := httpserver.Serve(ctx, p.measured.listener, p.measured.registry.Handler(p.log), p.server); err != nil {
		p.log.ErrorContext(ctx, "serve metrics", "error", err)
	}
}
