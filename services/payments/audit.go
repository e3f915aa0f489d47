package payments

import "time"

// Actor is who made a change.
type Actor string

// The actors.
const (
	ByMarketplace Actor = "marketplace" // through the API
	ByBuyer       Actor = "buyer"       // coming back from the wallet
	ByWorker      Actor = "worker"      // in the background
	ByOperator    Actor = "operator"    // on a page; which one, package operator keeps
)

// AuditEvent is one line of a payment's story. It is written with the change that it tells of, and never altered.
type AuditEvent struct {
	PaymentID PaymentID
	At        time.Time
	Actor     Actor
	From, To  State // equal for an intent; From is "" for the first
	Reason    Reason
	Detail    string // for people; holds no secret
	// Number counts the payment's events, from 1. The store gives it; it is 0 for those from before they were numbered.
	Number int64
}
