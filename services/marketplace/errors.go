package marketplace

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Code is a stable word for what went wrong. The doors map it to a status, each in one table.
type Code string

// The codes.
const (
	CodeNotFound        Code = "not_found"         // there is none, or none that this person may know of
	CodeForbidden       Code = "forbidden"         // this person may see it, and not do this to it
	CodeWrongState      Code = "wrong_state"       // the job is not in a state that allows it
	CodeInvalidInput    Code = "invalid_input"     // a form's or an event's content makes no sense
	CodeInvalidWallet   Code = "invalid_wallet"    // the wallet address is none, or no wallet answers there
	CodeWorkerUnpayable Code = "worker_unpayable"  // there is no worker, or the worker has no wallet address
	CodeAlreadyPaid     Code = "already_paid"      // the job is paid
	CodePaymentInFlight Code = "payment_in_flight" // money may be moving for the job now
	CodeNoConsent       Code = "no_consent"        // no payment waits for this browser to consent to it
	CodeForeignPayment  Code = "foreign_payment"   // not a payment that this marketplace started for this job
	CodeReused          Code = "webhook_id_reused" // a webhook's id came with another body before
	CodePaymentsDown    Code = "payments_down"     // the payments service or the wallet does not answer; try again
	CodeBusy            Code = "busy"              // many people are paying at the moment, and this payment was not begun; try again
	CodePaymentsRefused Code = "payments_refused"  // the payments service or the wallet said no
	CodeSignInFailed    Code = "sign_in_failed"    // no such e-mail, or another password
	CodeTooManyTries    Code = "too_many_tries"    // passwords have been guessed too often; wait
	CodeTaken           Code = "taken"             // somebody has this e-mail already
	CodeLinkExpired     Code = "link_expired"      // a link of a mail was used, or is too old, or never was one
	CodeMailOff         Code = "mail_off"          // what was asked for takes a mail, and the marketplace sends none
	CodeDisabled        Code = "account_disabled"  // an operator has closed the account
	CodeChanged         Code = "changed"           // somebody has changed the job since it was looked at
	CodeFilesDown       Code = "files_down"        // where files are kept is away, or full; try again
)

// Codes are all of them, for the tables of the doors to be tested against.
var Codes = []Code{
	CodeNotFound, CodeForbidden, CodeWrongState, CodeInvalidInput, CodeInvalidWallet, CodeWorkerUnpayable,
	CodeAlreadyPaid, CodePaymentInFlight, CodeForeignPayment, CodeReused, CodePaymentsDown, CodeBusy, CodePaymentsRefused,
	CodeSignInFailed, CodeTooManyTries, CodeTaken, CodeLinkExpired, CodeMailOff, CodeDisabled, CodeChanged, CodeFilesDown, CodeNoConsent,
}

// Error is what this package and the store return for what a caller can do something about.
type Error struct {
	Code    Code
	Message string // a sentence that may be shown to the person, in English, with verbs (%s, %d) for Args: package language translates it
	Args    []any
	Err     error // the cause, for the log

	RetryAfter time.Duration // when it may be worth trying again; zero when that is not known

	// Fields say of a form what is wrong with each of its fields, in the form's order; Message is then the first one's.
	Fields []FieldError
}

// FieldError is what is wrong with one field of a form.
type FieldError struct {
	Field string
	*Error
}

// Sentence is the message in English.
func (e *Error) Sentence() string { return fmt.Sprintf(e.Message, e.Args...) }

func (e *Error) Error() string {
	if e.Err != nil {
		return string(e.Code) + ": " + e.Sentence() + ": " + e.Err.Error()
	}
	return string(e.Code) + ": " + e.Sentence()
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf is the code of an error, or "" for one that is not ours: that one is internal.
func CodeOf(err error) Code {
	if known, ok := errors.AsType[*Error](err); ok {
		return known.Code
	}
	return ""
}

// IsAbout reports whether an error says of a form that this field is wrong.
func IsAbout(err error, field string) bool {
	known, ok := errors.AsType[*Error](err)
	return ok && slices.ContainsFunc(known.Fields, func(f FieldError) bool { return f.Field == field })
}

// ErrStale is returned by a store when what a Change was decided upon has moved on since:
// read again, decide again.
var ErrStale = errors.New("the job has changed in the meantime")

// invalid is the error of a form's content.
func invalid(sentence string, args ...any) *Error {
	return &Error{Code: CodeInvalidInput, Message: sentence, Args: args}
}

// NotFound is the error of what does not exist, or must not be known to exist.
func NotFound(sentence string) error { return &Error{Code: CodeNotFound, Message: sentence} }

// LinkExpired is the error of a link of a mail that leads nowhere, whatever the reason.
func LinkExpired() error {
	return &Error{Code: CodeLinkExpired, Message: "This link does not work any more. Each works once, and not for long. Ask for a new one."}
}
