// Package operator is what operators do, as it is kept: who did what to what, when, and through which door.
//
// Who changes something says so in the same transaction (package store): the desk of package outbox for webhooks and endpoints, package payments for
// sellers, package console for payments, background tasks and exports, the command line for keys. It talks to nobody.
package operator

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Door is where an operator came in.
type Door string

// The doors.
const (
	ByPage        Door = "page"
	ByAPI         Door = "api"
	ByCommandLine Door = "command line"
	BySettings    Door = "settings" // the configuration, at a start
)

// Operator is who did something, as far as that is known. A name that was typed is what they say it is: nothing proves it. The key does.
type Operator struct {
	Door Door
	Name string // what was typed as the user's name, is the command's user, or the API key's name; "" for none
	Key  string // the fingerprint of the API key that was presented (apikey.Fingerprint); "" where none is asked for
}

const maxName = 64 // characters

// Claimed is the operator with a name that they gave, as it can be kept: in one line, and not too long.
func (o Operator) Claimed(name string) Operator {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	if utf8.RuneCountInString(name) > maxName {
		name = string([]rune(name)[:maxName])
	}
	o.Name = strings.TrimSpace(name)
	return o
}

// Kind is what was done, in a stable word.
type Kind string

// The kinds.
const (
	ReplayWebhook   Kind = "webhook_replay"
	ReplayWebhooks  Kind = "webhooks_replay"
	AddEndpoint     Kind = "endpoint_add"
	ChangeEndpoint  Kind = "endpoint_change"
	EnableEndpoint  Kind = "endpoint_enable"
	DisableEndpoint Kind = "endpoint_disable"
	RemoveEndpoint  Kind = "endpoint_remove"
	PingEndpoint    Kind = "endpoint_ping"
	RotateSecret    Kind = "secret_rotate"
	ResealSecrets   Kind = "secrets_reseal"
	AddAPIKey       Kind = "apikey_create"
	RevokeAPIKey    Kind = "apikey_revoke"
	PutSeller       Kind = "seller_put"
	CancelPayment   Kind = "payment_cancel"
	LookAtPayment   Kind = "payment_look"
	ComparePayment  Kind = "payment_compare"
	Reconcile       Kind = "reconcile"
	VerifyAudit     Kind = "audit_verify"
	ExportPayments  Kind = "export_payments"
	ExportAudit     Kind = "export_audit"
	ExportFindings  Kind = "export_findings"
	ExportActions   Kind = "export_actions"
)

// Kinds are all of them.
var Kinds = []Kind{
	ReplayWebhook, ReplayWebhooks, AddEndpoint, ChangeEndpoint, EnableEndpoint, DisableEndpoint, RemoveEndpoint, PingEndpoint, RotateSecret, ResealSecrets,
	AddAPIKey, RevokeAPIKey, PutSeller,
	CancelPayment, LookAtPayment, ComparePayment, Reconcile, VerifyAudit, ExportPayments, ExportAudit, ExportFindings, ExportActions,
}

// Action is one thing that was done. It is written with the change that it tells of where that is one transaction, and before it where it is not:
// then it is an intent, of which the rest is in the payment's own events, or in the webhook's attempts. It is never altered.
type Action struct {
	Number  int64 // in the chain of all actions, from 1; the store gives it
	At      time.Time
	By      Operator
	Kind    Kind
	Subject string // the id of the payment, webhook, endpoint, seller or API key that it was done to; "" for none
	Detail  string // for people; holds no secret
}

// Filter picks actions. Fields that are not set pick all.
type Filter struct {
	Kind         Kind
	Door         Door
	Subject      string
	Since, Until time.Time // when they were done: from Since on, before Until
	Before       int64     // only those before this number, which is how the list goes on
}
