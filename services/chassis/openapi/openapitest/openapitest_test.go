package openapitest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/openapi/openapitest"
)

const document = `
openapi: 3.1.0
info: {title: Jobs, version: 1.0.0}
paths:
  /jobs/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    get:
      responses:
        '200': {description: It., content: {application/json: {schema: {$ref: '#/components/schemas/Job'}}}}
        4XX: {description: None., content: {application/json: {schema: {$ref: '#/components/schemas/Failure'}}}}
    put:
      requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/Job'}}}}
      responses:
        '204': {description: Kept.}
        4XX: {description: Refused., content: {application/json: {schema: {$ref: '#/components/schemas/Failure'}}}}
webhooks:
  job:
    post:
      parameters: [{name: webhook-id, in: header, required: true, schema: {type: string}}]
      requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/Job'}}}}
      responses: {2XX: {description: Taken.}}
components:
  schemas:
    Job: {type: object, required: [id, at], properties: {id: {type: string}, at: {type: string, format: date-time}}}
    Failure: {type: object, required: [code], properties: {code: {type: string, enum: [not_found, invalid]}}}
`

func read(t *testing.T) *openapitest.Document {
	t.Helper()
	d, err := openapitest.New([]byte(document))
	require.NoError(t, err)
	return d
}

// overheard is a test that is told of failures, and does not fail.
type overheard struct {
	testing.TB
	failures []string
}

func (o *overheard) Errorf(format string, arguments ...any) {
	o.failures = append(o.failures, fmt.Sprintf(format, arguments...))
}

// What is said and answered rightly is passed on untouched; what is not makes the test fail, and is passed on too.
func TestWatch(t *testing.T) {
	t.Parallel()
	const good = `{"id":"7","at":"2026-11-23T12:00:00Z"}`
	for name, c := range map[string]struct {
		method, path, sent string
		status             int
		kind, answer       string
		wrong              string // "" where all is well
	}{
		"as documented":               {http.MethodGet, "/jobs/7", "", 200, "application/json", good, ""},
		"refused as documented":       {http.MethodGet, "/jobs/7", "", 404, "application/json", `{"code":"not_found"}`, ""},
		"sent as documented":          {http.MethodPut, "/jobs/7", good, 204, "", "", ""},
		"a refused request is free":   {http.MethodPut, "/jobs/7", `{"id":7}`, 400, "application/json", `{"code":"invalid"}`, ""},
		"more than was asked":         {http.MethodPut, "/jobs/7", `{"id":"7","at":"2026-11-23T12:00:00Z","more":1}`, 204, "", "", ""},
		"a page":                      {http.MethodGet, "/jobs", "", 200, "text/html", "<h1>Jobs</h1>", ""},
		"another method":              {http.MethodDelete, "/jobs/7", "", 405, "application/json", `{"code":"method_not_allowed"}`, ""},
		"a field is missing":          {http.MethodGet, "/jobs/7", "", 200, "application/json", `{"id":"7"}`, "at"},
		"a field of another type":     {http.MethodGet, "/jobs/7", "", 200, "application/json", `{"id":7,"at":"2026-11-23T12:00:00Z"}`, "string"},
		"a time that is none":         {http.MethodGet, "/jobs/7", "", 200, "application/json", `{"id":"7","at":"yesterday"}`, "date-time"},
		"a field that is not listed":  {http.MethodGet, "/jobs/7", "", 200, "application/json", `{"id":"7","at":"2026-11-23T12:00:00Z","secret":"s"}`, "secret"},
		"a word that is not listed":   {http.MethodGet, "/jobs/7", "", 404, "application/json", `{"code":"gone"}`, "code"},
		"a status that is not listed": {http.MethodGet, "/jobs/7", "", 500, "application/json", `{"code":"internal"}`, "500"},
		"not JSON":                    {http.MethodGet, "/jobs/7", "", 200, "text/plain", "seven", "text/plain"},
		"no JSON in it":               {http.MethodGet, "/jobs/7", "", 200, "application/json", "seven", "decoded"},
		"a bad request that is taken": {http.MethodPut, "/jobs/7", `{"id":7,"at":"2026-11-23T12:00:00Z"}`, 204, "", "", "string"},
		"no body, and taken":          {http.MethodPut, "/jobs/7", "", 204, "", "", "body"},
		"a path that is not listed":   {http.MethodGet, "/people", "", 200, "application/json", "[]", "not in the document"},
		"a method that is not listed": {http.MethodPost, "/jobs/7", "", 200, "application/json", "{}", "not in the document"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				came, err := io.ReadAll(r.Body)
				if err != nil || string(came) != c.sent {
					w.WriteHeader(http.StatusTeapot)
					return
				}
				w.Header().Set("Content-Type", c.kind)
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.answer)
			}))
			t.Cleanup(server.Close)
			watch, heard := openapitest.NewWatch(http.DefaultTransport), &overheard{TB: t}
			watch.Service(heard, server.URL, read(t))
			request, err := http.NewRequestWithContext(t.Context(), c.method, server.URL+c.path, strings.NewReader(c.sent))
			require.NoError(t, err)
			request.Header.Set("Content-Type", "application/json")
			response, err := (&http.Client{Transport: watch}).Do(request)
			require.NoError(t, err)
			defer func() { _ = response.Body.Close() }()
			answer, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.Equal(t, c.status, response.StatusCode)
			require.Equal(t, c.answer, string(answer))
			if c.wrong == "" {
				require.Empty(t, heard.failures)
				return
			}
			require.Len(t, heard.failures, 1)
			require.Contains(t, heard.failures[0], c.wrong)
		})
	}
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	send := func(body string, header ...string) error {
		request := httptest.NewRequest(http.MethodPost, "/hook", http.NoBody)
		request.Header.Set("Content-Type", "application/json")
		for _, h := range header {
			request.Header.Set(h, "1")
		}
		return read(t).Webhook("job", request, []byte(body))
	}
	require.NoError(t, send(`{"id":"7","at":"2026-11-23T12:00:00Z"}`, "webhook-id"))
	require.ErrorContains(t, send(`{"id":"7","at":"2026-11-23T12:00:00Z"}`), "webhook-id")
	require.ErrorContains(t, send(`{"id":"7"}`, "webhook-id"), "at")
	require.ErrorContains(t, read(t).Webhook("none", httptest.NewRequest(http.MethodPost, "/", http.NoBody), nil), "none")
}

func TestNew_RefusesWhatIsNoDocument(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"", "{}", "openapi: 3.1.0", "openapi: 3.1.0\ninfo: {title: x, version: '1'}\npaths: {/x: {get: {responses: [1]}}}"} {
		_, err := openapitest.New([]byte(source))
		require.Error(t, err, source)
	}
}
