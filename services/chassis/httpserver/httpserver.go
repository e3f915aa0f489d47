// Package httpserver makes an echo server that can face the world: limits, deadlines, one log
// line per request, request ids, panics turned into errors, and a stop that finishes what is in hand.
package httpserver

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/oklog/ulid/v2"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/logging"
)

// Options are what New and Serve need. Log, Clock and ErrorHandler are required.
type Options struct {
	Log   *slog.Logger
	Clock clock.Clock
	// ErrorHandler is the only writer of error bodies. It gets echo's own errors too
	// (404, 405, 413), and must be safe to call when the answer has begun.
	ErrorHandler echo.HTTPErrorHandler
	// Answered is told of each request, for metrics; route is "" for an address that there is not. May be nil.
	Answered     func(route, method string, status int, took time.Duration)
	Trace        echo.MiddlewareFunc // makes the spans of requests; may be nil
	BodyLimit    int64               // bytes; 0 means 1 MiB
	Streamed     []string            // routes whose handlers limit the body themselves, as they read it: see Stream
	WriteTimeout time.Duration       // for a whole answer; 0 means 60 s
	Drain        time.Duration       // how long a stop waits for requests in hand; 0 means 15 s
	// TrustedProxies are where proxies of ours stand. A connection from there says in X-Forwarded-For for whom it is.
	TrustedProxies []*net.IPNet
}

// New returns an echo with the middleware that every service wants. The caller adds routes.
func New(o Options) *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = o.ErrorHandler
	e.JSONSerializer = plainJSON{}
	e.IPExtractor = peers(o.TrustedProxies)
	if o.BodyLimit == 0 {
		o.BodyLimit = 1 << 20
	}
	e.Use(requestID(o.Clock))
	if o.Trace != nil {
		e.Use(o.Trace) // so that the line of a request names its trace
	}
	e.Use(logRequests(o), recoverPanics(o.Log), middleware.BodyLimitWithConfig(middleware.BodyLimitConfig{
		Limit: strconv.FormatInt(o.BodyLimit, 10) + "B", Skipper: func(c echo.Context) bool { return slices.Contains(o.Streamed, c.Path()) },
	}))
	return e
}

// Serve answers on listener until ctx is done, then takes no new connection and finishes the
// requests in hand. It returns nil after an orderly stop.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, o Options) error {
	if o.WriteTimeout == 0 {
		o.WriteTimeout = time.Minute
	}
	if o.Drain == 0 {
		o.Drain = 15 * time.Second
	}
	unasked := &unasked{log: o.Log}
	server := &http.Server{
		Handler:           unasked.asked(handler),
		ConnContext:       unasked.connContext,
		ConnState:         unasked.connState,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      o.WriteTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug), // peers' TLS and protocol errors
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Drain)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		_ = server.Close()
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// RequestIDHeader carries a request's id between services, and to whoever asks for help with it.
const RequestIDHeader = "X-Request-Id"

// requestID keeps the caller's id when it is a ULID, and makes one otherwise.
func requestID(c clock.Clock) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(ec echo.Context) error {
			id := logging.NewRequestID(c.Now())
			if given, err := ulid.ParseStrict(ec.Request().Header.Get(RequestIDHeader)); err == nil {
				id = given.String()
			}
			ec.SetRequest(ec.Request().WithContext(logging.WithRequestID(ec.Request().Context(), id)))
			ec.Response().Header().Set(RequestIDHeader, id)
			return next(ec)
		}
	}
}

// logRequests writes one line per request. It names the route and not the URL, whose
// query may carry an interact_ref or a hash.
func logRequests(o Options) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(ec echo.Context) error {
			began := o.Clock.Now()
			err := next(ec)
			if err != nil {
				ec.Error(err) // writes the answer, so that its status is known here
			}
			status, took := ec.Response().Status, o.Clock.Now().Sub(began)
			if o.Answered != nil {
				o.Answered(ec.Path(), ec.Request().Method, status, took)
			}
			level := slog.LevelInfo
			switch {
			case status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout:
				level = slog.LevelWarn // somebody else's trouble, which passes
			case status >= http.StatusInternalServerError:
				level = slog.LevelError
			}
			if ec.Path() == "/health" || ec.Path() == "/ready" {
				level = min(level, slog.LevelDebug) // asked every few seconds by whoever watches
				if status >= http.StatusInternalServerError {
					level = slog.LevelWarn
				}
			}
			attrs := []slog.Attr{
				slog.String("method", ec.Request().Method), slog.String("route", ec.Path()),
				slog.Int("status", status), slog.Int64("duration_ms", took.Milliseconds()),
				slog.Int64("bytes", ec.Response().Size), slog.String("peer", ec.RealIP()),
			}
			for _, name := range ec.ParamNames() {
				attrs = append(attrs, slog.String(snakeCase(name), ec.Param(name)))
			}
			if err != nil {
				attrs = append(attrs, slog.String("error", err.Error()))
			}
			if what, ok := ec.Get(suspectKey).(string); ok {
				level = max(level, slog.LevelWarn)
				attrs = append(attrs, slog.String("security", what))
			}
			o.Log.LogAttrs(ec.Request().Context(), level, "request", attrs...)
			return nil
		}
	}
}

// snakeCase is the key in the log of a path parameter: pending_id of pendingId.
func snakeCase(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func recoverPanics(log *slog.Logger) echo.MiddlewareFunc {
	return middleware.RecoverWithConfig(middleware.RecoverConfig{
		DisableErrorHandler: true,
		LogErrorFunc: func(c echo.Context, err error, stack []byte) error {
			log.ErrorContext(c.Request().Context(), "handler panicked", "error", err, "stack", string(stack))
			return err
		},
	})
}

// Health answers whether the process runs.
func Health(service string, c clock.Clock) echo.HandlerFunc {
	return func(ec echo.Context) error {
		return ec.JSON(http.StatusOK, map[string]any{"status": "ok", "service": service, "time": c.Now()})
	}
}

// Ready answers whether the service can do its work: 503 when ping, which asks the database, fails.
func Ready(service string, c clock.Clock, log *slog.Logger, ping func(context.Context) error) echo.HandlerFunc {
	return func(ec echo.Context) error {
		ctx, cancel := context.WithTimeout(ec.Request().Context(), 2*time.Second)
		defer cancel()
		answer := map[string]any{"status": "ok", "service": service, "time": c.Now(), "database": "ok"}
		if err := ping(ctx); err != nil {
			log.WarnContext(ctx, "not ready", "error", err)
			answer["status"], answer["database"] = "unavailable", "unreachable"
			return ec.JSON(http.StatusServiceUnavailable, answer)
		}
		return ec.JSON(http.StatusOK, answer)
	}
}

// IsLoopback reports whether an address such as "127.0.0.1:4001" can be reached from this machine only.
// The name localhost counts; an empty host means every interface.
func IsLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
