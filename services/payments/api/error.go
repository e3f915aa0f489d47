package api

import (
	"fmt"
	"time"
)

// The codes that a caller acts on. The service has more; docs/architecture.md lists them.
const (
	CodeNotFound       = "not_found"           // no such payment or seller
	CodeInProgress     = "payment_in_progress" // the offer has a payment that money may be moving for
	CodeAlreadyPaid    = "already_paid"        // the offer is paid
	CodeHashInvalid    = "hash_invalid"        // the finish proves nothing; the right one still works
	CodeInvalidAmount  = "invalid_amount"
	CodeInvalidWallet  = "invalid_wallet_address"
	CodeWalletDown     = "wallet_unavailable"   // the wallet does not answer; try again
	CodeWalletRefused  = "wallet_refused"       // the wallet said no
	CodeTooMany        = "too_many_requests"    // nothing was done; try again after RetryAfter
	CodeBusy           = "busy"                 // too many payments are being started; nothing was done, try again after RetryAfter
	CodeUnreachable    = "payments_unreachable" // made by Client: the payments service gave no answer
	CodeUnintelligible = "payments_unintelligible"
)

// Failure is the body of every answer that is not 2xx.
type Failure struct {
	Error     string `json:"error"` // a sentence for people
	Code      string `json:"code"`  // a stable word for programs
	RequestID string `json:"requestId,omitempty"`
}

// Error is what Client returns for such an answer, or for none at all (Status 0).
type Error struct {
	Status     int
	Code       string
	Message    string        // a sentence for people
	RetryAfter time.Duration // zero when the answer names none
	Unheard    bool          // an earlier try of the same call got no answer that tells what came of it: it may have been carried out
	Err        error         // the cause, when there was no answer
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("payments service: %s: %v", e.Message, e.Err)
	}
	return fmt.Sprintf("payments service: %s (%s, %d)", e.Message, e.Code, e.Status)
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }
