package sandbox

import (
	"slices"
	"time"
)

// Request is one thing that was asked of the wallet, for tests to look at.
type Request struct {
	At        time.Time     `json:"at"`
	Operation string        `json:"operation"`
	Method    string        `json:"method"`
	Path      string        `json:"path"`
	Query     string        `json:"query,omitempty"`
	Body      string        `json:"body,omitempty"`
	Status    int           `json:"status"` // 0 when a fault left it without an answer
	Duration  time.Duration `json:"-"`
	Fault     FaultKind     `json:"fault,omitempty"`
}

// historySize is how many requests are remembered.
const historySize = 10_000

// Remember notes a request that was answered, or was not.
func (b *Bank) Remember(r Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.history) >= historySize {
		b.history = slices.Delete(b.history, 0, historySize/10)
	}
	b.history = append(b.history, r)
}

// History is what was asked, oldest first; of one operation only, unless that is "".
func (b *Bank) History(operation string) []Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := []Request{}
	for _, r := range b.history {
		if operation == "" || r.Operation == operation {
			found = append(found, r)
		}
	}
	return found
}

// ClearHistory forgets what was asked.
func (b *Bank) ClearHistory() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.history = nil
}

// Now is the wallet's time.
func (b *Bank) Now() time.Time { return b.clock.Now() }
