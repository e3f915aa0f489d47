// Package tally counts what happens in a run, by name.
package tally

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Tally counts what happened, by name. Its zero value has counted nothing.
type Tally struct {
	mu sync.Mutex
	n  map[string]int
}

// Add counts one more.
func (t *Tally) Add(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == nil {
		t.n = map[string]int{}
	}
	t.n[what]++
}

// Of is how often what happened; a name that ends in "." counts all that begin with it.
func (t *Tally) Of(what string) (sum int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, n := range t.n {
		if name == what || strings.HasSuffix(what, ".") && strings.HasPrefix(name, what) {
			sum += n
		}
	}
	return sum
}

// Line lists what begins with prefix: "kill 12, freeze 3".
func (t *Tally) Line(prefix string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return List(t.n, prefix)
}

// List lists what of n begins with prefix, by name: "kill 12, freeze 3".
func List(n map[string]int, prefix string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(n)) {
		if short, ok := strings.CutPrefix(name, prefix); ok {
			parts = append(parts, fmt.Sprintf("%s %d", short, n[name]))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}
