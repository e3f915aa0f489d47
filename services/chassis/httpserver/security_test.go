package httpserver_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/httpserver"
	"tianguis.example/chassis/logging"
)

func TestSuspect_IsAWarningInTheLog(t *testing.T) {
	t.Parallel()
	o, lines := options(t)
	e := httpserver.New(o)
	e.GET("/finish", func(c echo.Context) error {
		httpserver.Suspect(c, "hash_invalid")
		return echo.ErrForbidden
	})
	e.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/finish", nil))
	require.Contains(t, lines.String(), `"level":"WARN"`)
	require.Contains(t, lines.String(), `"security":"hash_invalid"`)
}

// shared is a log that two goroutines write to and read.
type shared struct {
	mu sync.Mutex
	bytes.Buffer
}

func (s *shared) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Buffer.Write(b)
}

func (s *shared) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.String()
}

// TestServe_TellsOfWhatWasNoRequest: net/http answers it by itself, and nothing else would tell.
func TestServe_TellsOfWhatWasNoRequest(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	var lines shared
	log, err := logging.New(&lines, "json", "info")
	require.NoError(t, err)
	o.Log = log
	e := httpserver.New(o)
	e.GET("/", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- httpserver.Serve(ctx, listener, e, o) }()
	say := func(text string) (peer, answer string) {
		conn, err := net.Dial("tcp", listener.Addr().String())
		require.NoError(t, err)
		_, err = io.WriteString(conn, text)
		require.NoError(t, err)
		said, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		return conn.LocalAddr().String(), string(said)
	}
	_, answer := say("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	require.Contains(t, answer, "204")
	torn, answer := say("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: oops\r\n\r\n")
	require.Contains(t, answer, "501")
	stop()
	require.NoError(t, <-served)
	require.Eventually(t, func() bool { return strings.Contains(lines.text(), torn) }, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, 1, strings.Count(lines.text(), `"security":"no_request"`), lines.text())
}
