package metrics

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"tianguis.example/chassis/httpserver"
)

// Setting names the variable that Listen's address comes from.
const Setting = "METRICS_LISTEN"

// Listen opens the port that scrapes are answered on: not the public one, since they need no key. Without an address there is none, and nil is returned.
func Listen(address string) (net.Listener, error) {
	if address == "" {
		return nil, nil //nolint:nilnil // no port is what was asked for
	}
	listener, err := net.Listen("tcp", address) //nolint:noctx // it does not block
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Setting, err)
	}
	return listener, nil
}

// Serve answers scrapes until ctx is done, and on loopback whoever wants a profile. The service goes on when it cannot.
func (r *Registry) Serve(ctx context.Context, listener net.Listener, log *slog.Logger) {
	log.InfoContext(ctx, "metrics are ready", "address", listener.Addr().String())
	handler := endingWith(ctx, withProfiles(listener, r.Handler(log)))
	if err := httpserver.Serve(ctx, listener, handler, httpserver.Options{Log: log, WriteTimeout: profileBound}); err != nil {
		log.ErrorContext(ctx, "serve metrics", "error", err)
	}
}
