package authserver

import (
	"fmt"

	"tianguis.example/sandbox/schema"
)

// The bodies of auth-server.yaml (Open Payments 1.3.0), as far as they can be wrong.

var continueSchema = schema.Object(false,
	schema.Field{Name: "interact_ref", Rule: schema.String()},
)

var (
	uri     = schema.String(schema.Format("uri"))
	actions = func(words ...string) schema.Rule { return schema.Array(0, 99, true, schema.Enum(words...)) }

	accessKinds = []schema.Rule{
		schema.Object(true,
			schema.Field{Name: "type", Required: true, Rule: schema.Enum("incoming-payment")},
			schema.Field{Name: "actions", Required: true, Rule: actions("create", "complete", "read", "read-all", "list", "list-all")},
			schema.Field{Name: "identifier", Rule: uri},
		),
		schema.Object(true,
			schema.Field{Name: "type", Required: true, Rule: schema.Enum("outgoing-payment")},
			schema.Field{Name: "actions", Required: true, Rule: actions("create", "read", "read-all", "list", "list-all")},
			schema.Field{Name: "identifier", Required: true, Rule: uri},
			schema.Field{Name: "limits", Rule: limits},
		),
		schema.Object(true,
			schema.Field{Name: "type", Required: true, Rule: schema.Enum("quote")},
			schema.Field{Name: "actions", Required: true, Rule: actions("create", "read", "read-all")},
		),
	}

	limitFields = schema.Object(true,
		schema.Field{Name: "receiver", Rule: schema.Receiver},
		schema.Field{Name: "interval", Rule: schema.String()},
		schema.Field{Name: "debitAmount", Rule: schema.Amount},
		schema.Field{Name: "receiveAmount", Rule: schema.Amount},
	)

	key = schema.Object(false,
		schema.Field{Name: "kid", Required: true, Rule: schema.String()},
		schema.Field{Name: "alg", Required: true, Rule: schema.Enum("EdDSA")},
		schema.Field{Name: "use", Rule: schema.Enum("sig")},
		schema.Field{Name: "kty", Required: true, Rule: schema.Enum("OKP")},
		schema.Field{Name: "crv", Required: true, Rule: schema.Enum("Ed25519")},
		schema.Field{Name: "x", Required: true, Rule: schema.String(schema.Pattern("^[a-zA-Z0-9_-]+$", "^[a-zA-Z0-9-_]+$"))},
	)

	grantBody = schema.Object(false,
		schema.Field{Name: "client", Required: true, Rule: client},
		schema.Field{Name: "access_token", Rule: schema.Object(false,
			schema.Field{Name: "access", Required: true, Rule: schema.Array(0, 3, true, access)})},
		schema.Field{Name: "subject", Rule: schema.Object(false,
			schema.Field{Name: "sub_ids", Required: true, Rule: schema.Array(1, 1, false, schema.Object(false,
				schema.Field{Name: "id", Required: true, Rule: uri},
				schema.Field{Name: "format", Required: true, Rule: schema.Enum("uri")}))})},
		schema.Field{Name: "interact", Rule: schema.Object(false,
			schema.Field{Name: "start", Required: true, Rule: schema.Array(0, 99, false, schema.Enum("redirect"))},
			schema.Field{Name: "finish", Rule: schema.Object(false,
				schema.Field{Name: "method", Required: true, Rule: schema.Enum("redirect")},
				schema.Field{Name: "uri", Required: true, Rule: uri},
				schema.Field{Name: "nonce", Required: true, Rule: schema.String()})})},
	)
)

// grantSchema says what is wrong with a grant request, or "".
func grantSchema(body any) string {
	if wrong := grantBody("body", body); wrong != "" {
		return wrong
	}
	object, _ := body.(map[string]any) // its shape was just checked
	if object["access_token"] == nil && object["subject"] == nil {
		return "body must have required property 'access_token'"
	}
	return ""
}

// access is one of three kinds. What fits none is told as the validator tells it: by
// the type, whatever the trouble was (traces/05-02-receiver-limit.json).
func access(at string, value any) string {
	for _, kind := range accessKinds {
		if kind(at, value) == "" {
			return ""
		}
	}
	return at + ".type must be equal to one of the allowed values"
}

// limits take one of debitAmount and receiveAmount, not both.
func limits(at string, value any) string {
	if wrong := limitFields(at, value); wrong != "" {
		return wrong
	}
	object, _ := value.(map[string]any) // its shape was just checked
	if object["debitAmount"] != nil && object["receiveAmount"] != nil {
		return at + " must NOT have additional properties: receiveAmount"
	}
	return ""
}

// client is a wallet address, or an object with either a wallet address or a key.
func client(at string, value any) string {
	switch value := value.(type) {
	case string:
		return uri(at, value)
	case map[string]any:
		if len(value) == 1 {
			if address, ok := value["walletAddress"]; ok {
				return uri(at+".walletAddress", address)
			}
			if jwk, ok := value["jwk"]; ok {
				return key(at+".jwk", jwk)
			}
		}
	}
	return fmt.Sprintf("%s must match exactly one schema in oneOf", at)
}
