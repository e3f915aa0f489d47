package sandbox

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// FaultKind is what goes wrong.
type FaultKind string

// The kinds of fault. The first five befall requests; the last three befall what the
// wallet does on its own.
const (
	Latency     FaultKind = "latency"      // the answer takes Latency longer
	ErrorStatus FaultKind = "error"        // nothing happens, the answer is Status
	Hang        FaultKind = "hang"         // nothing happens, and there is no answer
	DropBefore  FaultKind = "drop_before"  // the connection is cut, nothing happened
	DropAfter   FaultKind = "drop_after"   // it happened, and then the connection is cut
	Decline     FaultKind = "decline"      // the buyer's yes counts as a no
	FailPayment FaultKind = "fail_payment" // a payment that was accepted fails when it should settle
	Overpay     FaultKind = "overpay"      // a payment delivers in full though the receiver is full, as two wallets at once can do
)

// Fault is one thing that is to go wrong with the requests that match it. Empty
// conditions match all.
type Fault struct {
	ID        string
	Kind      FaultKind
	Operation string // one of the Op constants; a trailing * matches the rest: "token.*"
	Method    string
	Path      string         // a regular expression, found anywhere in the path
	Body      string         // text that the request's body must contain
	Count     int            // how often; 0 is until it is cleared
	Skip      int            // how many matches to let pass first
	Latency   time.Duration  // for Latency
	Status    int            // for ErrorStatus
	Reason    string         // for FailPayment: the cancellationReason
	path      *regexp.Regexp // compiled Path
	used      int
}

// AddFault plants a fault and returns its id. Faults are tried in the order they came in.
func (b *Bank) AddFault(f Fault) (string, error) {
	switch f.Kind {
	case Latency:
		if f.Latency <= 0 {
			return "", fmt.Errorf("a latency fault needs a latency")
		}
	case ErrorStatus:
		if f.Status < 400 || f.Status > 599 {
			return "", fmt.Errorf("an error fault needs a status from 400 to 599, not %d", f.Status)
		}
	case Decline:
		f.Operation = OpDecide
	case FailPayment, Overpay:
		f.Operation = OpSettle
	case Hang, DropBefore, DropAfter:
	default:
		return "", fmt.Errorf("unknown kind of fault %q", f.Kind)
	}
	if f.Count < 0 || f.Skip < 0 {
		return "", fmt.Errorf("count and skip must not be negative")
	}
	path, err := regexp.Compile(f.Path)
	if err != nil {
		return "", fmt.Errorf("path of the fault: %w", err)
	}
	f.path, f.ID, f.used = path, newUUID(), 0
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = append(b.faults, &f)
	return f.ID, nil
}

// Faults are those that may still strike.
func (b *Bank) Faults() []Fault {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]Fault, 0, len(b.faults))
	for _, f := range b.faults {
		left := *f
		if f.Count > 0 {
			left.Count = f.Count + f.Skip - f.used
		}
		all = append(all, left)
	}
	return all
}

// ClearFaults removes all faults.
func (b *Bank) ClearFaults() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = nil
}

// Strike uses up and returns the fault that befalls a request, or nil.
func (b *Bank) Strike(operation, method, path, body string) *Fault {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.faults {
		if f.Kind == Decline || f.Method != "" && !strings.EqualFold(f.Method, method) || !strings.Contains(body, f.Body) {
			continue
		}
		if f.strikes(operation, path) {
			b.expireFaults()
			return f
		}
	}
	return nil
}

// takeFault is Strike for what the wallet does on its own. The caller holds the lock.
func (b *Bank) takeFault(operation, path string) *Fault {
	for _, f := range b.faults {
		own := f.Kind == Decline || f.Kind == FailPayment || f.Kind == Overpay
		if own && f.Operation == operation && f.strikes(operation, path) {
			b.expireFaults()
			return f
		}
	}
	return nil
}

// strikes counts a match, and tells whether the fault's turn has come.
func (f *Fault) strikes(operation, path string) bool {
	prefix, wild := strings.CutSuffix(f.Operation, "*")
	if f.Operation != "" && f.Operation != operation && (!wild || !strings.HasPrefix(operation, prefix)) {
		return false
	}
	if !f.path.MatchString(path) {
		return false
	}
	f.used++
	return f.used > f.Skip
}

func (b *Bank) expireFaults() {
	b.faults = slices.DeleteFunc(b.faults, func(f *Fault) bool { return f.Count > 0 && f.used >= f.Skip+f.Count })
}
