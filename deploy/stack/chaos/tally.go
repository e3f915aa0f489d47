package chaos

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

// line lists what begins with prefix: "kill 12, freeze 3".
func (t *tally) line(prefix string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return list(t.n, prefix)
}

func list(n map[string]int, prefix string) string {
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
