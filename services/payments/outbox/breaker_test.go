package outbox

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBreaker(t *testing.T) {
	t.Parallel()
	var b breaker
	at := now
	busy, fine := answer{status: 503}, answer{status: 404}
	for range tripsAfter - 1 {
		require.Zero(t, b.end(busy, at))
	}
	require.Equal(t, 8, b.admit(8, at), "a few failures are nothing")
	require.Zero(t, b.end(fine, at), "an answer about this delivery alone says that the receiver is there")
	for range tripsAfter - 1 {
		require.Zero(t, b.end(busy, at))
	}
	require.Equal(t, shortestRest, b.end(busy, at), "in a row they are")
	require.Zero(t, b.end(busy, at), "what was under way tells nothing new")

	for rest := shortestRest; ; rest = min(2*rest, longestRest) {
		require.Zero(t, b.admit(8, at.Add(rest-time.Microsecond)))
		at = at.Add(rest)
		require.Equal(t, 1, b.admit(8, at), "a probe after a rest of %s", rest)
		require.Equal(t, 1, b.admit(8, at), "nothing was due: the next may try")
		b.begin(1)
		require.Zero(t, b.admit(8, at), "one probe at a time")
		require.Equal(t, min(2*rest, longestRest), b.end(busy, at))
		if rest == longestRest {
			break
		}
	}
	at = at.Add(longestRest)
	require.Equal(t, 1, b.admit(8, at))
	b.begin(1)
	require.Zero(t, b.end(answer{status: 200}, at))
	require.Equal(t, 8, b.admit(8, at))
	for range tripsAfter - 1 {
		require.Zero(t, b.end(answer{}, at))
	}
	require.Equal(t, shortestRest, b.end(answer{}, at), "the rests begin anew")

	at = at.Add(shortestRest)
	b.begin(1)
	b.begin(0)
	require.Equal(t, 1, b.admit(8, at), "a probe that was not made is nobody's")
}

// A receiver that says how long it wants to be left alone is, at once: it is not this delivery that it speaks of.
func TestBreaker_WhatTheReceiverAsksFor(t *testing.T) {
	t.Parallel()
	var b breaker
	require.Equal(t, 10*time.Minute, b.end(answer{status: 429, retryAfter: 10 * time.Minute}, now))
	require.Zero(t, b.end(answer{status: 503, retryAfter: time.Minute}, now), "what was under way asks for less")
	require.Zero(t, b.admit(8, now.Add(10*time.Minute-time.Microsecond)))
	later := now.Add(10 * time.Minute)
	require.Equal(t, 1, b.admit(8, later), "then a probe")
	b.begin(1)
	require.Zero(t, b.end(answer{status: 200}, later))
	require.Equal(t, 8, b.admit(8, later))
	require.Equal(t, longestAsked, b.end(answer{status: 503, retryAfter: 24 * time.Hour}, later))
	require.Zero(t, b.end(answer{status: 500, retryAfter: time.Hour}, later), "only what RFC 9110 names it for")
}
