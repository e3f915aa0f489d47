package webhooks

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// stream is the randomness of one thing, such as "event" 17: the same for the same seed, whatever the others draw.
func stream(seed uint64, name string, index int) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))                                // returns no error, as it documents
	return rand.New(rand.NewPCG(seed, h.Sum64()+uint64(index))) //nolint:gosec // G404, G115: a plan that can be drawn again, not a secret
}

// fate is what befalls one request on its way.
type fate string

const (
	forward     fate = "forward"      // nothing
	slow        fate = "slow"         // it arrives late, and is answered
	loseRequest fate = "lose_request" // the connection breaks before anything arrives
	loseAnswer  fate = "lose_answer"  // the connection breaks when all was done
	halfRequest fate = "half_request" // half of the body arrives
	halfAnswer  fate = "half_answer"  // half of the answer comes back
	silence     fate = "silence"      // nobody answers; it arrives when its sender has given up
	twice       fate = "twice"        // it arrives twice at the same time
	later       fate = "later"        // 503, and it arrives all the same, some time after
	corrupt     fate = "corrupt"      // one byte of the body changes
	status400   fate = "400"
	status500   fate = "500"
	status502   fate = "502"
	busy429     fate = "429"       // too many requests
	wait429     fate = "429_wait"  // the same, with Retry-After
	wait503     fate = "503_wait"  // the same, of a service that is away
	moved302    fate = "302"       // found, elsewhere
	moved307    fate = "307"       // the same, with the method and the body kept
	gone410     fate = "410"       // no more of these: the endpoint is disabled
	garbage     fate = "no_http"   // an answer that is no HTTP
	longAnswer  fate = "long_body" // 200 when all was done, with more of a body than anybody reads
)

// fates says how often each comes, in ten thousand arrivals in fair weather.
var fates = []struct {
	fate   fate
	weight int
}{
	{slow, 400},
	{loseRequest, 250},
	{loseAnswer, 300},
	{halfRequest, 150},
	{halfAnswer, 200},
	{silence, 8},
	{twice, 400},
	{later, 200},
	{corrupt, 150},
	{status400, 100},
	{status500, 150},
	{status502, 100},
	{busy429, 100},
	{wait429, 60},
	{wait503, 60},
	{moved302, 150},
	{moved307, 100},
	{gone410, 10},
	{garbage, 60},
	{longAnswer, 100},
}

const allFates = 10_000

// fateOf draws what befalls an event when it arrives for the nth time, from 0, in fair weather.
func fateOf(seed uint64, event, nth int) fate {
	n := stream(seed, "arrival", event*1000+nth).IntN(allFates)
	for _, f := range fates {
		if n -= f.weight; n < 0 {
			return f.fate
		}
	}
	return forward
}

// weather is what the path is like for a while, for everything on it.
type weather string

const (
	fair      weather = "fair"      // each arrival has a fate of its own
	down      weather = "down"      // nobody listens
	flapping  weather = "flapping"  // nobody listens, by turns
	erring    weather = "erring"    // 500, always
	throttled weather = "throttled" // 429 with Retry-After, always
	redirects weather = "redirects" // 302, always
	sluggish  weather = "sluggish"  // every answer takes long
)

var foul = []weather{down, flapping, erring, throttled, redirects, sluggish}

// spell is some weather, and how long it lasts. Foul and fair weather alternate.
type spell struct {
	weather weather
	lasts   time.Duration
}

func drawSpell(random *rand.Rand, nth int) spell {
	if nth%2 == 0 {
		return spell{fair, between(random, 1500*time.Millisecond, 4*time.Second)}
	}
	// One after the other, each seed from another one on: a short run meets several, a long one all.
	return spell{foul[(nth/2+random.IntN(2))%len(foul)], between(random, 400*time.Millisecond, 1200*time.Millisecond)}
}

// blow is a SIGKILL: how long after the one before, and how long until the process is started again.
type blow struct{ pause, down time.Duration }

// drawBlow draws one that comes after from half of every to one and a half.
func drawBlow(random *rand.Rand, every time.Duration) blow {
	return blow{pause: every/2 + upTo(random, every), down: upTo(random, 400*time.Millisecond)}
}

func upTo(random *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(random.Int64N(int64(d) + 1))
}

// between draws from a to b.
func between(random *rand.Rand, a, b time.Duration) time.Duration { return a + upTo(random, b-a) }

// kind is what happens to a job.
type kind int

const (
	paid       kind = iota // its one payment is paid
	failed                 // its one payment fails
	failedPaid             // a payment fails and a later one is paid; both events are due at once
	paidTwice              // two payments are paid, which must be told and not hidden
)

// events is how many a job has.
func (k kind) events() int {
	if k == failedPaid || k == paidTwice {
		return 2
	}
	return 1
}

// plan draws jobs until they have that many events together.
func plan(seed uint64, events int) []kind {
	random := stream(seed, "jobs", 0)
	var jobs []kind
	for left := events; left > 0; {
		k := paid
		switch n := random.IntN(100); {
		case n < 82:
		case n < 90:
			k = failed
		case n < 98:
			k = failedPaid
		default:
			k = paidTwice
		}
		if k.events() > left {
			k = paid
		}
		jobs, left = append(jobs, k), left-k.events()
	}
	return jobs
}
