package httpserver

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/labstack/echo/v4"
)

const suspectKey = "security"

// Suspect marks a request that was refused as one of which an operator may want to know: a key that is none, a proof that does not fit. Its line in
// the log is a warning, with the attribute security=what: a stable word in snake_case.
func Suspect(c echo.Context, what string) { c.Set(suspectKey, what) }

// unasked watches connections: one that sends something and ends before that was a request is answered and closed by net/http itself, without a line
// anywhere. Smuggled, torn and dripped requests are such.
type unasked struct {
	log     *slog.Logger
	waiting sync.Map // net.Conn to *atomic.Bool: it has sent something that is no request yet
}

type waitingKey struct{}

// connContext is an http.Server's ConnContext.
func (u *unasked) connContext(ctx context.Context, conn net.Conn) context.Context {
	waiting := new(atomic.Bool)
	u.waiting.Store(conn, waiting)
	return context.WithValue(ctx, waitingKey{}, waiting)
}

// connState is an http.Server's ConnState. A connection becomes active with the first bytes of a request, before anybody has understood them.
func (u *unasked) connState(conn net.Conn, state http.ConnState) {
	known, ok := u.waiting.Load(conn)
	if !ok {
		return
	}
	waiting, _ := known.(*atomic.Bool) // nothing else is stored
	switch state {
	case http.StateActive:
		waiting.Store(true)
	case http.StateClosed:
		u.waiting.Delete(conn)
		if waiting.Load() {
			u.log.Warn("connection ended without a request", "security", "no_request", "peer", conn.RemoteAddr().String()) //nolint:sloglint // it has no context: no request came
		}
	case http.StateHijacked:
		u.waiting.Delete(conn)
	case http.StateNew, http.StateIdle:
	}
}

// asked tells that what a connection has sent is a request.
func (u *unasked) asked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if waiting, ok := r.Context().Value(waitingKey{}).(*atomic.Bool); ok {
			waiting.Store(false)
		}
		next.ServeHTTP(w, r)
	})
}
