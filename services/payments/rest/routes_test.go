package rest_test

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments"
	"tianguis.example/payments/apikey"
	"tianguis.example/payments/operator"
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
	rest.New(nil, nil, (*noReader)(nil), rest.Options{Gate: gateOf(t, theKey, clock.System())}, clock.System(), discard()).Routes(e)
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

// TestRoutes_EachKeyMayDoWhatItsScopeSays: the rest is refused in words, and in the header of RFC 6750, that say which scope is needed.
func TestRoutes_EachKeyMayDoWhatItsScopeSays(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey+" read:the-key-that-looks pay:the-key-that-pays")
	needs := map[string]string{}
	for _, route := range wire[2:] {
		method, _, _ := strings.Cut(route, " ")
		needs[route] = "read"
		if method != http.MethodGet {
			needs[route] = "pay"
		}
		if strings.Contains(route, "/webhooks/") && method != http.MethodGet {
			needs[route] = "admin"
		}
	}
	needs["GET /payments/finish"] = "pay"
	require.Equal(t, needs, documentedScopes(t), "openapi.yaml says the same")
	for route, need := range needs {
		method, path, _ := strings.Cut(route, " ")
		path = strings.NewReplacer(":offerId", "7", ":pendingId", string(pendingID), ":endpointId", outbox.Configured, ":webhookId", "01KAR0000000000000000000WW").Replace(path)
		for has, key := range map[string]string{"read": "the-key-that-looks", "pay": "the-key-that-pays", "admin": theKey} {
			got := h.ask(t, method, path, "", header("Authorization", "Bearer "+key))
			if apikey.Scope(has).Includes(apikey.Scope(need)) {
				require.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, got.status, "%s with %s", route, has)
				continue
			}
			require.Equal(t, http.StatusForbidden, got.status, "%s with %s", route, has)
			require.Equal(t, "insufficient_scope", got.failure(t).Code)
			require.Contains(t, got.failure(t).Error, "needs "+need)
			require.Equal(t, `Bearer realm="Tianguis payments", error="insufficient_scope", scope="`+need+`"`, got.header.Get("WWW-Authenticate"))
		}
	}
	require.Contains(t, h.lines.String(), `"security":"insufficient_scope"`)
}

// documentedScopes are those that the document names, by route.
func documentedScopes(t *testing.T) map[string]string {
	t.Helper()
	var document struct {
		Paths map[string]map[string]yaml.Node // a path has parameters beside its operations
	}
	require.NoError(t, yaml.Unmarshal(rest.Document, &document))
	parameter := regexp.MustCompile(`\{(\w+)\}`)
	scopes := map[string]string{}
	for path, all := range document.Paths {
		for method, node := range all {
			var operation struct{ Security []map[string][]string }
			if node.Kind != yaml.MappingNode {
				continue
			}
			require.NoError(t, node.Decode(&operation))
			for _, one := range operation.Security {
				for _, named := range one {
					scopes[strings.ToUpper(method)+" "+parameter.ReplaceAllString(path, ":$1")] = strings.Join(named, " ")
				}
			}
		}
	}
	return scopes
}

// A key that pays says who is paid, but not with which file; and leaves sellers alone that have a key of their own.
func TestSellers_ThoseWithAKeyOfTheirOwnNeedAdmin(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey+" pay:the-key-that-pays")
	pays := header("Authorization", "Bearer the-key-that-pays")
	post := func(body string, key option) int { return h.ask(t, http.MethodPost, "/sellers", body, key).status }
	require.Equal(t, http.StatusCreated, post(`{"id":"alice","walletAddressUrl":"https://wallet.example/alice"}`, pays))
	require.Equal(t, http.StatusCreated, post(`{"id":"alice","walletAddressUrl":"https://wallet.example/moved"}`, pays))
	for _, own := range []string{`"keyId":"k","privateKeyPath":"a.pem"`, `"keyId":"k"`, `"privateKeyPath":"a.pem"`} {
		require.Equal(t, http.StatusForbidden, post(`{"id":"bob","walletAddressUrl":"https://wallet.example/bob",`+own+`}`, pays), own)
		require.Equal(t, http.StatusBadRequest, post(`{"id":"bob","walletAddressUrl":"https://wallet.example/bob",`+own+`}`, withKey), "%s: there is no such file here", own)
	}
	require.NoError(t, h.store.PutSeller(t.Context(), payments.Seller{ID: "keyed", WalletAddressURL: "https://wallet.example/keyed", KeyID: "k", PrivateKeyPath: "a.pem", CreatedAt: at, UpdatedAt: at}, nil))
	require.Equal(t, http.StatusForbidden, post(`{"id":"keyed","walletAddressUrl":"https://evil.example/me"}`, pays))
	known, err := h.store.Seller(t.Context(), "keyed")
	require.NoError(t, err)
	require.Equal(t, "https://wallet.example/keyed", known.WalletAddressURL)
	require.Equal(t, http.StatusCreated, post(`{"id":"keyed","walletAddressUrl":"https://wallet.example/elsewhere"}`, withKey))
	require.Equal(t, []string{"alice", "keyed"}, sellersOf(t, h))

	told, err := h.store.Actions(t.Context(), operator.Filter{Kind: operator.PutSeller}, 10)
	require.NoError(t, err)
	require.Len(t, told, 3)
	require.Equal(t, operator.Operator{Door: operator.ByAPI, Name: apikey.Configured, Key: apikey.Fingerprint("the-key-that-pays")}, told[2].By)
	require.Equal(t, "is paid at https://wallet.example/moved", told[1].Detail)
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
