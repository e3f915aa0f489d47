package attacks

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"tianguis.example/chassis/clock"
)

// journal is what a service has logged, as far as it was read.
type journal struct {
	file string

	mu    sync.Mutex
	read  int64
	lines []map[string]any
	torn  []string // lines that are no JSON
}

// more reads what was added.
func (j *journal) more() error {
	content, err := os.ReadFile(j.file)
	if err != nil {
		return err
	}
	for {
		line, _, whole := bytes.Cut(content[j.read:], []byte("\n"))
		if !whole {
			return nil
		}
		j.read += int64(len(line)) + 1
		var attributes map[string]any
		if err := json.Unmarshal(line, &attributes); err != nil {
			j.torn = append(j.torn, string(line))
			continue
		}
		j.lines = append(j.lines, attributes)
	}
}

// tells reports whether a line with one of the marks has an attribute that holds something.
func (j *journal) tells(marks []mark, key, holds string) (bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.more(); err != nil {
		return false, err
	}
	for _, line := range j.lines {
		value, has := line[key]
		if !has || !strings.Contains(fmt.Sprint(value), holds) {
			continue
		}
		for _, m := range marks {
			if fmt.Sprint(line[m.key]) == m.value {
				return true, nil
			}
		}
	}
	return false, nil
}

// tornLines are those that are no JSON: somebody's words have broken out of their place.
func (j *journal) tornLines() ([]string, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	err := j.more()
	return j.torn, err
}

// tellBound is how long after an answer its line may be written.
const tellBound = 3 * time.Second

// told waits until a log tells of an answer as one of the lines says.
func (s *siege) told(ctx context.Context, a answer, lines []Line) (bool, error) {
	until := clock.System().Now().Add(tellBound)
	for {
		for _, line := range lines {
			if ok, err := s.journals[line.Program].tells(a.marks, line.Key, line.Holds); ok || err != nil {
				return ok, err
			}
		}
		if !clock.System().Now().Before(until) {
			return false, nil
		}
		if err := pauseFor(ctx, 20*time.Millisecond); err != nil {
			return false, err
		}
	}
}

func pauseFor(ctx context.Context, d time.Duration) error { return clock.Sleep(ctx, clock.System(), d) }
