package webhooks

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// tally counts what happened, by name.
type tally struct {
	mu sync.Mutex
	n  map[string]int
}

func (t *tally) add(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == nil {
		t.n = map[string]int{}
	}
	t.n[what]++
}

// of is how often what happened; a name that ends in "." counts all that begin with it.
func (t *tally) of(what string) (sum int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, n := range t.n {
		if name == what || strings.HasSuffix(what, ".") && strings.HasPrefix(name, what) {
			sum += n
		}
	}
	return sum
}

// line lists what begins with prefix: "302 12, slow 3".
func (t *tally) line(prefix string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(t.n)) {
		if short, ok := strings.CutPrefix(name, prefix); ok {
			parts = append(parts, fmt.Sprintf("%s %d", short, t.n[name]))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}
