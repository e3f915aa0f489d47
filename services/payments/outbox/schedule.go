package outbox

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Schedule is how long after each failed attempt the next one comes, at the latest. After the last, the delivery is dead.
type Schedule []time.Duration

// DefaultSchedule has the retries that Standard Webhooks recommends: ten attempts, over three days at the latest and two at the earliest.
func DefaultSchedule() Schedule {
	return Schedule{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
}

// ParseSchedule reads pauses such as "5s" and "24h": one to thirty, each above zero and of a week at most.
func ParseSchedule(texts []string) (Schedule, error) {
	if len(texts) == 0 || len(texts) > 30 {
		return nil, errors.New("must have from 1 to 30 pauses")
	}
	s := make(Schedule, len(texts))
	for i, text := range texts {
		pause, err := time.ParseDuration(text)
		if err != nil || pause <= 0 || pause > 7*24*time.Hour {
			return nil, fmt.Errorf("has the pause %q: each must be like 5s, 30m or 24h, and a week at most", text)
		}
		s[i] = pause
	}
	return s, nil
}

// jitters is how many different pauses there are between the shortest and the longest.
const jitters = 1_000_000

// pause is how long to wait after the n-th failure, from 1. The jitter, from 0 to jitters, spreads the retries of many deliveries that failed together
// over the whole of what lies between the pause before and this one: it can be full without the pauses near zero that would use a
// schedule of days up in one.
func (s Schedule) pause(n, jitter int) time.Duration {
	shortest := time.Duration(0)
	if n > 1 {
		shortest = min(s[n-2], s[n-1])
	}
	return shortest + (s[n-1]-shortest)/jitters*time.Duration(jitter)
}

// maxRetryAfter bounds what a receiver can ask for.
const maxRetryAfter = 24 * time.Hour

// answer is what came of an attempt.
type answer struct {
	status     int           // 0 when there was none
	retryAfter time.Duration // at most maxRetryAfter; zero when the receiver named none
}

// taken reports whether the receiver has the event.
func (a answer) taken() bool { return a.status/100 == 2 }

// busy reports whether the receiver cannot take anything just now, whatever it is: the answer says nothing of this delivery.
func (a answer) busy() bool {
	return a.status == 0 || a.status == http.StatusTooManyRequests || a.status >= http.StatusInternalServerError
}

// asksToWait is how long the receiver wants to be left alone; zero when it does not say.
func (a answer) asksToWait() time.Duration {
	if a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable {
		return a.retryAfter
	}
	return 0
}

// gone reports whether the receiver wants no more, of this or any other event.
func (a answer) gone() bool { return a.status == http.StatusGone }

// next decides what becomes of a delivery after an attempt. One that was answered with 410 is due as soon as its endpoint is enabled again.
func next(d Delivery, s Schedule, a answer, now time.Time, jitter int) Delivery {
	d.Attempts++
	if a.taken() {
		return end(d, Delivered, now)
	}
	if a.gone() && !d.ping() {
		d.NextAt = now
		return d
	}
	d.Failures++
	if d.Failures > len(s) || d.ping() {
		return end(d, Dead, now)
	}
	d.NextAt = now.Add(max(s.pause(d.Failures, jitter), a.asksToWait()))
	return d
}

func end(d Delivery, s State, now time.Time) Delivery {
	d.State, d.NextAt, d.EndedAt = s, time.Time{}, now
	return d
}
