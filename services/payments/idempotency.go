package payments

import "time"

// IdempotencyLifetime is how long the answer to a request with an Idempotency-Key is kept.
const IdempotencyLifetime = 24 * time.Hour

// Idempotent is a request that came with an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header). The same key with the same request gets
// the stored answer; with another one it is refused.
type Idempotent struct {
	Scope   string // method and path: the same key elsewhere is another
	Key     string // as the caller chose it
	Request string // a hash of the body

	Status int    // of the stored answer; 0 until there is one
	Answer []byte // its body
	Secret bool   // the answer holds a secret, and is not to be readable where it is kept

	BusyUntil time.Time // while the request is being worked on; then whoever asks again takes it over
	CreatedAt time.Time
}
