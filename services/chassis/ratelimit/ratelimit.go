// Package ratelimit counts what each of many may do in a time: an address, an API key, a payment. It is a bucket of tokens for each
// (golang.org/x/time/rate), in bounded memory: whoever was not heard of for the longest time is forgotten first.
//
// Limits are those of one process: replicas count each by itself.
package ratelimit

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

	"tianguis.example/chassis/clock"
)

// most is how many are remembered: some 10 MB.
const most = 1 << 16

// Limit is how much is allowed: N in each Per, and Burst at once (0: N).
type Limit struct {
	N     int // 0 for no limit
	Per   time.Duration
	Burst int
}

// Limiter is safe for concurrent use. A nil one limits nothing.
type Limiter struct {
	every rate.Limit
	burst int
	clock clock.Clock

	mu      sync.Mutex
	buckets *simplelru.LRU[string, *rate.Limiter]
}

// New makes a limiter; nil for a limit that is none.
func New(l Limit, c clock.Clock) *Limiter {
	if l.N <= 0 {
		return nil
	}
	if l.Burst == 0 {
		l.Burst = l.N
	}
	buckets, err := simplelru.NewLRU[string, *rate.Limiter](most, nil)
	if err != nil {
		panic(err) // of a size that is not positive
	}
	return &Limiter{every: rate.Every(l.Per / time.Duration(l.N)), burst: l.Burst, clock: c, buckets: buckets}
}

// Take counts one of who's. It returns 0 when that is allowed, and otherwise counts nothing and returns how long who has to wait.
func (l *Limiter) Take(who string) time.Duration { return l.ask(who, true) }

// Wait is what Take would return, and counts nothing.
func (l *Limiter) Wait(who string) time.Duration { return l.ask(who, false) }

func (l *Limiter) ask(who string, take bool) time.Duration {
	if l == nil {
		return 0
	}
	now := l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	bucket, known := l.buckets.Get(who)
	if !known {
		if !take {
			return 0
		}
		bucket = rate.NewLimiter(l.every, l.burst)
		l.buckets.Add(who, bucket)
	}
	reserved := bucket.ReserveN(now, 1)
	wait := reserved.DelayFrom(now)
	if wait > 0 || !take {
		reserved.CancelAt(now)
	}
	return wait
}
