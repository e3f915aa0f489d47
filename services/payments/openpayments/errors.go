package openpayments

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The kinds of error, for errors.Is. Every error of a call is an *Error of one kind.
var (
	// Nothing reached the wallet.

	// ErrInvalidRequest: the parameters cannot be sent, or the wallet found the request malformed.
	ErrInvalidRequest = errors.New("the request is not valid")
	// ErrUnreachable: no connection to the wallet came about, or the caller gave up before
	// one was tried, so it was asked nothing.
	ErrUnreachable = errors.New("the wallet cannot be reached")

	// ErrNoSuchHost: there is no such host, or its address is not one that may be asked. It is an ErrUnreachable that asking again will not mend.
	ErrNoSuchHost = errors.New("there is no such host, or it may not be asked")

	// The outcome is unknown: OutcomeUnknown.

	// ErrTimeout: no whole answer within the call's deadline.
	ErrTimeout = errors.New("the wallet did not answer in time")
	// ErrConnection: the connection broke, or the caller gave up, before a whole answer.
	ErrConnection = errors.New("the connection to the wallet broke")
	// ErrServer: the wallet answered with a 5xx.
	ErrServer = errors.New("the wallet had an error of its own")
	// ErrUnexpectedAnswer: an answer that is not to be believed: a redirect, HTML, {},
	// too long, about something else than was asked.
	ErrUnexpectedAnswer = errors.New("the wallet's answer makes no sense")

	// The wallet refused, and nothing took effect.

	// ErrTooFast: continued within Continuation.Wait; wait and ask again
	// (traces/02-d-continue-too-early.json).
	ErrTooFast = errors.New("the wallet was asked too soon")
	// ErrTooManyRequests: 429; Error.RetryAfter may say when to come back.
	ErrTooManyRequests = errors.New("the wallet was asked too often")
	// ErrRequestDenied: the grant cannot be continued: not approved, declined, or
	// continued before, in which case its token is lost (traces/02-c-continue-twice.json).
	ErrRequestDenied = errors.New("the wallet denied the grant")
	// ErrInvalidContinuation: no such grant, a wrong continue token, or a wrong
	// interact_ref, in which case the grant survives (traces/02-b-wrong-interact-ref.json).
	ErrInvalidContinuation = errors.New("there is no such grant to continue")
	// ErrInvalidRotation: two rotations raced, and this one lost.
	ErrInvalidRotation = errors.New("the token cannot be rotated")
	// ErrInactiveToken: the token is unknown, expired, replaced or revoked. At a resource
	// server: rotate it. At its own manage URL: it is lost
	// (traces/02-j-token-rotation-expiry.json).
	ErrInactiveToken = errors.New("the token is not active")
	// ErrUnauthorized: beyond the grant's limit, or another receiver or asset than its
	// (traces/02-k-exceeding-limits.json, traces/05-02-receiver-limit.json).
	ErrUnauthorized = errors.New("the payment is not within the consent")
	// ErrInsufficientGrant: the grant lacks the action, or is for another wallet address.
	ErrInsufficientGrant = errors.New("the grant does not allow this")
	// ErrInvalidClient: our signature, key or client wallet address was not accepted
	// (traces/02-g-bad-signature.json).
	ErrInvalidClient = errors.New("the wallet does not accept our signature")
	// ErrInvalidQuote: the quote is used, expired, unknown or another wallet's, or its
	// receiver is complete. GET the outgoing payment to tell these apart
	// (traces/02-e-outgoing-same-quote-twice.json).
	ErrInvalidQuote = errors.New("the quote is not valid")
	// ErrInvalidAmount: another asset or scale than the wallet's, or zero.
	ErrInvalidAmount = errors.New("the wallet does not accept the amount")
	// ErrInvalidReceiver: the incoming payment is unknown, complete or expired.
	ErrInvalidReceiver = errors.New("the wallet does not accept the receiver")
	// ErrUnknownPayment: the payment that was asked for does not exist: never created,
	// or an incoming one that expired unpaid. Wallets answer 401 for it.
	ErrUnknownPayment = errors.New("there is no such payment")
	// ErrNotFound: no such wallet address, or nothing at that URL.
	ErrNotFound = errors.New("the wallet knows no such thing")
	// ErrWrongState: 409, completing what is complete.
	ErrWrongState = errors.New("the payment's state does not allow this")
	// ErrRefused: any other refusal.
	ErrRefused = errors.New("the wallet refused")
)

// Error is what every call of this package returns when it fails. Its text names no
// URL and no token, and quotes of the wallet's words only what is printable.
type Error struct {
	Op          string        // what was being done: "create quote"
	Kind        error         // one of the Err… above
	Status      int           // HTTP status; 0 without an answer
	Code        string        // the wallet's code, such as too_fast; often empty or the status
	Description string        // the wallet's words, for the log
	RetryAfter  time.Duration // from Retry-After; 0 when the wallet named none
	Err         error         // the cause; nil when the wallet's answer is the cause
}

func (e *Error) Error() string {
	var text strings.Builder
	text.WriteString(e.Op + ": " + e.Kind.Error())
	if e.Status != 0 {
		fmt.Fprintf(&text, " (%d", e.Status)
		if e.Code != "" && e.Code != strconv.Itoa(e.Status) {
			text.WriteString(" " + e.Code)
		}
		if e.Description != "" {
			text.WriteString(": " + e.Description)
		}
		text.WriteString(")")
	}
	if e.Err != nil {
		text.WriteString(": " + e.Err.Error())
	}
	return text.String()
}

// Unwrap makes errors.Is see the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// OutcomeUnknown reports whether a call that failed with err may have taken effect all
// the same. Look at the wallet before asking again. It is false for nil.
func OutcomeUnknown(err error) bool {
	return errors.Is(err, ErrTimeout) || errors.Is(err, ErrConnection) ||
		errors.Is(err, ErrServer) || errors.Is(err, ErrUnexpectedAnswer)
}
