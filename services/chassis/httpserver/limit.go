package httpserver

import (
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/chassis/ratelimit"
)

// NetworkOf is the network that tries are counted by: of IPv6 the half of the address that a customer is given whole (RFC 6177), since
// whoever has it has more addresses than can be counted.
func NetworkOf(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	network, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return network.String()
}

// RetryAfter tells in how many seconds it may be worth trying again (RFC 9110 section 10.2.3): a part of one is one.
func RetryAfter(c echo.Context, wait time.Duration) {
	c.Response().Header().Set("Retry-After", strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
}

// LimitAddresses refuses, with echo.ErrTooManyRequests and a Retry-After, what comes from one network beyond the limit. /health and /ready are
// never limited, nor is what free picks: callers who have proved who they are, and are limited by that.
func LimitAddresses(l *ratelimit.Limiter, free func(echo.Context) bool) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if c.Path() == "/health" || c.Path() == "/ready" || free(c) {
				return next(c)
			}
			if wait := l.Take(NetworkOf(c.RealIP())); wait > 0 {
				RetryAfter(c, wait)
				return echo.NewHTTPError(http.StatusTooManyRequests)
			}
			return next(c)
		}
	}
}
