package sandbox

import "strings"

// Operations name what was asked, for faults, history and logs.
const (
	OpWalletAddress    = "wallet-address.get"
	OpKeys             = "wallet-address.keys"
	OpGrantRequest     = "grant.request"
	OpGrantContinue    = "grant.continue"
	OpGrantCancel      = "grant.cancel"
	OpTokenRotate      = "token.rotate"
	OpTokenRevoke      = "token.revoke"
	OpInteract         = "interaction.start"
	OpFinish           = "interaction.finish"
	OpConsentPage      = "consent.show"
	OpDecide           = "consent.decide"
	OpIncomingCreate   = "incoming-payment.create"
	OpIncomingGet      = "incoming-payment.get"
	OpIncomingList     = "incoming-payment.list"
	OpIncomingComplete = "incoming-payment.complete"
	OpQuoteCreate      = "quote.create"
	OpQuoteGet         = "quote.get"
	OpOutgoingCreate   = "outgoing-payment.create"
	OpOutgoingGet      = "outgoing-payment.get"
	OpOutgoingList     = "outgoing-payment.list"
	OpSpent            = "outgoing-payment-grant.get"
	OpSettle           = "settle" // no request: the money moving
)

// Operation names the operation of a request, or "" for what is none (pages, control, health).
func Operation(method, path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	post, del := method == "POST", method == "DELETE"
	switch first, n := parts[0], len(parts); {
	case first == "auth" && post:
		return OpGrantRequest
	case first == "continue" && post:
		return OpGrantContinue
	case first == "continue" && del:
		return OpGrantCancel
	case first == "token" && post:
		return OpTokenRotate
	case first == "token" && del:
		return OpTokenRevoke
	case first == "interact" && n == 4:
		return OpFinish
	case first == "interact":
		return OpInteract
	case first == "consent" && post:
		return OpDecide
	case first == "consent":
		return OpConsentPage
	case first == "op" && n >= 3:
		return resourceOperation(post, parts[2:])
	case first == "" || first == "control" || first == "health" || first == "ready":
		return ""
	case n == 2 && parts[1] == "jwks.json":
		return OpKeys
	case n == 1:
		return OpWalletAddress
	}
	return ""
}

func resourceOperation(post bool, parts []string) string {
	kind, one := parts[0], len(parts) > 1
	switch {
	case kind == "incoming-payments" && len(parts) == 3:
		return OpIncomingComplete
	case kind == "incoming-payments" && post:
		return OpIncomingCreate
	case kind == "incoming-payments" && one:
		return OpIncomingGet
	case kind == "incoming-payments":
		return OpIncomingList
	case kind == "quotes" && post:
		return OpQuoteCreate
	case kind == "quotes":
		return OpQuoteGet
	case kind == "outgoing-payments" && post:
		return OpOutgoingCreate
	case kind == "outgoing-payments" && one:
		return OpOutgoingGet
	case kind == "outgoing-payments":
		return OpOutgoingList
	case kind == "outgoing-payment-grant":
		return OpSpent
	}
	return ""
}
