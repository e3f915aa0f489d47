package outbox

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/webhook"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// The pauses are the design's, "Delivery of webhooks", and those that Standard Webhooks recommends.
func TestNext_TheWholeSchedule(t *testing.T) {
	t.Parallel()
	pauses := []string{"0s", "5s", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "24h"}
	s, err := ParseSchedule(pauses[1:])
	require.NoError(t, err)
	require.Equal(t, DefaultSchedule(), s)
	d := Delivery{ID: "01", State: Pending}
	for n := 1; n < len(pauses); n++ {
		least, err := time.ParseDuration(pauses[n-1])
		require.NoError(t, err)
		most, err := time.ParseDuration(pauses[n])
		require.NoError(t, err)
		require.Equal(t, now.Add(least), next(d, s, answer{status: http.StatusInternalServerError}, now, 0).NextAt)
		require.Equal(t, now.Add((least+most)/2), next(d, s, answer{status: http.StatusInternalServerError}, now, jitters/2).NextAt)
		after := next(d, s, answer{}, now, jitters)
		require.Equal(t, now.Add(most), after.NextAt, "the jitter is full")
		require.Equal(t, Pending, after.State)
		require.Zero(t, after.EndedAt)
		d = after
	}
	dead := next(d, s, answer{status: http.StatusInternalServerError}, now, 500)
	require.Equal(t, Delivery{ID: "01", State: Dead, Attempts: 10, Failures: 10, EndedAt: now}, dead)
}

func TestParseSchedule_Refuses(t *testing.T) {
	t.Parallel()
	for _, texts := range [][]string{nil, {}, {"soon"}, {"5s", "0s"}, {"-5s"}, {"169h"}, make([]string, 31)} {
		_, err := ParseSchedule(texts)
		require.Error(t, err, texts)
	}
	// One that grows shorter is odd, and still within its pauses.
	s, err := ParseSchedule([]string{"10s", "1s"})
	require.NoError(t, err)
	require.Equal(t, time.Second, s.pause(2, 0))
	require.Equal(t, time.Second, s.pause(2, jitters))
}

func TestNext_APingIsTriedOnce(t *testing.T) {
	t.Parallel()
	for _, status := range []int{0, 404, 410, 500} {
		got := next(Delivery{State: Pending, EventType: string(webhook.Ping)}, DefaultSchedule(), answer{status: status}, now, 0)
		require.Equal(t, Dead, got.State)
	}
}

func TestNext_WhatAnAnswerMeans(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		failures int
		answer   answer
		state    State
		pause    time.Duration
	}{
		"200":                        {0, answer{200, 0}, Delivered, 0},
		"204":                        {0, answer{204, 0}, Delivered, 0},
		"299 at the last attempt":    {9, answer{299, 0}, Delivered, 0},
		"200 with Retry-After":       {0, answer{200, time.Hour}, Delivered, 0},
		"410 waits for its endpoint": {0, answer{410, 0}, Pending, 0},
		"410 at the last attempt, with Retry-After": {9, answer{410, time.Hour}, Pending, 0},
		"no answer":                              {0, answer{}, Pending, 5 * time.Second},
		"199":                                    {0, answer{199, 0}, Pending, 5 * time.Second},
		"a redirect":                             {0, answer{302, 0}, Pending, 5 * time.Second},
		"304":                                    {1, answer{304, 0}, Pending, 5 * time.Minute},
		"400 may be a mistake that is mended":    {2, answer{400, 0}, Pending, 30 * time.Minute},
		"401 while a secret is replaced":         {0, answer{401, 0}, Pending, 5 * time.Second},
		"404":                                    {0, answer{404, 0}, Pending, 5 * time.Second},
		"429 without Retry-After":                {0, answer{429, 0}, Pending, 5 * time.Second},
		"429 with a long one":                    {0, answer{429, time.Hour}, Pending, time.Hour},
		"503 with a long one":                    {1, answer{503, 6 * time.Minute}, Pending, 6 * time.Minute},
		"503 with one shorter than the schedule": {1, answer{503, time.Minute}, Pending, 5 * time.Minute},
		"500 has no say":                         {0, answer{500, time.Hour}, Pending, 5 * time.Second},
		"503 after the last attempt":             {9, answer{503, time.Hour}, Dead, 0},
	} {
		got := next(Delivery{State: Pending, Failures: c.failures}, DefaultSchedule(), c.answer, now, jitters)
		require.Equal(t, c.state, got.State, name)
		if c.state == Pending {
			require.Equal(t, now.Add(c.pause), got.NextAt, name)
			require.Zero(t, got.EndedAt, name)
		} else {
			require.Zero(t, got.NextAt, name)
			require.Equal(t, now, got.EndedAt, name)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"120":                           2 * time.Minute,
		"86400":                         24 * time.Hour,
		"86401":                         24 * time.Hour,
		"18446744073709551615":          24 * time.Hour,
		"18446744073709551616":          24 * time.Hour,
		"-1":                            0,
		"1.5":                           0,
		"soon":                          0,
		"Mon, 23 Nov 2026 12:10:00 GMT": 10 * time.Minute,
		"Mon, 23 Nov 2026 11:00:00 GMT": 0,
		"Mon, 23 Nov 2099 12:00:00 GMT": 24 * time.Hour,
	} {
		require.Equal(t, want, retryAfter(header, now), header)
	}
}

func TestExcerpt(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"":                                "",
		"Job not found\n":                 "Job not found\n",
		"a\x00b\x1b[2Jc\u009b31md\x7fe\r": "ab[2Jc31mde",
		"caf\u00e9 \xff\xfe\tñ":           "café \tñ",
	} {
		require.Equal(t, want, excerpt([]byte(content)))
	}
	long := make([]byte, 0, 3*maxExcerpt)
	for range maxExcerpt {
		long = append(long, "é€"...)
	}
	got := excerpt(long[1:]) // a cut in the middle of a letter at both ends
	require.LessOrEqual(t, len(got), maxExcerpt)
	require.Greater(t, len(got), maxExcerpt-8)
	require.NotContains(t, got, "\ufffd")
}
