// Package doctor runs an operator's checks of a service, one after the other, each within a time of its own and whatever became
// of the others. Each tells what it found, and what to do about it. A check changes nothing.
package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/clock"
)

// State is how a check ended.
type State string

// The states, the better first: a check is as bad as the worst that it found.
const (
	OK      State = "ok"
	Skipped State = "skipped" // it could not be looked at, for want of something that another check is about
	Warning State = "warning" // it works, and could bite
	Failed  State = "failed"  // it does not work
)

var states = []State{OK, Skipped, Warning, Failed}

// Finding is one thing that a check found: a line each of what it is, and of what to do about it.
type Finding struct {
	State State  `json:"state"`
	Found string `json:"found"`
	Do    string `json:"do,omitempty"` // a command, or a variable by its name; "" when there is nothing to do
}

// Fine is what is as it should be.
func Fine(format string, args ...any) Finding { return found(OK, "", format, args...) }

// Warn is what works and could bite; do says what to do about it.
func Warn(do, format string, args ...any) Finding { return found(Warning, do, format, args...) }

// Fail is what does not work; do says what to do about it.
func Fail(do, format string, args ...any) Finding { return found(Failed, do, format, args...) }

// Skip is what could not be looked at; why reads "needs the database".
func Skip(why string) Finding { return found(Skipped, "", "%s", why) }

// longest is how much of a finding is told: others' words may be in it.
const longest = 400 // characters

func found(state State, do, format string, args ...any) Finding {
	return Finding{State: state, Found: line(fmt.Sprintf(format, args...)), Do: line(do)}
}

// line is text without what a terminal would obey: a wallet's or a receiver's words must not write another finding over this one.
func line(text string) string {
	shown := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, text)
	runes := []rune(strings.Join(strings.Fields(shown), " "))
	if len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return string(runes)
}

// Check looks at one thing. Look is to end when its context does, and finds one thing at least.
type Check struct {
	Name  string
	Limit time.Duration
	Look  func(ctx context.Context) []Finding
}

// Shared is what the checks of an examination tell those that come after them. A check that hangs may come to its end beside the next one,
// so it is guarded.
type Shared[T any] struct {
	mu    sync.Mutex
	known T
}

// Learn changes what is known.
func (s *Shared[T]) Learn(what func(*T)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what(&s.known)
}

// Known is what is known now.
func (s *Shared[T]) Known() T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known
}

// Result is what became of a check.
type Result struct {
	Name       string    `json:"name"`
	State      State     `json:"state"`
	DurationMS int64     `json:"durationMs"`
	Findings   []Finding `json:"findings"`
}

// Report is all of it.
type Report struct {
	Service string    `json:"service"`
	Version string    `json:"version"`
	At      time.Time `json:"at"`
	State   State     `json:"state"` // of the worst check
	Checks  []Result  `json:"checks"`
}

// ErrFailed is the error of an examination that found something that does not work.
var ErrFailed = cli.Found(errors.New("something does not work"))

// Examine runs the checks and writes what they found: as text, each as soon as it has ended, or as one Report in JSON. It returns
// ErrFailed when one failed, and another error when it was broken off or could not write.
func Examine(ctx context.Context, c clock.Clock, r Report, checks []Check, asJSON bool, out io.Writer) error {
	r.At, r.State, r.Checks = c.Now(), OK, make([]Result, 0, len(checks))
	width := 0
	for _, check := range checks {
		width = max(width, len(check.Name))
	}
	for _, check := range checks {
		result := run(ctx, c, check)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.Checks = append(r.Checks, result)
		r.State = worse(r.State, result.State)
		if asJSON {
			continue
		}
		if err := write(out, width, result); err != nil {
			return err
		}
	}
	if err := conclude(out, r, asJSON); err != nil {
		return err
	}
	if r.State == Failed {
		return ErrFailed
	}
	return nil
}

// grace is how long after its time a check may take to notice.
const grace = 500 * time.Millisecond

func run(ctx context.Context, c clock.Clock, check Check) Result {
	within, cancel := context.WithTimeoutCause(ctx, check.Limit, fmt.Errorf("no answer within %s", check.Limit))
	defer cancel()
	began := c.Now()
	looked := make(chan []Finding, 1)
	go func() { looked <- check.Look(within) }()
	timer := c.NewTimer(check.Limit + grace)
	defer timer.Stop()
	r := Result{Name: check.Name, State: OK}
	select {
	case r.Findings = <-looked:
	case <-timer.C(): // it hangs in something that cannot be broken off; the process ends soon, and it with it
		r.Findings = []Finding{Fail("look at what it names, then run this again", "it did not come to an end within %s", check.Limit)}
	case <-ctx.Done():
	}
	for _, f := range r.Findings {
		r.State = worse(r.State, f.State)
	}
	r.DurationMS = c.Now().Sub(began).Milliseconds()
	return r
}

func worse(a, b State) State {
	return slices.MaxFunc([]State{a, b}, func(a, b State) int { return cmp.Compare(slices.Index(states, a), slices.Index(states, b)) })
}

// Why is err in words: that the time of the check was over, where that is its reason.
func Why(ctx context.Context, err error) string {
	if ctx.Err() != nil {
		return context.Cause(ctx).Error()
	}
	return err.Error()
}

func write(out io.Writer, width int, r Result) error {
	var text strings.Builder
	name := r.Name
	for _, f := range r.Findings {
		fmt.Fprintf(&text, "%-7s  %-*s  %s\n", f.State, width, name, f.Found)
		if f.Do != "" {
			fmt.Fprintf(&text, "%*s→ %s\n", len("skipped")+2+width+2, "", f.Do)
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}

func conclude(out io.Writer, r Report, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(r)
	}
	counts := map[State]int{}
	for _, c := range r.Checks {
		counts[c.State]++
	}
	_, err := fmt.Fprintf(out, "\n%d checks of %s %s: %d ok, %d warnings, %d failed, %d skipped\n",
		len(r.Checks), r.Service, r.Version, counts[OK], counts[Warning], counts[Failed], counts[Skipped])
	return err
}
