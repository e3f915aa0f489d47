package payments

import (
	"errors"
	"fmt"
	"time"
)

// Code is a stable word for programs.
type Code string

// The codes. Package rest has the HTTP status of each.
const (
	CodeNotFound       Code = "not_found"
	CodeInvalidRequest Code = "invalid_request"
	CodeInvalidAmount  Code = "invalid_amount"
	CodeInvalidWallet  Code = "invalid_wallet_address"
	CodeUnknownSeller  Code = "unknown_seller"
	CodeInvalidKey     Code = "invalid_key"
	CodeNoIdentity     Code = "no_client_identity"
	CodeInProgress     Code = "payment_in_progress"
	CodeAlreadyPaid    Code = "already_paid"
	CodeWrongState     Code = "wrong_state"
	CodeHashInvalid    Code = "hash_invalid"
	CodeNotApproved    Code = "not_approved"
	CodeQuoteTooDear   Code = "quote_too_dear"
	CodeWalletDown     Code = "wallet_unavailable"
	CodeWalletTimeout  Code = "wallet_timeout"
	CodeWalletRefused  Code = "wallet_refused"
	CodeBusy           Code = "busy"
)

// Codes are all of them.
var Codes = []Code{
	CodeNotFound, CodeInvalidRequest, CodeInvalidAmount, CodeInvalidWallet, CodeUnknownSeller, CodeInvalidKey,
	CodeNoIdentity, CodeInProgress, CodeAlreadyPaid, CodeWrongState, CodeHashInvalid, CodeNotApproved,
	CodeQuoteTooDear, CodeWalletDown, CodeWalletTimeout, CodeWalletRefused, CodeBusy,
}

// Error is the one error type of the service: a code for programs, a sentence for people, a cause for the log.
type Error struct {
	Code       Code
	Message    string        // says what to do; names nothing internal
	RetryAfter time.Duration // when it may be worth trying again; zero when that is not known
	Err        error
}

// Errorf makes an Error without a cause.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s (%s): %v", e.Message, e.Code, e.Err)
	}
	return fmt.Sprintf("%s (%s)", e.Message, e.Code)
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf is the code of err, or "" when it has none.
func CodeOf(err error) Code {
	if known, ok := errors.AsType[*Error](err); ok {
		return known.Code
	}
	return ""
}

// What a store says, beside the errors of its database.
var (
	// ErrStale: the row has moved on since it was read.
	ErrStale = errors.New("the payment has moved on")
	// ErrOfferTaken: the offer has a payment that lives or is paid.
	ErrOfferTaken = errors.New("the offer has another payment")
	// ErrUnknown: there is no such row.
	ErrUnknown = errors.New("there is no such row")
)
