package httpserver_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/httpserver"
)

func TestAsk(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ready" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)

	for _, listen := range []string{"127.0.0.1:" + port, "0.0.0.0:" + port, ":" + port} {
		require.NoError(t, httpserver.Ask(t.Context(), listen, "/ready"), listen)
	}
	require.ErrorContains(t, httpserver.Ask(t.Context(), ":"+port, "/else"), "503")
	require.Error(t, httpserver.Ask(t.Context(), "127.0.0.1:1", "/ready"))
	require.ErrorContains(t, httpserver.Ask(t.Context(), "nowhere", "/ready"), "host:port")
}
