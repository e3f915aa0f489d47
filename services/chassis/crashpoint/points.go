package crashpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"tianguis.example/chassis/clock"
)

// Points are those of one process. The zero value has none: nothing is traced, and nobody dies.
type Points struct {
	folder Folder
	mu     sync.Mutex
}

// FromEnvironment are the points of the process whose folder Variable names.
func FromEnvironment() *Points { return In(Folder(os.Getenv(Variable))) }

// In are the points of the process that has this folder.
func In(f Folder) *Points { return &Points{folder: f} }

// Before and After are the two points around something that is done.
func Before(what string) string { return "before " + what }

// After is the point when it has been done, and nobody knows it yet.
func After(what string) string { return "after " + what }

// Around are both points of each.
func Around(whats ...string) []string {
	var all []string
	for _, what := range whats {
		all = append(all, Before(what), After(what))
	}
	return all
}

// Do does what returns an error between its two points.
func (p *Points) Do(what string, do func() error) error {
	p.At(Before(what))
	defer p.At(After(what))
	return do()
}

// Get is Do for what returns a value.
func Get[T any](p *Points, what string, get func() (T, error)) (T, error) {
	p.At(Before(what))
	defer p.At(After(what))
	return get()
}

// At is a point. When its turn has come the process ends here.
func (p *Points) At(point string) {
	if p.folder == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	turn, err := p.reach(point)
	if err != nil {
		panic(fmt.Sprintf("crash point %q: %v", point, err)) // a test whose points do not work must not pass
	}
	if turn {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // while the signal is on its way
	}
}

func (p *Points) reach(point string) (turn bool, err error) {
	trace, err := os.OpenFile(p.folder.trace(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return false, err
	}
	if _, err = trace.WriteString(point + "\n"); err != nil {
		return false, errors.Join(err, trace.Close())
	}
	if err := trace.Close(); err != nil {
		return false, err
	}
	armed, err := os.ReadFile(p.folder.armed())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	left, at, _ := strings.Cut(string(armed), " ")
	n, err := strconv.Atoi(left)
	if err != nil || at != point {
		return false, err
	}
	if n > 1 {
		return false, p.folder.Arm(point, n-1)
	}
	return true, p.folder.Disarm()
}

// Clock is a clock that is as far ahead of inner as the folder says. Its timers are inner's.
func (p *Points) Clock(inner clock.Clock) clock.Clock {
	if p.folder == "" {
		return inner
	}
	return ahead{inner, p.folder}
}

type ahead struct {
	clock.Clock
	folder Folder
}

// Now reads the file each time: the test moves the time of a process that runs.
func (a ahead) Now() time.Time {
	now := a.Clock.Now()
	text, err := os.ReadFile(a.folder.ahead())
	if err != nil {
		return now // nobody has moved it
	}
	by, err := time.ParseDuration(string(text))
	if err != nil {
		panic(fmt.Sprintf("how far the clock is ahead: %v", err))
	}
	return now.Add(by)
}
