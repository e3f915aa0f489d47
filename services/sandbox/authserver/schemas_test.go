package authserver

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/sandbox/schema"
)

func TestGrantSchema(t *testing.T) {
	t.Parallel()
	const (
		quote  = `{"type":"quote","actions":["create","read"]}`
		wrong  = "body.access_token.access.0.type must be equal to one of the allowed values"
		client = `"client":"http://localhost:4100/shop"`
	)
	outgoing := func(limits string) string {
		return `{"type":"outgoing-payment","actions":["create"],"identifier":"http://localhost:4100/a","limits":` + limits + `}`
	}
	body := func(access string) string { return `{"access_token":{"access":[` + access + `]},` + client + `}` }
	for in, want := range map[string]string{
		body(quote): "",
		body(outgoing(`{"debitAmount":{"value":"1","assetCode":"USD","assetScale":2},"receiver":"http://x/incoming-payments/1"}`)): "",
		body(outgoing(`{}`)):                                                               "",
		body(outgoing(`{"receiver":"http://x/pfry"}`)):                                     wrong,
		body(outgoing(`{"maximum":1}`)):                                                    wrong,
		body(outgoing(`{"debitAmount":{"value":"1"}}`)):                                    wrong,
		body(outgoing(`{"debitAmount":{"value":"1","assetCode":"USD","assetScale":256}}`)): wrong,
		body(outgoing(`{"debitAmount":{"value":"1","assetCode":"USD","assetScale":2},"receiveAmount":{"value":"1","assetCode":"USD","assetScale":2}}`)): wrong,
		body(`{"type":"outgoing-payment","actions":["create"]}`): wrong, // no identifier
		body(`{"type":"quote","actions":["list"]}`):              wrong,
		body(`{"type":"mischief","actions":[]}`):                 wrong,
		body(quote + "," + quote):                                "body.access_token.access must NOT have duplicate items (items ## 0 and 1 are identical)",
		`{` + client + `}`:                                       "body must have required property 'access_token'",
		`{"access_token":{"access":[]}}`:                         "body must have required property 'client'",
		`[]`:                                                     "body must be object",
		`{"access_token":{"access":{}},` + client + `}`:          "body.access_token.access must be array",
		`{"access_token":{"access":[]},"client":7}`:              "body.client must match exactly one schema in oneOf",
		`{"access_token":{"access":[]},"client":"shop"}`:         `body.client must match format "uri"`,
		`{"access_token":{"access":[]},"client":{"walletAddress":"http://localhost/a"}}`:                                                   "",
		`{"access_token":{"access":[]},"client":{"jwk":{"kid":"k"}}}`:                                                                      "body.client.jwk must have required property 'alg'",
		`{"access_token":{"access":[]},"interact":{"start":["app"]},` + client + `}`:                                                       "body.interact.start.0 must be equal to one of the allowed values",
		`{"access_token":{"access":[]},"interact":{"start":["redirect"],"finish":{"method":"redirect","uri":"http://a/"}},` + client + `}`: "body.interact.finish must have required property 'nonce'",
		`{"subject":{"sub_ids":[]},` + client + `}`:                                                                                        "body.subject.sub_ids must NOT have fewer than 1 items",
	} {
		value, err := schema.Parse([]byte(in))
		require.NoError(t, err, in)
		require.Equal(t, want, grantSchema(value), in)
	}
	_, err := schema.Parse([]byte(body(quote) + "{}"))
	require.Error(t, err)
	_, err = schema.Parse([]byte(strings.TrimSuffix(body(quote), "}")))
	require.Error(t, err)
}
