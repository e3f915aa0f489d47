package outbox

import (
	"sync"
	"time"
)

const (
	// tripsAfter is how many attempts in a row must find a receiver busy before it is left alone.
	tripsAfter = 5
	// A receiver is left alone for a second at first, twice as long each time, and never longer than the longest: a while later, it has its news.
	shortestRest = time.Second
	longestRest  = time.Minute
	// longestAsked bounds the rest that a receiver asks for itself.
	longestAsked = time.Hour
)

// breaker leaves a receiver alone that does not answer, or answers 429 or 5xx: its deliveries wait without using up their attempts, and a
// probe now and then finds out when it is back. Each replica has its own.
type breaker struct {
	mu      sync.Mutex
	busy    int // attempts in a row
	rest    time.Duration
	until   time.Time // the end of the rest
	probing bool
}

// admit returns how many of n attempts may be made now; one, a probe, after a rest.
func (b *breaker) admit(n int, now time.Time) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.busy < tripsAfter:
		return n
	case b.probing, now.Before(b.until):
		return 0
	}
	return min(n, 1)
}

// begin says how many attempts are being made of those that were admitted.
func (b *breaker) begin(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = n > 0 && b.busy >= tripsAfter
}

// end takes what came of an attempt; rests is above zero when the receiver is left alone from now on.
func (b *breaker) end(a answer, now time.Time) (rests time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	if !a.busy() {
		b.busy, b.rest = 0, 0
		return 0
	}
	if asked := min(a.asksToWait(), longestAsked); asked > 0 { // of all, not of this delivery alone (RFC 9110 section 10.2.3)
		b.busy = max(b.busy, tripsAfter)
		if until := now.Add(asked); until.After(b.until) {
			b.until = until
			return asked
		}
		return 0
	}
	if b.busy++; b.busy < tripsAfter || now.Before(b.until) {
		return 0
	}
	b.rest = min(max(2*b.rest, shortestRest), longestRest)
	b.until = now.Add(b.rest)
	return b.rest
}
