package rest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments"
)

// IdempotencyKeyHeader names a request, so that it can be repeated: draft-ietf-httpapi-idempotency-key-header.
const IdempotencyKeyHeader = "Idempotency-Key"

// ReplayedHeader marks a stored answer.
const ReplayedHeader = "Idempotency-Replayed"

// idempotencyStore keeps the answers.
type idempotencyStore interface {
	BeginIdempotent(ctx context.Context, r payments.Idempotent) (known payments.Idempotent, mine bool, err error)
	EndIdempotent(ctx context.Context, r payments.Idempotent) error
	ReleaseIdempotent(ctx context.Context, r payments.Idempotent) error
}

const (
	codeKeyReused payments.Code = "idempotency_key_reused"
	codeKeyBusy   payments.Code = "idempotency_key_in_use"
)

const (
	// busyFor is longer than a request may take; after it, whoever worked on it is taken for dead.
	busyFor   = time.Minute
	twinWait  = 5 * time.Second // how long a twin waits for the other's answer
	twinEvery = 50 * time.Millisecond
	maxKey    = 255
)

// idempotent answers a request with an Idempotency-Key once: the same again gets the stored answer, a twin at the same time waits for it or
// is told to come back, another body under the key is refused. Only a success is kept; what failed can be tried again.
func (s *Server) idempotent(next echo.HandlerFunc) echo.HandlerFunc { return s.once(next, false) }

// idempotentSecret is the same for an answer that holds a secret.
func (s *Server) idempotentSecret(next echo.HandlerFunc) echo.HandlerFunc { return s.once(next, true) }

func (s *Server) once(next echo.HandlerFunc, secret bool) echo.HandlerFunc {
	return func(c echo.Context) error {
		key := c.Request().Header.Get(IdempotencyKeyHeader)
		if key == "" {
			return next(c)
		}
		if len(key) > maxKey || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
			return payments.Errorf(payments.CodeInvalidRequest, "%s must be 1 to %d visible characters", IdempotencyKeyHeader, maxKey)
		}
		body, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return bodyError(err)
		}
		c.Request().Body = io.NopCloser(bytes.NewReader(body))
		sum := sha256.Sum256(body)
		now := s.clock.Now()
		mine := payments.Idempotent{
			Scope: c.Request().Method + " " + c.Request().URL.EscapedPath(), Key: key, Request: hex.EncodeToString(sum[:]),
			Secret: secret, BusyUntil: now.Add(busyFor), CreatedAt: now,
		}
		known, ok, err := s.begin(c.Request().Context(), mine)
		switch {
		case err != nil:
			return err
		case ok:
			return s.answerOnce(c, next, mine)
		case known.Request != mine.Request:
			return payments.Errorf(codeKeyReused, "this %s was used for another request: choose a new one", IdempotencyKeyHeader)
		case known.Status == 0:
			return &payments.Error{Code: codeKeyBusy, Message: "the same request is being worked on: ask again in a moment", RetryAfter: time.Second}
		}
		c.Response().Header().Set(ReplayedHeader, "true")
		return c.JSONBlob(known.Status, known.Answer)
	}
}

// begin waits for a twin's answer, for a bounded time.
func (s *Server) begin(ctx context.Context, r payments.Idempotent) (payments.Idempotent, bool, error) {
	until := s.clock.Now().Add(twinWait)
	for {
		known, mine, err := s.keys.BeginIdempotent(ctx, r)
		if err != nil || mine || known.Request != r.Request || known.Status != 0 || !s.clock.Now().Before(until) {
			return known, mine, err
		}
		if err := clock.Sleep(ctx, s.clock, twinEvery); err != nil {
			return known, false, err
		}
	}
}

// answerOnce runs the handler and keeps its answer. When this process dies in between, the request is run again by whoever repeats it, which is safe:
// an offer has one live payment, and an incoming payment that nobody was told of expires.
func (s *Server) answerOnce(c echo.Context, next echo.HandlerFunc, r payments.Idempotent) error {
	written := &copying{ResponseWriter: c.Response().Writer}
	c.Response().Writer = written
	err := next(c)
	c.Response().Writer = written.ResponseWriter
	// Whoever asked may be gone; what was done is kept all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), 5*time.Second)
	defer cancel()
	if err != nil || c.Response().Status/100 != 2 {
		if released := s.keys.ReleaseIdempotent(ctx, r); released != nil {
			s.log.ErrorContext(ctx, "release an idempotency key", "error", released)
		}
		return err
	}
	r.Status, r.Answer = c.Response().Status, written.body.Bytes()
	if err := s.keys.EndIdempotent(ctx, r); err != nil {
		s.log.ErrorContext(ctx, "keep the answer of an idempotency key", "error", err)
	}
	return nil
}

// copying keeps what is written.
type copying struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (w *copying) Write(b []byte) (int, error) {
	w.body.Write(b)
	return w.ResponseWriter.Write(b)
}
