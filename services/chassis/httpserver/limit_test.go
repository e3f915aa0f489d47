package httpserver_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/httpserver"
	"tianguis.example/chassis/ratelimit"
)

func TestNetworkOf(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"203.0.113.7": "203.0.113.7", "::ffff:203.0.113.7": "::ffff:203.0.113.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"fe80::1%eth0": "fe80::/64", "::1": "::/64", "": "", "nonsense": "nonsense",
	} {
		require.Equal(t, want, httpserver.NetworkOf(address), address)
	}
}

func TestLimitAddresses(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	clk := clock.NewHeld(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	e := httpserver.New(o)
	e.Use(httpserver.LimitAddresses(ratelimit.New(ratelimit.Limit{N: 1, Per: 90 * time.Second, Burst: 2}, clk), func(c echo.Context) bool {
		return c.Request().Header.Get("Authorization") != ""
	}))
	for _, path := range []string{"/", "/health", "/ready"} {
		e.GET(path, func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	}
	ask := func(path, from string, header http.Header) *httptest.ResponseRecorder {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		request.RemoteAddr, request.Header = from, header
		answer := httptest.NewRecorder()
		e.ServeHTTP(answer, request)
		return answer
	}
	require.Equal(t, http.StatusNoContent, ask("/", "[2001:db8::1]:1", http.Header{}).Code)
	require.Equal(t, http.StatusNotFound, ask("/nowhere", "[2001:db8::2]:2", http.Header{}).Code)
	for _, path := range []string{"/", "/nowhere"} {
		refused := ask(path, "[2001:db8::3]:3", http.Header{"X-Forwarded-For": {"203.0.113.9"}})
		require.Equal(t, http.StatusTooManyRequests, refused.Code, "a /64 is one, and says nothing of itself")
		require.Equal(t, "90", refused.Header().Get("Retry-After"))
	}
	require.Equal(t, http.StatusNoContent, ask("/", "[2001:db8:0:1::1]:1", http.Header{}).Code, "another one")
	for range 5 {
		require.Equal(t, http.StatusNoContent, ask("/health", "[2001:db8::1]:1", http.Header{}).Code)
		require.Equal(t, http.StatusNoContent, ask("/ready", "[2001:db8::1]:1", http.Header{}).Code)
		require.Equal(t, http.StatusNoContent, ask("/", "[2001:db8::1]:1", http.Header{"Authorization": {"x"}}).Code)
	}
	clk.Advance(89500 * time.Millisecond)
	refused := ask("/", "[2001:db8::1]:1", http.Header{})
	require.Equal(t, http.StatusTooManyRequests, refused.Code)
	require.Equal(t, "1", refused.Header().Get("Retry-After"), "a part of a second is one")
	clk.Advance(500 * time.Millisecond)
	require.Equal(t, http.StatusNoContent, ask("/", "[2001:db8::1]:1", http.Header{}).Code)
}
