package inbox

import _ "embed" // the document

// Document is the OpenAPI document of what programs ask of the marketplace.
//
//go:embed openapi.yaml
var Document []byte
