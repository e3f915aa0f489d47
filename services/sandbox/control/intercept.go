package control

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/sandbox"
)

const (
	rememberedBody = 4 << 10         // bytes of a request's body that the history keeps
	hangAtMost     = 5 * time.Minute // a client without a deadline is let go in the end
)

// Intercept wraps the wallet's doors: it lets planted faults strike, and remembers
// what was asked. Latency and hangs take real time, whatever the bank's clock does.
func Intercept(bank *sandbox.Bank, next http.Handler) http.Handler {
	wall := clock.System()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		operation := sandbox.Operation(r.Method, r.URL.Path)
		if operation == "" {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			http.Error(w, "Payload Too Large", http.StatusRequestEntityTooLarge)
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler) // the peer is gone
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		seen := sandbox.Request{
			At: bank.Now(), Operation: operation, Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery,
			Body: string(body[:min(len(body), rememberedBody)]),
		}
		began := wall.Now()
		answer := &statusWriter{ResponseWriter: w}
		defer func() { // also when the answer is cut off
			seen.Status, seen.Duration = answer.status, wall.Now().Sub(began)
			bank.Remember(seen)
		}()
		fault := bank.Strike(operation, r.Method, r.URL.Path, string(body))
		if fault == nil {
			next.ServeHTTP(answer, r)
			return
		}
		seen.Fault = fault.Kind
		switch fault.Kind {
		case sandbox.Latency:
			if clock.Sleep(r.Context(), wall, fault.Latency) != nil {
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(answer, r)
		case sandbox.ErrorStatus:
			fail(answer, operation, fault.Status)
		case sandbox.Hang:
			_ = clock.Sleep(r.Context(), wall, hangAtMost) // ends with the client's patience
			panic(http.ErrAbortHandler)
		case sandbox.DropAfter:
			next.ServeHTTP(unheard{http.Header{}}, r)
			panic(http.ErrAbortHandler)
		default: // DropBefore
			panic(http.ErrAbortHandler)
		}
	})
}

// fail answers as the door in question words its failures.
func fail(w http.ResponseWriter, operation string, status int) {
	text := http.StatusText(status)
	if status >= http.StatusInternalServerError {
		http.Error(w, text, status) // a real wallet's are plain text
		return
	}
	var body gnapError
	body.Error.Code, body.Error.Description = strconv.Itoa(status), text
	switch operation {
	case sandbox.OpGrantRequest, sandbox.OpGrantContinue, sandbox.OpGrantCancel, sandbox.OpTokenRotate, sandbox.OpTokenRevoke:
		body.Error.Code = "request_denied"
	}
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	answer(w, status, body)
}

// statusWriter notes the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// unheard takes an answer that nobody will get.
type unheard struct{ header http.Header }

func (w unheard) Header() http.Header         { return w.header }
func (w unheard) Write(b []byte) (int, error) { return len(b), nil }
func (w unheard) WriteHeader(int)             {}
