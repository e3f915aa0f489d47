package clock

import (
	"slices"
	"sync"
	"time"
)

// Held is a clock that stands still until a test moves it. It is safe for
// concurrent use.
type Held struct {
	mu     sync.Mutex
	now    time.Time
	timers []*heldTimer
	made   chan struct{}
}

// NewHeld returns a clock that stands at start.
func NewHeld(start time.Time) *Held {
	return &Held{now: start.UTC().Truncate(time.Microsecond), made: make(chan struct{}, 1)}
}

// Now is the time at which the clock stands.
func (h *Held) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

// NewTimer makes a timer that fires when the clock is moved to or past d from now.
func (h *Held) NewTimer(d time.Duration) Timer {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := &heldTimer{clock: h, at: h.now.Add(d), c: make(chan time.Time, 1)}
	if d <= 0 {
		t.c <- h.now
		return t
	}
	h.timers = append(h.timers, t)
	select {
	case h.made <- struct{}{}:
	default:
	}
	return t
}

// TimerMade is sent to when somebody has begun to wait, so that a test knows when to move the clock.
func (h *Held) TimerMade() <-chan struct{} { return h.made }

// Advance moves the clock on by d and fires what is due.
func (h *Held) Advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.set(h.now.Add(d))
}

// Set moves the clock to t and fires what is due.
func (h *Held) Set(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.set(t.UTC().Truncate(time.Microsecond))
}

// AdvanceToNext moves the clock to the next time that somebody waits for. It reports false, and
// moves nothing, when nobody waits.
func (h *Held) AdvanceToNext() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.timers) == 0 {
		return false
	}
	next := slices.MinFunc(h.timers, func(a, b *heldTimer) int { return a.at.Compare(b.at) }).at
	h.set(next)
	return true
}

func (h *Held) set(t time.Time) {
	h.now = t
	waiting := h.timers[:0]
	for _, timer := range h.timers {
		if timer.at.After(t) {
			waiting = append(waiting, timer)
			continue
		}
		timer.c <- t
	}
	clear(h.timers[len(waiting):])
	h.timers = waiting
}

type heldTimer struct {
	clock *Held
	at    time.Time
	c     chan time.Time
}

func (t *heldTimer) C() <-chan time.Time { return t.c }

func (t *heldTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	for i, other := range t.clock.timers {
		if other == t {
			t.clock.timers = append(t.clock.timers[:i], t.clock.timers[i+1:]...)
			return true
		}
	}
	return false
}
