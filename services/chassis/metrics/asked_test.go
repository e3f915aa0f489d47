package metrics_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/metrics"
)

func scrape(t *testing.T, r *metrics.Registry) string {
	t.Helper()
	answer := httptest.NewRecorder()
	r.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, answer.Code)
	return answer.Body.String()
}

func TestAsked_OnceInAWhileAndLeftOutWhileNobodyAnswers(t *testing.T) {
	t.Parallel()
	held := clock.NewHeld(time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC))
	r := metrics.New("test", "1")
	asked, down := 0, false
	r.AddAsked(held, slog.New(slog.DiscardHandler), []metrics.Gauge{{Name: "waiting", Help: "h", Labels: []string{"state"}}, {Name: "oldest", Help: "h"}},
		func(ctx context.Context) ([]metrics.Reading, error) {
			_, bounded := ctx.Deadline()
			require.True(t, bounded, "a database that hangs must not hold up the scrape")
			if asked++; down {
				return nil, errors.New("the database is down")
			}
			return []metrics.Reading{{Name: "waiting", Labels: []string{"here"}, Value: float64(asked)}, {Name: "oldest", Value: 7}}, nil
		})
	require.Contains(t, scrape(t, r), `waiting{state="here"} 1`)
	require.Contains(t, scrape(t, r), `waiting{state="here"} 1`, "the answer serves for a while")
	require.Equal(t, 1, asked)
	held.Advance(5 * time.Second)
	require.Contains(t, scrape(t, r), `waiting{state="here"} 2`)

	down = true
	held.Advance(5 * time.Second)
	body := scrape(t, r)
	require.NotContains(t, body, "waiting{", "what is not known is not told")
	require.NotContains(t, body, "oldest ")
	require.Contains(t, body, "tianguis_build_info", "and the rest is")
	down = false
	held.Advance(5 * time.Second)
	require.Contains(t, scrape(t, r), "oldest 7")
}

func TestRequests_WhoIsRefusedAtWhichDoor(t *testing.T) {
	t.Parallel()
	r := metrics.New("test", "1")
	m := metrics.NewRequests(r, func(route, method string, status int) string {
		if route == "/in" && method == http.MethodPost && status == http.StatusForbidden {
			return "front"
		}
		return ""
	}, "front", "back")
	require.Contains(t, scrape(t, r), `tianguis_refused_total{door="front"} 0`, "there from the start: the first refusal is an increase")
	m.Answered("/in", http.MethodPost, http.StatusForbidden, time.Second)
	m.Answered("/in", http.MethodPost, http.StatusOK, time.Second)
	m.Answered("", http.MethodPost, http.StatusNotFound, time.Second)
	m.Answered("/in", "BREW", http.StatusForbidden, time.Second)
	body := scrape(t, r)
	require.Contains(t, body, `tianguis_refused_total{door="front"} 1`)
	require.Contains(t, body, `tianguis_refused_total{door="back"} 0`)
	require.Contains(t, body, `tianguis_http_request_duration_seconds_count{method="POST",route="none",status="4xx"} 1`)
	require.Contains(t, body, `tianguis_http_request_duration_seconds_count{method="other",route="/in",status="4xx"} 1`)
}
