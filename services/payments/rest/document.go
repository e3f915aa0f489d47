package rest

import _ "embed" // the document

// Document is the OpenAPI document of the service's API.
//
//go:embed openapi.yaml
var Document []byte
