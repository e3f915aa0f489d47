package sandbox

// Error is a refusal that a caller can act on: the words and codes of a real wallet.
// The values below are compared by identity; the servers give each its status.
type Error struct {
	Code        string // GNAP code, or a name for a resource server's refusal, which has none
	Description string // what the wallet says, word for word
}

// Error is the description.
func (e *Error) Error() string { return e.Description }

// What the auth server refuses. Descriptions are those of the recorded traces.
var (
	ErrNoTenant           = &Error{"invalid_request", "Not Found"}
	ErrNeedsInteract      = &Error{"invalid_request", "missing required request field 'interact'"}
	ErrKeyCannotInteract  = &Error{"invalid_client", "JWK client identifier cannot be used for interactive grants"}
	ErrInvalidGrant       = &Error{"invalid_continuation", "invalid grant"}
	ErrGrantNotFound      = &Error{"invalid_continuation", "grant not found"}
	ErrPolledTooFast      = &Error{"too_fast", `polled grant faster than "wait" period`}
	ErrContinuedTooFast   = &Error{"too_fast", `continued grant faster than "wait" period`}
	ErrCannotBePolled     = &Error{"request_denied", "grant cannot be polled"}
	ErrCannotBeContinued  = &Error{"request_denied", "grant cannot be continued"}
	ErrNotApproved        = &Error{"request_denied", "grant interaction not approved"}
	ErrUnknownInteraction = &Error{"unknown_interaction", "unknown interaction"}
	ErrInvalidInteraction = &Error{"invalid_interaction", "invalid interaction"}
	ErrUserDenied         = &Error{"user_denied", "user denied interaction"}
	ErrInvalidSession     = &Error{"invalid_request", "invalid session"}
	ErrInvalidAccessToken = &Error{"invalid_client", "invalid access token"}
	ErrTokenNotFound      = &Error{"invalid_rotation", "token not found"}
	ErrMissingInteractRef = &Error{"invalid_request", "missing interaction reference"}
)

// What the resource server refuses.
var (
	ErrNoWalletAddress     = &Error{"no_wallet_address", "Could not get wallet address"}
	ErrInactiveToken       = &Error{"inactive_token", "Inactive Token"}
	ErrInsufficientGrant   = &Error{"insufficient_grant", "Insufficient Grant"}
	ErrUnauthorizedPayment = &Error{"unauthorized", "unauthorized"}
	ErrInvalidAmount       = &Error{"invalid_amount", "invalid amount"}
	ErrInvalidExpiry       = &Error{"invalid_expiry", "invalid expiresAt"}
	ErrInvalidReceiver     = &Error{"invalid_receiver", "invalid receiver"}
	ErrInvalidQuote        = &Error{"invalid_quote", "invalid quote"}
	ErrUnknownQuote        = &Error{"unknown_quote", "unknown quote"}
	ErrWrongState          = &Error{"wrong_state", "wrong state"}
	ErrNotFound            = &Error{"not_found", "Unauthorized"}
	ErrNotYours            = &Error{"not_yours", "does not exist"}
	ErrInternal            = &Error{"internal", "Internal Server Error"}
)
