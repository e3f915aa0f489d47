package httpserver_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/httpserver"
	"tianguis.example/chassis/logging"
)

func options(t *testing.T) (httpserver.Options, *bytes.Buffer) {
	t.Helper()
	var lines bytes.Buffer
	log, err := logging.New(&lines, "json", "info")
	require.NoError(t, err)
	return httpserver.Options{
		Log: log, Clock: clock.System(), BodyLimit: 16,
		ErrorHandler: func(err error, c echo.Context) {
			if c.Response().Committed {
				return
			}
			status := http.StatusInternalServerError
			if known, ok := errors.AsType[*echo.HTTPError](err); ok {
				status = known.Code
			}
			_ = c.JSON(status, map[string]string{"error": http.StatusText(status)})
		},
	}, &lines
}

func TestNew_RequestIDAndOneLine(t *testing.T) {
	t.Parallel()
	o, lines := options(t)
	e := httpserver.New(o)
	e.GET("/payments/:pendingId", func(c echo.Context) error {
		o.Log.InfoContext(c.Request().Context(), "inside")
		return c.NoContent(http.StatusNoContent)
	})
	for given, kept := range map[string]bool{"01JDD0000000000000000000AA": true, "evil\nid": false, "": false} {
		lines.Reset()
		request := httptest.NewRequest(http.MethodGet, "/payments/01X?hash=planted", nil)
		request.Header[httpserver.RequestIDHeader] = []string{given}
		answer := httptest.NewRecorder()
		e.ServeHTTP(answer, request)
		id := answer.Header().Get(httpserver.RequestIDHeader)
		require.Equal(t, kept, id == given)
		require.Equal(t, 2, strings.Count(lines.String(), `"request_id":"`+id+`"`))
		require.Contains(t, lines.String(), `"route":"/payments/:pendingId"`)
		require.Contains(t, lines.String(), `"pending_id":"01X"`)
		require.NotContains(t, lines.String(), "planted")
	}
}

func TestNew_LimitsBodiesAndCatchesPanics(t *testing.T) {
	t.Parallel()
	o, lines := options(t)
	e := httpserver.New(o)
	e.POST("/echo", func(c echo.Context) error {
		body, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return err
		}
		return c.String(http.StatusOK, string(body))
	})
	e.GET("/panic", func(echo.Context) error { panic("a bug") })

	ask := func(method, path, body string, chunked bool) *httptest.ResponseRecorder {
		request := httptest.NewRequest(method, path, strings.NewReader(body))
		if chunked {
			request.ContentLength = -1
		}
		answer := httptest.NewRecorder()
		e.ServeHTTP(answer, request)
		return answer
	}
	require.Equal(t, http.StatusOK, ask(http.MethodPost, "/echo", strings.Repeat("x", 16), false).Code)
	require.Equal(t, http.StatusRequestEntityTooLarge, ask(http.MethodPost, "/echo", strings.Repeat("x", 17), false).Code)
	require.Equal(t, http.StatusRequestEntityTooLarge, ask(http.MethodPost, "/echo", strings.Repeat("x", 17), true).Code)
	require.Equal(t, http.StatusInternalServerError, ask(http.MethodGet, "/panic", "", false).Code)
	require.Contains(t, lines.String(), "handler panicked")
	require.Equal(t, http.StatusNotFound, ask(http.MethodGet, "/nowhere", "", false).Code)
	require.Equal(t, http.StatusMethodNotAllowed, ask(http.MethodDelete, "/panic", "", false).Code)
}

func TestServe_FinishesWhatIsInHand(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	o.Log = slog.New(slog.DiscardHandler)
	began, finish := make(chan struct{}), make(chan struct{})
	e := httpserver.New(o)
	e.GET("/slow", func(c echo.Context) error {
		close(began)
		<-finish
		return c.String(http.StatusOK, "done")
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- httpserver.Serve(ctx, listener, e, o) }()

	body := make(chan string, 1)
	go func() {
		answer, err := http.Get("http://" + listener.Addr().String() + "/slow")
		if err != nil {
			body <- err.Error()
			return
		}
		defer func() { _ = answer.Body.Close() }()
		text, _ := io.ReadAll(answer.Body)
		body <- string(text)
	}()
	<-began
	stop()
	close(finish)
	require.Equal(t, "done", <-body)
	require.NoError(t, <-served)
}

func TestReady_SaysWhenTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	e := httpserver.New(o)
	away := errors.New("connection refused at 10.0.0.7")
	e.GET("/ready", httpserver.Ready("payments", o.Clock, o.Log, func(context.Context) error { return away }))
	answer := httptest.NewRecorder()
	e.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/ready", nil))
	require.Equal(t, http.StatusServiceUnavailable, answer.Code)
	require.NotContains(t, answer.Body.String(), "10.0.0.7")
	away = nil
	answer = httptest.NewRecorder()
	e.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/ready", nil))
	require.Equal(t, http.StatusOK, answer.Code)
}

func TestIsLoopback(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"127.0.0.1:80": true, "[::1]:80": true, "localhost:0": true, "127.9.9.9:1": true,
		":80": false, "0.0.0.0:80": false, "10.0.0.1:80": false, "example.com:80": false, "80": false,
	} {
		require.Equal(t, want, httpserver.IsLoopback(address), address)
	}
}

func TestNew_AnswersAddressesThatCanBeCopied(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	e := httpserver.New(o)
	e.GET("/", func(c echo.Context) error {
		return c.JSON(http.StatusOK, map[string]string{"redirectUrl": "https://wallet.example/?a=1&b=<2>"})
	})
	answer := httptest.NewRecorder()
	e.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
	require.JSONEq(t, `{"redirectUrl":"https://wallet.example/?a=1&b=<2>"}`, answer.Body.String())
	require.Contains(t, answer.Body.String(), "?a=1&b=<2>")
	require.Equal(t, "application/json", answer.Header().Get("Content-Type"))
}
