package chaos

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/stack"
)

// backend answers with its name, and counts what it was asked.
type backend struct {
	*httptest.Server
	asked atomic.Int64
}

func newBackend(t *testing.T, name string, handle http.HandlerFunc) *backend {
	t.Helper()
	b := &backend{}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ready" {
			return
		}
		b.asked.Add(1)
		if handle != nil {
			handle(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, name+" "+string(body))
	}))
	t.Cleanup(b.Close)
	return b
}

func balance(t *testing.T, backends ...*backend) *balancer {
	t.Helper()
	port, err := stack.FreePort(t.Context())
	require.NoError(t, err)
	addresses := make([]string, len(backends))
	for i, b := range backends {
		addresses[i] = b.URL
	}
	b, err := startBalancer(t.Context(), port, addresses...)
	require.NoError(t, err)
	t.Cleanup(b.Close)
	for _, r := range b.replicas {
		eventually(t, func() bool { return r.ready.Load() })
	}
	return b
}

func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); {
		require.True(t, time.Now().Before(deadline), "it does not happen")
		_ = clock.Sleep(t.Context(), clock.System(), 10*time.Millisecond)
	}
}

func post(t *testing.T, b *balancer) (int, string) {
	t.Helper()
	answer, err := http.Post(b.address+"/start", "text/plain", strings.NewReader("body"))
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	content, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(content)
}

func TestBalancer_GivesEachItsTurnAndLeavesOutTheDead(t *testing.T) {
	t.Parallel()
	one, two := newBackend(t, "one", nil), newBackend(t, "two", nil)
	b := balance(t, one, two)
	for range 4 {
		status, body := post(t, b)
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, []string{"one body", "two body"}, body)
	}
	require.Equal(t, int64(2), one.asked.Load())
	require.Equal(t, int64(2), two.asked.Load())

	one.Close() // also while it is still taken for ready
	for range 4 {
		status, body := post(t, b)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "two body", body)
	}

	two.Close()
	eventually(t, func() bool { status, _ := post(t, b); return status == http.StatusServiceUnavailable })
}

// TestBalancer_SendsNothingTwice: a request whose connection broke may have taken effect.
func TestBalancer_SendsNothingTwice(t *testing.T) {
	t.Parallel()
	hangUp := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	one, two := newBackend(t, "one", hangUp), newBackend(t, "two", hangUp)
	b := balance(t, one, two)
	status, _ := post(t, b)
	require.Equal(t, http.StatusBadGateway, status)
	require.Equal(t, int64(1), one.asked.Load()+two.asked.Load())
}
