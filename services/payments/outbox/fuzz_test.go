package outbox

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

var fuzzNow = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// refusal is an error that a program can tell from others.
func refusal(t *testing.T, err error, code Code) {
	t.Helper()
	known, ok := errors.AsType[*Error](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, code, known.Code)
	require.True(t, utf8.ValidString(known.Message))
}

// FuzzParseTime: what an operator writes for a time is one that ids can begin with, and reads the same when it is written in full.
func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{"", "2h", "-2h", "2026-11-25", "2026-11-25T12:00:00Z", "2026-11-25 12:00", "1969-12-31", "9999999h", "0001-01-01", "2026-11-25T12:00:00.123456789+14:00", "1e3h"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := ParseTime(text, fuzzNow)
		if err != nil {
			refusal(t, err, CodeInvalidRequest)
			return
		}
		if at.IsZero() {
			require.Empty(t, text)
			return
		}
		require.GreaterOrEqual(t, at.UnixMilli(), int64(0))
		again, err := ParseTime(at.Format(time.RFC3339Nano), fuzzNow)
		require.NoError(t, err)
		require.True(t, at.Equal(again), "%s and %s", at, again)
	})
}

// FuzzRetryAfter: whatever a receiver asks for, the wait is neither in the past nor longer than a day.
func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"120", "0", "-1", "99999999999999999999", "Wed, 21 Oct 2099 07:28:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "soon", "1.5", " 1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		wait := retryAfter(header, fuzzNow)
		require.GreaterOrEqual(t, wait, time.Duration(0))
		require.LessOrEqual(t, wait, maxRetryAfter)
	})
}

// FuzzCheckURL: an endpoint's address that is taken can be kept and be sent to: http or https, to a host, without a user, and as it stands.
func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{"https://shop.example/webhooks", "http://127.0.0.1:9000/x?token=a", "https://a:b@c", "https://a.example:0", "https://a.example:99999", "https://a/#", "file:///etc/passwd", "https://ñ.example/\u202e", "https://[::1]:1", "HTTPS://A"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := checkURL(text); err != nil {
			refusal(t, err, CodeInvalidEndpoint)
			return
		}
		u, err := url.Parse(text)
		require.NoError(t, err)
		require.Contains(t, []string{"http", "https"}, u.Scheme)
		require.NotEmpty(t, u.Hostname())
		require.Nil(t, u.User)
		require.LessOrEqual(t, len(text), maxURL)
		require.True(t, utf8.ValidString(text))
		require.NotContains(t, Endpoint{ID: "e", URL: text}.LogValue().String(), "token=", "a path and a query may hold a secret")
	})
}

// FuzzExcerpt: what a receiver answers is kept as text that a database and a terminal can hold.
func FuzzExcerpt(f *testing.F) {
	for _, seed := range []string{"ok", "\x00\x1b[31m", strings.Repeat("ñ", 400), "\xff\xfe", "a\nb\tc\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		text := excerpt(content)
		require.LessOrEqual(t, len(text), maxExcerpt)
		require.True(t, utf8.ValidString(text))
		require.NotContains(t, text, "\x00")
		require.NotContains(t, text, "\x1b")
		require.Equal(t, text, excerpt([]byte(text)))
	})
}

// FuzzParseSchedule: a schedule that is taken pauses, and not for ever.
func FuzzParseSchedule(f *testing.F) {
	for _, seed := range []string{"5s,5m,30m", "", "0s", "-1h", "169h", "1ns", strings.Repeat("1s,", 40), "5"} {
		f.Add(seed, 0)
	}
	f.Fuzz(func(t *testing.T, text string, jitter int) {
		s, err := ParseSchedule(strings.Split(text, ","))
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(s), 30)
		for n := range s {
			pause := s.pause(n+1, min(max(jitter, 0), jitters))
			require.GreaterOrEqual(t, pause, time.Duration(0))
			require.LessOrEqual(t, pause, 7*24*time.Hour)
			require.LessOrEqual(t, pause, s[n])
		}
	})
}
