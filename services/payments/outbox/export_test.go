package outbox

import "time"

// WithBound is d with another deadline for each attempt.
func (d *Dispatcher) WithBound(bound time.Duration) *Dispatcher {
	d.bound = bound
	return d
}
