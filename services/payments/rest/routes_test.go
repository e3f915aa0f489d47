package rest_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/rest"
)

// wire is the design's table "The wire", payments, and what was added since; the key is needed for all but the first three.
var wire = []string{
	"GET /health", "GET /ready", "GET /payments/finish",
	"GET /sellers", "POST /sellers",
	"POST /offers/:offerId/quotes/start", "GET /offers/:offerId/payments",
	"GET /payments/:pendingId/status", "GET /payments/:pendingId/events", "GET /payments/pending", "POST /payments/:pendingId/cancel",
	"POST /api/payments/incoming", "POST /api/wallet/profile",
	"GET /webhooks/endpoints", "POST /webhooks/endpoints",
	"GET /webhooks/endpoints/:endpointId", "PATCH /webhooks/endpoints/:endpointId", "DELETE /webhooks/endpoints/:endpointId",
	"GET /webhooks/endpoints/:endpointId/secrets", "POST /webhooks/endpoints/:endpointId/secrets/rotate", "POST /webhooks/endpoints/:endpointId/ping",
	"GET /webhooks/deliveries", "GET /webhooks/deliveries/:webhookId", "POST /webhooks/deliveries/:webhookId/replay", "POST /webhooks/replay",
}

func TestRoutes_AreTheDesigns(t *testing.T) {
	t.Parallel()
	e := echo.New()
	rest.New(nil, nil, (*noReader)(nil), theKey, marketplace, clock.System(), discard()).Routes(e)
	routes := make([]string, 0, len(wire))
	for _, r := range e.Routes() {
		routes = append(routes, r.Method+" "+r.Path)
	}
	require.ElementsMatch(t, wire, routes)
}

// noReader is never asked.
type noReader struct{ rest.Store }

func (*noReader) Ping(context.Context) error { return nil }

func TestRoutes_NeedTheKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	for _, route := range wire[3:] {
		method, path, _ := strings.Cut(route, " ")
		path = strings.NewReplacer(":offerId", "7", ":pendingId", string(pendingID), ":endpointId", outbox.Configured, ":webhookId", "01KAR0000000000000000000WW").Replace(path)
		for name, options := range map[string][]option{
			"no key":                        nil,
			"a wrong key":                   {header("Authorization", "Bearer not"+theKey)},
			"a part of the key":             {header("Authorization", "Bearer "+theKey[:10])},
			"an empty key":                  {header("Authorization", "Bearer ")},
			"another scheme":                {header("Authorization", "Basic "+theKey)},
			"no scheme":                     {header("Authorization", theKey)},
			"a wrong key, the other header": {header("X-Api-Key", "no")},
			"both, one of them wrong":       {withKey, header("X-Api-Key", "no")},
			"in the query":                  {func(r *http.Request) { r.URL.RawQuery = "key=" + theKey + "&api_key=" + theKey }},
		} {
			got := h.ask(t, method, path, "", options...)
			require.Equal(t, http.StatusUnauthorized, got.status, "%s with %s", route, name)
			require.Equal(t, "unauthorized", got.failure(t).Code)
		}
		for name, options := range map[string][]option{
			"bearer": {withKey}, "in lower case": {header("Authorization", "bearer "+theKey)}, "X-API-Key": {header("X-API-Key", theKey)},
			"both": {withKey, header("X-Api-Key", theKey)},
		} {
			require.NotEqual(t, http.StatusUnauthorized, h.ask(t, method, path, "", options...).status, "%s with %s", route, name)
		}
	}
	require.NotContains(t, h.lines.String(), theKey)
	require.Empty(t, sellersOf(t, h))
}

func sellersOf(t *testing.T, h *house) []string {
	t.Helper()
	all, err := h.store.Sellers(t.Context())
	require.NoError(t, err)
	var ids []string
	for _, s := range all {
		ids = append(ids, s.ID)
	}
	slices.Sort(ids)
	return ids
}

// Without a key the service listens on loopback; a page of a browser there must not get in by a name that leads here.
func TestRoutes_OpenModeIsForLocalNames(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	for host, want := range map[string]int{
		"localhost": 200, "localhost:4001": 200, "127.0.0.1:4001": 200, "[::1]:4001": 200, "[::1]": 200, "127.8.8.8": 200,
		"evil.example": 401, "evil.example:4001": 401, "localhost.evil.example": 401, "127.0.0.1.evil.example": 401, "10.0.0.1": 401, "0.0.0.0:4001": 401,
	} {
		require.Equal(t, want, h.ask(t, http.MethodGet, "/sellers", "", withHost(host)).status, host)
	}
}

func TestRoutes_HealthAndReadyNeedNoKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	got := h.ask(t, http.MethodGet, "/health", "")
	require.Equal(t, http.StatusOK, got.status)
	require.JSONEq(t, `{"status":"ok","service":"payments","time":"2026-11-23T12:00:00Z"}`, got.body)
	require.Equal(t, http.StatusOK, h.ask(t, http.MethodGet, "/ready", "").status)
}

func TestRoutes_UnknownAddressesAndMethods(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	for _, options := range [][]option{nil, {withKey}} {
		for _, path := range []string{"/", "/nowhere", "/payments", "/payments/", "/offers/7", "/sellers/alice", "/api/", "/payments/01/status/more", "//sellers"} {
			got := h.ask(t, http.MethodGet, path, "", options...)
			require.Equal(t, http.StatusNotFound, got.status, path)
			require.Equal(t, "no_such_route", got.failure(t).Code)
		}
		for path, method := range map[string]string{
			"/sellers": http.MethodDelete, "/payments/finish": http.MethodPost, "/payments/pending": http.MethodPost, "/offers/7/quotes/start": http.MethodGet,
			"/api/wallet/profile": http.MethodGet,
		} {
			got := h.ask(t, method, path, "", options...)
			require.Equal(t, http.StatusMethodNotAllowed, got.status, path)
			require.Equal(t, "method_not_allowed", got.failure(t).Code)
		}
	}
}
