// Package httpclient has what a service's calls of other services of ours carry along.
package httpclient

import (
	"net/http"

	"tianguis.example/chassis/httpserver"
	"tianguis.example/chassis/logging"
)

// WithRequestID returns a copy of client that sends along the id of the request, or of the work in the background, that a call is made for: the
// log lines of both services are found by it. It is for calls of services of ours; a stranger has no use for it.
func WithRequestID(client *http.Client) *http.Client {
	carries := *client
	carries.Transport = withRequestID{client.Transport}
	return &carries
}

type withRequestID struct{ inner http.RoundTripper }

func (t withRequestID) RoundTrip(request *http.Request) (*http.Response, error) {
	if id := logging.RequestID(request.Context()); id != "" {
		request = request.Clone(request.Context()) // the contract of http.RoundTripper: the caller's request is not changed
		request.Header.Set(httpserver.RequestIDHeader, id)
	}
	return t.inner.RoundTrip(request)
}

// CloseIdleConnections lets http.Client.CloseIdleConnections through.
func (t withRequestID) CloseIdleConnections() {
	if inner, ok := t.inner.(interface{ CloseIdleConnections() }); ok {
		inner.CloseIdleConnections()
	}
}
