// Package openapitest holds what goes over the wire against a service's OpenAPI document. It is for tests: no service links it.
package openapitest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	problems "github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi-validator/helpers"
	"github.com/pb33f/libopenapi-validator/paths"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"go.yaml.in/yaml/v3"

	"tianguis.example/chassis/openapi"
)

// Document is an OpenAPI document that requests, answers and webhooks are held against.
type Document struct {
	model    *v3.Document
	requests validator.Validator
	answers  validator.Validator
	options  *config.ValidationOptions // for finding the operation of a request
}

// New reads a document. Its error is of the document, which must also be what OpenAPI says that documents are.
func New(source []byte) (*Document, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(source, &root); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	bareReferences(&root)
	bare, err := yaml.Marshal(&root)
	if err != nil {
		return nil, fmt.Errorf("write the OpenAPI document: %w", err)
	}
	document, err := libopenapi.NewDocument(bare)
	if err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	model, err := document.BuildV3Model()
	if err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	// A service on loopback may have no key, so that a request without one may be good; who is refused without one, other tests ask.
	loose := []config.Option{config.WithFormatAssertions(), config.WithoutSecurityValidation(), config.WithRejectUndeclaredRequestBody()}
	d := &Document{model: &model.Model, requests: validator.NewValidatorFromV3Model(&model.Model, loose...)}
	// A caller may send further fields, and the services leave them alone. What they answer themselves is all in the document.
	d.answers = validator.NewValidatorFromV3Model(&model.Model, append(loose, config.WithStrictMode(), config.WithStrictIgnoredHeadersExtra(unlisted...))...)
	d.options = config.NewValidationOptions(loose...)
	whole, errs := validator.NewValidator(document)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if _, found := whole.ValidateDocument(); len(found) > 0 {
		return nil, fmt.Errorf("the OpenAPI document is not one: %w", told(found))
	}
	return d, nil
}

// bareReferences takes the description away that stands beside a $ref. It says nothing about what is sent, and the validator's strict mode does
// not follow a reference with something beside it.
func bareReferences(n *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		at := func(name string) int {
			for i := 0; i < len(n.Content); i += 2 {
				if n.Content[i].Value == name {
					return i
				}
			}
			return -1
		}
		if i := at("description"); i >= 0 && at("$ref") >= 0 {
			n.Content = slices.Delete(n.Content, i, i+2)
		}
	}
	for _, child := range n.Content {
		bareReferences(child)
	}
}

// unlisted are headers of every answer, which no operation lists: what keeps browsers safe, and what is the matter of HTTP.
var unlisted = []string{
	"Allow", "Cache-Control", "Content-Security-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Permissions-Policy", "Referrer-Policy",
	"Strict-Transport-Security", "Vary", "Www-Authenticate", "X-Content-Type-Options", "X-Frame-Options",
}

// Exchange returns what of an answer, or of the request that a service has taken, is not as the document says. A request that was refused
// is nobody's promise. What the document has no operation for is somebody else's, such as a page; but it may not be answered in JSON, as if it were one.
func (d *Document) Exchange(request *http.Request, body []byte, response *http.Response, answer []byte) error {
	asked := request.Clone(request.Context())
	asked.Body = io.NopCloser(bytes.NewReader(body))
	item, path := d.operation(asked)
	taken := response.StatusCode < http.StatusBadRequest
	if item == nil {
		if taken && isJSON(response) && request.URL.Path != openapi.JSONPath {
			return fmt.Errorf("%s %s is answered in JSON, and is not in the document", request.Method, request.URL.Path)
		}
		return nil
	}
	var found []*problems.ValidationError
	if taken {
		_, found = d.requests.ValidateHttpRequestSyncWithPathItem(asked, item, path)
	}
	said := *response
	said.Body = io.NopCloser(bytes.NewReader(answer))
	_, wrong := d.answers.GetResponseBodyValidator().ValidateResponseBodyWithPathItem(asked, &said, item, path)
	if found = append(found, wrong...); len(found) == 0 {
		return nil
	}
	return fmt.Errorf("%s %s, answered with %d %.2000s, is not as the document says: %w", request.Method, path, response.StatusCode, answer, told(found))
}

// operation finds what the document says about a request: nil when it has nothing.
func (d *Document) operation(request *http.Request) (*v3.PathItem, string) {
	item, _, path := paths.FindPath(request, d.model, d.options)
	if item == nil || helpers.ExtractOperation(request, item) == nil {
		return nil, ""
	}
	return item, path
}

func isJSON(response *http.Response) bool {
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}

// Webhook returns what of a webhook that the service has sent is not as the document says under that name.
func (d *Document) Webhook(name string, request *http.Request, body []byte) error {
	if d.model.Webhooks == nil || d.model.Webhooks.GetOrZero(name) == nil {
		return fmt.Errorf("the document has no webhook %q", name)
	}
	sent := request.Clone(request.Context())
	sent.Body = io.NopCloser(bytes.NewReader(body))
	if _, found := d.requests.ValidateHttpRequestSyncWithPathItem(sent, d.model.Webhooks.GetOrZero(name), request.URL.Path); len(found) > 0 {
		return fmt.Errorf("the webhook %.2000s is not as the document says: %w", body, told(found))
	}
	return nil
}

// told are the findings as one error.
func told(found []*problems.ValidationError) error {
	var all []error
	for _, f := range found {
		all = append(all, errors.New(f.Error()))
	}
	return errors.Join(all...)
}
