package openapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/openapi"
)

const source = `
openapi: 3.1.0
info: {title: Shop, version: '1', description: 'Sells <b>things</b>.'}
paths:
  /things/{id}:
    parameters: [{$ref: '#/components/parameters/Id'}]
    get:
      operationId: getThing
      summary: A thing
      responses:
        '200': {$ref: '#/components/responses/Thing'}
components:
  parameters: {Id: {name: id, in: path, required: true, description: Its number.}}
  responses:
    Thing:
      description: The thing.
      content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}, example: {name: lamp}}}
  schemas: {Thing: {type: object}}
`

func TestDocument_IsServed(t *testing.T) {
	t.Parallel()
	d, err := openapi.New([]byte(source))
	require.NoError(t, err)
	require.Equal(t, []string{"GET /things/{id}"}, d.Operations())
	e := echo.New()
	d.Register(e)
	get := func(path string) *httptest.ResponseRecorder {
		answer := httptest.NewRecorder()
		e.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
		require.Equal(t, http.StatusOK, answer.Code, path)
		require.Contains(t, answer.Header().Get("Content-Security-Policy"), "default-src 'none'", path)
		return answer
	}
	require.Equal(t, source, get(openapi.YAMLPath).Body.String())
	var asJSON map[string]any
	require.NoError(t, json.Unmarshal(get(openapi.JSONPath).Body.Bytes(), &asJSON))
	require.Equal(t, "3.1.0", asJSON["openapi"])
	page := get(openapi.PagePath).Body.String()
	for _, told := range []string{"/things/{id}", "Its number.", "The thing.", "name: lamp", `href="#schema-Thing"`, "Sells &lt;b&gt;things"} {
		require.Contains(t, page, told)
	}
	require.NotContains(t, page, "<script")
	get("/docs/style.css")
}

func TestNew_RefusesWhatIsNoDocument(t *testing.T) {
	t.Parallel()
	_, err := openapi.New([]byte("a: [b"))
	require.Error(t, err)
	_, err = openapi.New([]byte("paths: {/a: {get: {responses: {'200': {$ref: '#/components/responses/None'}}}}}"))
	require.ErrorContains(t, err, "responses/None")
}
