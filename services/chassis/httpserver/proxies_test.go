package httpserver_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/httpserver"
)

func TestNew_BelievesItsProxiesOnly(t *testing.T) {
	t.Parallel()
	proxies, err := httpserver.ParseNetworks([]string{"172.16.0.0/12"})
	require.NoError(t, err)
	for _, c := range []struct{ from, forwarded, want string }{
		{"172.20.0.5:4711", "203.0.113.7", "203.0.113.7"},
		{"172.20.0.5:4711", "1.2.3.4, 203.0.113.7", "203.0.113.7"}, // what the caller said of itself is before what the proxy saw
		{"172.20.0.5:4711", "", "172.20.0.5"},
		{"10.0.0.5:4711", "203.0.113.7", "10.0.0.5"},
		{"127.0.0.1:4711", "203.0.113.7", "127.0.0.1"},
		{"198.51.100.1:4711", "203.0.113.7", "198.51.100.1"},
	} {
		o, _ := options(t)
		o.TrustedProxies = proxies
		e := httpserver.New(o)
		var peer string
		e.GET("/", func(c echo.Context) error {
			peer = c.RealIP()
			return c.NoContent(http.StatusNoContent)
		})
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.RemoteAddr = c.from
		if c.forwarded != "" {
			request.Header.Set(echo.HeaderXForwardedFor, c.forwarded)
		}
		e.ServeHTTP(httptest.NewRecorder(), request)
		require.Equal(t, c.want, peer, "from %s for %q", c.from, c.forwarded)
	}
	_, err = httpserver.ParseNetworks([]string{"172.16.0.1"})
	require.ErrorContains(t, err, "172.16.0.1")
}
