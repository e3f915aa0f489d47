package httpserver_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/httpserver"
)

// What a server allows for a whole request is 30 s; here it is next to nothing.
func TestStream_TakesItsTimeAndNoMore(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	o.Streamed = []string{"/stream", "/cut"}
	e := httpserver.New(o)
	take := func(most time.Duration) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := httpserver.Stream(c, 1000, most); err != nil {
				return err
			}
			body, err := io.ReadAll(c.Request().Body)
			if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
				return echo.ErrStatusRequestEntityTooLarge
			}
			if err != nil {
				return echo.ErrBadRequest
			}
			return c.String(http.StatusOK, string(body))
		}
	}
	e.POST("/stream", take(time.Minute))
	e.POST("/usual", take(time.Minute))
	e.POST("/cut", take(200*time.Millisecond))
	server := httptest.NewUnstartedServer(e)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond
	server.Start()
	t.Cleanup(server.Close)

	post := func(path string, body io.Reader) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, body)
		require.NoError(t, err)
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer func() { _ = answer.Body.Close() }()
		text, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return answer.StatusCode, string(text)
	}
	status, text := post("/stream", strings.NewReader(strings.Repeat("x", 1000)))
	require.Equal(t, http.StatusOK, status)
	require.Len(t, text, 1000)
	status, _ = post("/stream", strings.NewReader(strings.Repeat("x", 1001)))
	require.Equal(t, http.StatusRequestEntityTooLarge, status, "its own limit")
	status, _ = post("/usual", strings.NewReader(strings.Repeat("x", 17)))
	require.Equal(t, http.StatusRequestEntityTooLarge, status, "the server's limit, of 16")

	// A body that comes slowly, over longer than the server's time.
	slow, sender := io.Pipe()
	go func() {
		began := time.Now()
		for time.Since(began) < 700*time.Millisecond {
			_, _ = sender.Write([]byte("x"))
			<-time.After(50 * time.Millisecond)
		}
		_ = sender.Close()
	}()
	status, text = post("/stream", slow)
	require.Equal(t, http.StatusOK, status)
	require.NotEmpty(t, text)

	// One that stands still is cut when all of its time is over.
	connection, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	_, err = connection.Write([]byte("POST /cut HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nxxx"))
	require.NoError(t, err)
	require.NoError(t, connection.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err = io.Copy(&bytes.Buffer{}, connection)
	require.NoError(t, err, "the server hangs up long before we do")
}
