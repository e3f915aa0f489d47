package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
	"unicode"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/worker"
	"tianguis.example/marketplace"
)

// Store is what sending needs of a store.
type Store interface {
	// ClaimMessages leases up to n messages that are due by a channel, and counts the attempt.
	ClaimMessages(ctx context.Context, c marketplace.Channel, n int, now, leaseUntil time.Time) ([]marketplace.Message, error)
	// EndAttempt keeps what became of an attempt, unless the lease was over before.
	EndAttempt(ctx context.Context, m marketplace.Message, leaseUntil time.Time) error
	// PruneMessages forgets what is old, and reports whether there is more to do.
	PruneMessages(ctx context.Context, now time.Time) (more bool, err error)
}

// Sender sends by one channel. Its error is ErrRefused when the message will never be taken, ErrDown when nothing is taken
// now, and any other when this message is to be tried again.
type Sender interface {
	Send(ctx context.Context, m marketplace.Message) error
}

// The errors of a Sender that say more than that it did not work.
var (
	ErrRefused = errors.New("refused for good")
	ErrDown    = errors.New("not reached")
)

// Watch is told of attempts, for metrics.
type Watch interface {
	worker.Watch
	// Attempted is told of each attempt that was made, and of the message as it is after it.
	Attempted(after marketplace.Message)
}

type unwatched struct{}

func (unwatched) Claimed(string, int, error)         {}
func (unwatched) Worked(string, time.Duration, bool) {}
func (unwatched) Attempted(marketplace.Message)      {}

// Dispatcher sends what is due.
type Dispatcher struct {
	Store   Store
	Senders map[marketplace.Channel]Sender // what waits for another channel is not sent
	Clock   clock.Clock
	Log     *slog.Logger
	Every   time.Duration // how often it is looked for what is due
	Workers int           // how many messages of a channel are sent at a time
	Watch   Watch         // may be nil
	Bound   time.Duration // for one attempt; DefaultBound when it is zero
}

// DefaultBound is how long one attempt may take: longer than a slow mail server needs, and shorter than a lease.
const DefaultBound = 45 * time.Second

const (
	recordBound = 10 * time.Second // for keeping what became of an attempt
	pruneEvery  = time.Hour
)

// Run sends until ctx is done.
func (d *Dispatcher) Run(ctx context.Context) {
	if d.Watch == nil {
		d.Watch = unwatched{}
	}
	if d.Bound == 0 {
		d.Bound = DefaultBound
	}
	var all sync.WaitGroup
	for channel, sender := range d.Senders {
		l := &lane{Dispatcher: d, channel: channel, sender: sender}
		loop := worker.Loop[marketplace.Message]{
			Name: string(channel), Clock: d.Clock, Log: d.Log, Claim: l.claim, Work: l.work,
			Workers: d.Workers, Poll: d.Every, Drain: 5 * time.Second, Watch: d.Watch,
		}
		all.Go(func() { loop.Run(ctx) })
	}
	d.prune(ctx)
	all.Wait()
}

// prune forgets what is old, once an hour.
func (d *Dispatcher) prune(ctx context.Context) {
	for clock.Sleep(ctx, d.Clock, pruneEvery) == nil {
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = d.Store.PruneMessages(ctx, d.Clock.Now()); err != nil {
				d.Log.WarnContext(ctx, "forget old messages", "error", err)
				break // the next hour
			}
		}
	}
}

// lane is one channel's share of the sending.
type lane struct {
	*Dispatcher
	channel marketplace.Channel
	sender  Sender

	mu     sync.Mutex
	downs  int       // how often in a row the other side was not reached
	restTo time.Time // nobody asks it before
}

// The pauses of a channel whose other side is not reached. They spare it, and the attempts of what waits.
const (
	shortestRest = 5 * time.Second
	longestRest  = 5 * time.Minute
)

func (l *lane) claim(ctx context.Context, n int) ([]marketplace.Message, error) {
	now := l.Clock.Now()
	if n = l.admit(n, now); n == 0 {
		return nil, nil
	}
	return l.Store.ClaimMessages(ctx, l.channel, n, now, now.Add(2*l.Bound+recordBound))
}

// admit is how many messages may be tried now: none while the channel rests, one to see whether the other side is back.
func (l *lane) admit(n int, now time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case now.Before(l.restTo):
		return 0
	case l.downs > 0:
		return 1
	}
	return n
}

// met notes whether the other side was reached.
func (l *lane) met(down bool, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !down {
		l.downs = 0
		return
	}
	if now.Before(l.restTo) {
		return // one of those that were in hand when the first found out
	}
	rest := min(shortestRest<<min(l.downs, 10), longestRest)
	l.downs++
	l.restTo = now.Add(rest)
}

func (l *lane) work(ctx context.Context, m marketplace.Message) error {
	lease := m.NextAt
	sending, cancel := context.WithTimeoutCause(ctx, l.Bound, fmt.Errorf("%w: no answer within %s", ErrDown, l.Bound))
	err := l.send(sending, m)
	cancel()
	if err != nil && ctx.Err() != nil {
		return nil // our own stop, which says nothing of the message: it is due when its lease ends
	}
	now := l.Clock.Now()
	l.met(errors.Is(err, ErrDown), now)
	after := next(m, err, now, rand.IntN(jitters+1)) //nolint:gosec // G404: jitter, not a secret
	l.say(ctx, after, err)
	l.Watch.Attempted(after)
	keeping, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordBound)
	defer cancel()
	if err := l.Store.EndAttempt(keeping, after, lease); err != nil {
		return fmt.Errorf("keep what became of message %s: %w", m.ID, err)
	}
	return nil
}

// send lets nobody wait longer than ctx allows, whatever a sender does.
func (l *lane) send(ctx context.Context, m marketplace.Message) error {
	sent := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				sent <- fmt.Errorf("the sender panicked: %v", p)
			}
		}()
		sent <- l.sender.Send(ctx, m)
	}()
	select {
	case err := <-sent:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l *lane) say(ctx context.Context, after marketplace.Message, err error) {
	switch after.State {
	case marketplace.MessageSent:
		l.Log.InfoContext(ctx, "message sent", "", after)
	case marketplace.MessageDead:
		l.Log.ErrorContext(ctx, "message given up", "", after, "error", err)
	default:
		l.Log.WarnContext(ctx, "message not sent, will be tried again", "", after, "error", err, "next_at", after.NextAt)
	}
}

// schedule is how long after each failed attempt the next one comes, at the latest; the last pause is repeated for as long
// as the message is of use.
var schedule = []time.Duration{
	30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour,
}

// jitters is how many different pauses there are between the shortest and the longest.
const jitters = 1_000_000

// pause is how long to wait after the n-th attempt, from 1: what lies between the pause before and this one is spread over
// all of it, so that messages that failed together are not tried together again.
func pause(n, jitter int) time.Duration {
	i := min(n, len(schedule)) - 1
	longest, shortest := schedule[i], schedule[i]/2
	if i > 0 {
		shortest = schedule[i-1]
	}
	return shortest + (longest-shortest)/jitters*time.Duration(jitter)
}

// next decides what becomes of a message after an attempt.
func next(m marketplace.Message, err error, now time.Time, jitter int) marketplace.Message {
	m.Error = ""
	if err == nil {
		m.State, m.EndedAt = marketplace.MessageSent, now
		return m
	}
	m.Error = excerpt(err.Error())
	wait := pause(m.Attempts, jitter)
	if errors.Is(err, ErrDown) {
		wait = min(wait, longestRest) // the channel rests, so that this one need not
	}
	m.NextAt = now.Add(wait)
	if errors.Is(err, ErrRefused) || m.NextAt.After(m.Until) {
		m.State, m.NextAt, m.EndedAt = marketplace.MessageDead, now, now
	}
	return m
}

const maxError = 500 // characters

// excerpt is what others wrote as text that a database and a terminal can hold.
func excerpt(text string) string {
	var kept []rune
	for _, r := range text {
		if len(kept) == maxError {
			break
		}
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			r = ' '
		}
		kept = append(kept, r)
	}
	return string(kept)
}
