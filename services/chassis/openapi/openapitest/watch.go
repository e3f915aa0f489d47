package openapitest

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"sync"
	"testing"
)

// Watch is a transport that holds what goes between a test and its services against their documents, and changes none of it.
type Watch struct {
	inner http.RoundTripper

	mu       sync.RWMutex
	services map[string]watched // by host and port
}

type watched struct {
	t        testing.TB
	document *Document
}

// NewWatch makes one that sends through inner.
func NewWatch(inner http.RoundTripper) *Watch {
	return &Watch{inner: inner, services: map[string]watched{}}
}

// Service lets t fail whenever the service at that address is asked or answers what its document does not have, until the end of t.
func (w *Watch) Service(t testing.TB, address string, document *Document) {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.services[at.Host] = watched{t, document}
	t.Cleanup(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.services[at.Host].t == t { // the port may be somebody else's by now
			delete(w.services, at.Host)
		}
	})
}

// RoundTrip sends the request.
func (w *Watch) RoundTrip(request *http.Request) (*http.Response, error) {
	w.mu.RLock()
	service, known := w.services[request.URL.Host]
	w.mu.RUnlock()
	if !known {
		return w.inner.RoundTrip(request)
	}
	sent := &recording{}
	response, err := w.inner.RoundTrip(sent.of(request))
	if err != nil {
		return response, err
	}
	if item, _ := service.document.operation(request); item == nil && !isJSON(response) {
		return response, nil // a page or a file, which may be long
	}
	answer, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	response.Body = io.NopCloser(io.MultiReader(bytes.NewReader(answer), broken{err}))
	if err != nil {
		return response, nil // it broke off, which is the caller's to see
	}
	// The lock is held while it is told, so that the test has not ended meanwhile.
	w.mu.RLock()
	defer w.mu.RUnlock()
	if s, known := w.services[request.URL.Host]; known {
		if err := s.document.Exchange(request, sent.bytes(), response, answer); err != nil {
			s.t.Errorf("the OpenAPI document is broken: %v", err)
		}
	}
	return response, nil
}

// CloseIdleConnections closes those of the transport below.
func (w *Watch) CloseIdleConnections() {
	if inner, ok := w.inner.(interface{ CloseIdleConnections() }); ok {
		inner.CloseIdleConnections()
	}
}

// broken is the end of an answer: where it broke off, or io.EOF.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	return 0, io.EOF
}

// recording is what was sent of a request's body. The transport may still read the body when the answer is there.
type recording struct {
	mu   sync.Mutex
	sent bytes.Buffer
}

// of is the request, with its body recorded as it is sent.
func (r *recording) of(request *http.Request) *http.Request {
	if request.Body == nil || request.Body == http.NoBody {
		return request
	}
	recorded := request.Clone(request.Context())
	recorded.Body = r.body(request.Body)
	if request.GetBody != nil { // for a transport that has to send it again, on another connection
		recorded.GetBody = func() (io.ReadCloser, error) {
			again, err := request.GetBody()
			if err != nil {
				return nil, err
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.sent.Reset()
			return r.body(again), nil
		}
	}
	return recorded
}

func (r *recording) body(inner io.ReadCloser) io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{io.TeeReader(inner, r), inner}
}

func (r *recording) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sent.Write(p)
}

func (r *recording) bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.sent.Bytes())
}
