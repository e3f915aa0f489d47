package outbox

import (
	"net/http"
	"time"
)

// schedule is how long after each failed attempt the next one comes: the retries that Standard Webhooks
// recommends, over four days in all. After the last, the delivery is dead.
var schedule = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// maxRetryAfter bounds what a receiver can ask for.
const maxRetryAfter = 24 * time.Hour

// answer is what came of an attempt.
type answer struct {
	status     int           // 0 when there was none
	retryAfter time.Duration // at most maxRetryAfter; zero when the receiver named none
}

// next decides what becomes of a delivery after an attempt. jitter, from 0 to 999, spreads the retries of many
// deliveries that failed together over a tenth of the pause.
func next(d Delivery, a answer, now time.Time, jitter int) Delivery {
	switch {
	case a.status/100 == 2:
		return end(d, Delivered, now)
	case a.status == http.StatusGone: // the receiver wants no more
		return end(d, Dead, now)
	case d.Attempts > len(schedule):
		return end(d, Dead, now)
	}
	pause := schedule[d.Attempts-1]
	pause += pause / 10 * time.Duration(jitter) / 1000
	if a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable {
		pause = max(pause, a.retryAfter)
	}
	d.NextAt = now.Add(pause)
	return d
}

func end(d Delivery, s State, now time.Time) Delivery {
	d.State, d.NextAt, d.EndedAt = s, time.Time{}, now
	return d
}
