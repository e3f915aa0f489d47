package sandbox

import (
	"errors"
	"time"
)

// Lifetimes says how long things live and how slow the wallet is. The defaults are
// what was recorded; tests change them while the wallet runs.
type Lifetimes struct {
	Token        time.Duration // an access token; it can be rotated after its death
	Quote        time.Duration // from a quote to its last moment
	Interaction  time.Duration // how long the buyer may take to consent
	ContinueWait time.Duration // how soon after the grant request it may be continued; whole seconds on the wire
	Settle       time.Duration // from an outgoing payment's 201 to the moving of the money
	Complete     time.Duration // how far `completed` lags behind the money
}

// DefaultLifetimes are those of the wallet that was recorded.
func DefaultLifetimes() Lifetimes {
	return Lifetimes{
		Token:        10 * time.Minute,
		Quote:        5 * time.Minute,
		Interaction:  10 * time.Minute,
		ContinueWait: 5 * time.Second,
		Settle:       300 * time.Millisecond,
		Complete:     100 * time.Millisecond,
	}
}

const (
	// incomingMaxLife is both the default and the longest life of an incoming payment
	// (traces/02-i-incoming-wrong-asset-and-validation.json).
	incomingMaxLife = 30 * 24 * time.Hour
	// deadTokenLife is how long after its death a token can still be rotated, once
	// cleaning runs (traces/05-05d-after-auth-restart.json).
	deadTokenLife = 30 * 24 * time.Hour
)

// Validate says which lifetime makes no sense.
func (l Lifetimes) Validate() error {
	switch {
	case l.Token < time.Second:
		return errors.New("the token lifetime must be a second or more")
	case l.Quote < 0, l.Interaction < 0, l.ContinueWait < 0, l.Settle < 0, l.Complete < 0:
		return errors.New("a lifetime must not be negative")
	case l.ContinueWait%time.Second != 0:
		return errors.New("the continue wait must be whole seconds: the wire says it in seconds")
	}
	return nil
}

// Lifetimes are those in force.
func (b *Bank) Lifetimes() Lifetimes {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lifetimes
}

// SetLifetimes changes what is made from now on; what exists keeps its own expiry.
func (b *Bank) SetLifetimes(l Lifetimes) error {
	if err := l.Validate(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lifetimes = l
	return nil
}
