package metrics_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/metrics"
)

// serve answers on an address, and returns the port, and how to stop it, which waits until it has stopped.
func serve(t *testing.T, address string) (port string, stop func()) {
	t.Helper()
	listener, err := metrics.Listen(address)
	require.NoError(t, err)
	_, port, err = net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var served sync.WaitGroup
	served.Go(func() { metrics.New("test", "1").Serve(ctx, listener, slog.New(slog.DiscardHandler)) })
	stop = func() {
		cancel()
		served.Wait()
	}
	t.Cleanup(stop)
	return port, stop
}

// get asks 127.0.0.1 at a port, by the name of host.
func get(t *testing.T, port, path, host string) (status int, body []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+port+path, nil)
	require.NoError(t, err)
	if host != "" {
		request.Host = host
	}
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	body, err = io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, body
}

var profiles = []string{"", "heap", "allocs", "goroutine", "block", "mutex", "cmdline", "symbol", "profile?seconds=1", "trace?seconds=0.1"}

func TestProfiles_OnLoopback(t *testing.T) {
	t.Parallel()
	port, _ := serve(t, "127.0.0.1:0")
	for _, profile := range profiles {
		status, body := get(t, port, "/debug/pprof/"+profile, "")
		require.Equal(t, http.StatusOK, status, profile)
		require.NotEmpty(t, body, profile)
	}
	for _, name := range []string{"localhost:" + port, "[::1]:" + port} {
		status, _ := get(t, port, "/debug/pprof/heap", name)
		require.Equal(t, http.StatusOK, status, name)
	}
	for _, name := range []string{"evil.example:" + port, "evil.example", "192.0.2.1:" + port} {
		status, _ := get(t, port, "/debug/pprof/heap", name)
		require.Equal(t, http.StatusNotFound, status, name)
	}
	status, body := get(t, port, "/metrics", "")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, string(body), "tianguis_build_info")
	status, _ = get(t, port, "/", "")
	require.Equal(t, http.StatusNotFound, status)
}

func TestProfiles_NotWhereOthersReach(t *testing.T) {
	t.Parallel()
	port, _ := serve(t, ":0")
	for _, profile := range profiles {
		for _, name := range []string{"", "localhost:" + port} {
			status, body := get(t, port, "/debug/pprof/"+profile, name)
			require.Equal(t, http.StatusNotFound, status, profile)
			require.Equal(t, "404 page not found\n", string(body), profile)
		}
	}
	status, _ := get(t, port, "/metrics", "")
	require.Equal(t, http.StatusOK, status)
}

// TestProfiles_HalfAMinute: one that long is begun, and does not hold up a stop. It runs by itself, since a process is traced for one at a time.
func TestProfiles_HalfAMinute(t *testing.T) {
	port, stop := serve(t, "127.0.0.1:0")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+port+"/debug/pprof/trace?seconds=30", nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	require.Equal(t, http.StatusOK, answer.StatusCode)
	began := clock.System().Now()
	stop()
	require.Less(t, clock.System().Now().Sub(began), 10*time.Second)
}
