// Package openapi serves a service's OpenAPI 3.1 document: as it was written, as JSON, and as a page for people. The page is rendered here
// from the document, works without JavaScript, and loads nothing from elsewhere. A document holds no secret, so none of it needs a key.
package openapi

import (
	"bytes"
	_ "embed" // the page
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
	"go.yaml.in/yaml/v3"
)

// Where a document is, below the service's address.
const (
	YAMLPath  = "/openapi.yaml"
	JSONPath  = "/openapi.json"
	PagePath  = "/docs"
	stylePath = PagePath + "/style.css"
)

var (
	//go:embed page.html
	pageSource string
	//go:embed style.css
	style []byte

	pageTemplate = template.Must(template.New("page").Parse(pageSource))
)

// Document is one that can be served.
type Document struct {
	source, json, page []byte
	operations         []string
}

// New reads a document. Its error is of the document, which is part of the program.
func New(source []byte) (*Document, error) {
	var root yaml.Node
	var plain map[string]any
	if err := yaml.Unmarshal(source, &root); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	if err := root.Decode(&plain); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	if len(plain) == 0 {
		return nil, errors.New("the OpenAPI document is empty")
	}
	asJSON, err := json.Marshal(plain)
	if err != nil {
		return nil, fmt.Errorf("write the OpenAPI document as JSON: %w", err)
	}
	shown, err := view(root.Content[0])
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	if err := pageTemplate.Execute(&page, shown); err != nil {
		return nil, fmt.Errorf("render the OpenAPI document: %w", err)
	}
	d := &Document{source: source, json: asJSON, page: page.Bytes()}
	for _, o := range shown.Operations {
		d.operations = append(d.operations, o.Method+" "+o.Path)
	}
	return d, nil
}

// Operations are all that the document has, as "GET /payments/{pendingId}/status", in its order; without the webhooks that are sent.
func (d *Document) Operations() []string { return slices.Clone(d.operations) }

// Register adds the routes.
func (d *Document) Register(e *echo.Echo) {
	e.GET(YAMLPath, answer("application/yaml", d.source))
	e.GET(JSONPath, answer(echo.MIMEApplicationJSON, d.json))
	e.GET(PagePath, answer(echo.MIMETextHTMLCharsetUTF8, d.page))
	e.GET(stylePath, answer("text/css; charset=utf-8", style))
}

func answer(kind string, body []byte) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-cache")
		return c.Blob(http.StatusOK, kind, body)
	}
}

// Route is an operation's path as echo has it: "/payments/:pendingId/status".
func Route(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}
