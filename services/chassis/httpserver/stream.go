package httpserver

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/chassis/clock"
)

// Idle is how long a peer may send, or take, nothing of what is streamed.
const Idle = 30 * time.Second

// Stream lets the body of a request and its answer take as long as they need, as long as they move: what a server allows for a whole request is
// too little for a film from a telephone, and too much for somebody who sends nothing. All of it may take most, and the body have limit bytes;
// reading more of it gives a *http.MaxBytesError.
func Stream(c echo.Context, limit int64, most time.Duration) error {
	connection := http.NewResponseController(c.Response())
	s := &stream{until: clock.System().Now().Add(most), read: connection.SetReadDeadline, write: connection.SetWriteDeadline}
	if err := errors.Join(s.putOff(s.read), s.putOff(s.write)); err != nil {
		return err
	}
	request := c.Request()
	s.body = http.MaxBytesReader(c.Response(), request.Body, limit)
	request.Body = s
	c.Response().Writer = &streamed{c.Response().Writer, s}
	return nil
}

// stream puts a connection's deadlines off while it moves. It goes by the machine's clock, as connections do.
type stream struct {
	read, write func(deadline time.Time) error
	until       time.Time
	body        io.ReadCloser
}

// putOff gives reading or writing another while. A request that came over no connection, as in tests, has all the time there is.
func (s *stream) putOff(set func(time.Time) error) error {
	deadline := clock.System().Now().Add(Idle)
	if s.until.Before(deadline) {
		deadline = s.until
	}
	if err := set(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("give a request time: %w", err)
	}
	return nil
}

func (s *stream) Read(p []byte) (int, error) {
	if err := errors.Join(s.putOff(s.read), s.putOff(s.write)); err != nil { // the answer comes after the body
		return 0, err
	}
	return s.body.Read(p)
}

func (s *stream) Close() error { return s.body.Close() }

// streamed is the answer.
type streamed struct {
	http.ResponseWriter
	stream *stream
}

func (w *streamed) Write(p []byte) (int, error) {
	if err := w.stream.putOff(w.stream.write); err != nil {
		return 0, err
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (w *streamed) Unwrap() http.ResponseWriter { return w.ResponseWriter }
