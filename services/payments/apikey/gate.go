package apikey

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/ratelimit"
)

// Limits are how often somebody may come.
type Limits struct {
	Wrong ratelimit.Limit // with a key that is none, from one network. A right key is let in however many wrong ones came from there
	Key   ratelimit.Limit // with one key
}

// Gate lets in who has a key. The doors share one, so that who guesses at one of them is known at the others.
type Gate struct {
	configured []Key
	clock      clock.Clock
	wrong, per *ratelimit.Limiter

	mu   sync.RWMutex
	kept []Key
	used map[string]time.Time
}

// NewGate makes a gate with the keys of the configuration. While there is no other key either, the service is open, which the caller allows on
// loopback only.
func NewGate(configured []Key, l Limits, c clock.Clock) *Gate {
	return &Gate{configured: configured, clock: c, wrong: ratelimit.New(l.Wrong, c), per: ratelimit.New(l.Key, c), used: map[string]time.Time{}}
}

// Keep replaces the keys beside the configuration's: all that were ever made, the revoked ones too.
func (g *Gate) Keep(kept []Key) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.kept = kept
}

// Open reports whether there is no key, and never was one: to revoke the last one does not open the service.
func (g *Gate) Open() bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return len(g.configured) == 0 && len(g.kept) == 0
}

// lastUse is how exactly it is kept when a key was used, so that a key that is used all the time is written once in it.
const lastUse = time.Hour

// Used returns, once each, when keys were used of which that is not kept yet, by their ids.
func (g *Gate) Used() map[string]time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	used := map[string]time.Time{}
	for _, k := range g.kept {
		if at, ok := g.used[k.ID]; ok && at.Sub(k.LastUsedAt) >= lastUse {
			used[k.ID] = at
		}
	}
	clear(g.used)
	return used
}

// Ask is a request, as its door has it.
type Ask struct {
	Host      string // that it names, "localhost:4001"
	Network   string // that it comes from
	Presented string // the key; "" for none
}

// Caller is who was let in.
type Caller struct {
	Scope       Scope
	Name        string // of the key; "" where none is asked for
	Fingerprint string // of the key; "" where none is asked for
}

// Why nobody is let in.
var (
	ErrNoKey   = errors.New("no key, or one that is none")
	ErrRevoked = errors.New("a key that was revoked")
	ErrForeign = errors.New("without a key, only names of this machine are answered")
)

// ScopeError says that the key is right, and may do less than is asked.
type ScopeError struct{ Has, Needs Scope }

func (e *ScopeError) Error() string {
	return fmt.Sprintf("the scope of the key is %s, and this needs %s", e.Has, e.Needs)
}

// WaitError says that there were too many requests with the key, or too many wrong keys.
type WaitError struct {
	Guesses bool // wrong keys
	Wait    time.Duration
}

func (e *WaitError) Error() string {
	if e.Guesses {
		return "too many wrong keys from this network"
	}
	return "too many requests with this key"
}

// Knows reports whether whoever asks has a key, whatever it may do. It counts nothing.
func (g *Gate) Knows(a Ask) bool {
	_, err := g.who(a)
	return err == nil
}

// Admit lets in who asks, for what needs a scope, or returns why not: ErrNoKey, ErrRevoked, ErrForeign, a ScopeError or a WaitError.
func (g *Gate) Admit(a Ask, needs Scope) (Caller, error) {
	k, err := g.who(a)
	switch {
	case err != nil:
		if a.Presented != "" && !errors.Is(err, ErrForeign) {
			if wait := g.wrong.Take(a.Network); wait > 0 {
				return Caller{}, &WaitError{Guesses: true, Wait: wait}
			}
		}
		return Caller{}, err
	case !k.Scope.Includes(needs):
		return Caller{}, &ScopeError{Has: k.Scope, Needs: needs}
	case g.Open():
		return Caller{Scope: k.Scope}, nil
	}
	if wait := g.per.Take(k.Hash.String()); wait > 0 {
		return Caller{}, &WaitError{Wait: wait}
	}
	if k.ID != "" {
		g.mu.Lock()
		g.used[k.ID] = g.clock.Now()
		g.mu.Unlock()
	}
	return Caller{Scope: k.Scope, Name: k.Name, Fingerprint: Fingerprint(a.Presented)}, nil
}

// who finds the key that is presented. It compares with all there are, and hashes, so that no guess takes longer than another.
func (g *Gate) who(a Ask) (found Key, err error) {
	if g.Open() {
		// Without a key we listen on loopback only; a page of a browser on this machine must not get in
		// under a name that was made to lead here (DNS rebinding).
		if !isLocalName(a.Host) {
			return Key{}, ErrForeign
		}
		return Key{Scope: Admin}, nil
	}
	if a.Presented == "" {
		return Key{}, ErrNoKey
	}
	hash := HashOf(a.Presented)
	err = ErrNoKey
	g.mu.RLock()
	defer g.mu.RUnlock()
	for _, keys := range [][]Key{g.kept, g.configured} {
		for _, k := range keys {
			if subtle.ConstantTimeCompare(hash[:], k.Hash[:]) != 1 {
				continue
			}
			if found, err = k, nil; k.Revoked(g.clock.Now()) {
				err = ErrRevoked
			}
		}
	}
	return found, err
}

func isLocalName(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
