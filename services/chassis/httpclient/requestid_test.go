package httpclient_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/httpclient"
	"tianguis.example/chassis/httpserver"
	"tianguis.example/chassis/logging"
)

func TestWithRequestID(t *testing.T) {
	t.Parallel()
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get(httpserver.RequestIDHeader))
	}))
	t.Cleanup(server.Close)
	client := httpclient.WithRequestID(&http.Client{Transport: http.DefaultTransport})
	for _, id := range []string{"01KAR4X9QZ7V8W2N5T3M6B1C0D", ""} {
		ctx := t.Context()
		if id != "" {
			ctx = logging.WithRequestID(ctx, id)
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, http.NoBody)
		require.NoError(t, err)
		answer, err := client.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Empty(t, request.Header, "the caller's request stays as it was")
	}
	require.Equal(t, []string{"01KAR4X9QZ7V8W2N5T3M6B1C0D", ""}, got)
}
