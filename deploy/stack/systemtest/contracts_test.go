package systemtest

import (
	"net/http"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/openapi"
	"tianguis.example/chassis/openapi/openapitest"
	"tianguis.example/stack"
)

// contracts are below every client of these tests: whatever is asked of a stack's services, and whatever they answer, is held against the
// OpenAPI documents that they serve.
var contracts = openapitest.NewWatch(http.DefaultTransport)

// documents are those that were read, by their text: every stack of a run serves the same two, but for one of an older release.
var documents sync.Map

// documentOf is the document that the service at that address serves.
func documentOf(t *testing.T, address string) *openapitest.Document {
	t.Helper()
	got := ask(t, http.MethodGet, address+openapi.YAMLPath, "", nil)
	require.Equal(t, http.StatusOK, got.status, got.body)
	read, _ := documents.LoadOrStore(got.body, sync.OnceValues(func() (*openapitest.Document, error) { return openapitest.New([]byte(got.body)) }))
	document, err := read.(func() (*openapitest.Document, error))()
	require.NoError(t, err)
	return document
}

// watchContract holds the service at that address against the document that it serves. The release that an upgrade begins with is from before
// there was one.
func watchContract(t *testing.T, p *stack.Program) {
	t.Helper()
	if there != nil || filepath.Dir(p.Binary) == bin {
		contracts.Service(t, p.Address, documentOf(t, p.Address))
	}
}
