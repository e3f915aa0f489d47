package bench

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"tianguis.example/payments/webhook"
)

// hearer is a receiver of webhooks that does what one must, and nothing else: it looks at the signature.
type hearer struct {
	server  *http.Server
	address string
	secrets webhook.Secrets

	mu          sync.Mutex
	count       int
	first, last time.Time
}

func newHearer() *hearer {
	h := &hearer{}
	h.server = &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	return h
}

// listen starts it, and returns its address.
func (h *hearer) listen(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() { _ = h.server.Serve(listener) }()
	h.address = "http://" + listener.Addr().String()
	return h.address, nil
}

func (h *hearer) close() { _ = h.server.Close() }

func (h *hearer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, webhook.MaxBody))
	if err == nil {
		err = h.secrets.Verify(r.Header, body, now())
	}
	if err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count++
	h.last = now()
	if h.count == 1 {
		h.first = h.last
	}
}

// forget counts from nothing.
func (h *hearer) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count = 0
}

// heard is how many came, and how many a second from the first to the last.
func (h *hearer) heard() (count int, second float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.count, float64(h.count-1) / max(h.last.Sub(h.first), time.Microsecond).Seconds()
}
