package rest_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"tianguis.example/chassis/openapi"
	"tianguis.example/payments"
	"tianguis.example/payments/rest"
)

// The document has every route, and no other.
func TestDocument_HasEveryRoute(t *testing.T) {
	t.Parallel()
	document, err := openapi.New(rest.Document)
	require.NoError(t, err)
	var routes []string
	for _, o := range document.Operations() {
		routes = append(routes, openapi.Route(o))
	}
	require.ElementsMatch(t, wire, routes)
}

// The document has every word that programs are told, and no other of these.
func TestDocument_HasEveryWord(t *testing.T) {
	t.Parallel()
	var document struct {
		Components struct {
			Schemas struct {
				State   struct{ Enum []payments.State }  `yaml:"State"`
				Reason  struct{ Enum []payments.Reason } `yaml:"Reason"`
				Failure struct {
					Properties struct {
						Code struct{ Enum []payments.Code }
					}
				} `yaml:"Failure"`
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(rest.Document, &document))
	schemas := document.Components.Schemas
	require.ElementsMatch(t, payments.States, schemas.State.Enum)
	require.ElementsMatch(t, payments.Reasons(), schemas.Reason.Enum)
	for _, code := range payments.Codes {
		require.Contains(t, schemas.Failure.Properties.Code.Enum, code)
	}
}
