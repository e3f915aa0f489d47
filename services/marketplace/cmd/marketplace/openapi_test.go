package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/openapi"
	"tianguis.example/marketplace/inbox"
)

// The document has every route that programs ask, and none that there is not.
func TestDocument_HasEveryRouteOfPrograms(t *testing.T) {
	t.Parallel()
	m := start(t)
	document, err := openapi.New(inbox.Document)
	require.NoError(t, err)
	var routes []string
	for _, r := range m.echo.Routes() {
		forPrograms := strings.HasPrefix(r.Path, "/api/") || strings.HasSuffix(r.Path, "/status") || r.Path == "/health" || r.Path == "/ready"
		if forPrograms && (r.Method == http.MethodGet || r.Method == http.MethodPost) {
			routes = append(routes, r.Method+" "+r.Path)
		}
	}
	var documented []string
	for _, o := range document.Operations() {
		documented = append(documented, openapi.Route(o))
	}
	require.ElementsMatch(t, routes, documented)
	require.Equal(t, http.StatusOK, m.browser().get(openapi.PagePath).StatusCode)
}
