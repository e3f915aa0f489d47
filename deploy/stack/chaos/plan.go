package chaos

import (
	"hash/fnv"
	"math/rand/v2"
	"time"

	"tianguis.example/sandbox/control"
)

// stream is the randomness of one thing, such as "buyer of job" 17 or "replica" 1: the same for the same seed, whatever
// the others draw.
func stream(seed uint64, name string, index int) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))                                // returns no error, as it documents
	return rand.New(rand.NewPCG(seed, h.Sum64()+uint64(index))) //nolint:gosec // G404, G115: a plan that can be drawn again, not a secret
}

// manner is how a buyer goes about one visit to a job's page.
type manner string

const (
	plain         manner = "plain"          // asks, approves, comes back, waits
	decline       manner = "decline"        // says no at the wallet
	leave         manner = "leave"          // closes the tab at the wallet, undecided
	leaveApproved manner = "leave_approved" // approves, and closes the tab before it is sent back
	closeTab      manner = "close_tab"      // closes the tab while the return is being worked on
	dawdle        manner = "dawdle"         // approves when the quote has died
	clickTwice    manner = "click_twice"    // asks twice at the same time
	returnTwice   manner = "return_twice"   // comes back in two tabs at the same time
	reload        manner = "reload"         // loads the address of the return again and again
	otherBrowser  manner = "other_browser"  // comes back in another browser first
)

// manners says how often each comes, in a hundred.
var manners = []struct {
	manner manner
	weight int
}{
	{plain, 34},
	{decline, 10},
	{leave, 8},
	{leaveApproved, 5},
	{closeTab, 8},
	{dawdle, 8},
	{clickTwice, 9},
	{returnTwice, 7},
	{reload, 6},
	{otherBrowser, 5},
}

// visit is one visit as it is planned.
type visit struct {
	manner manner
	think  time.Duration   // before it decides at the wallet; beyond a dawdler's dead quote
	pause  time.Duration   // before the next visit, if there must be one
	final  bool            // who declines or leaves now does not try again
	faults []control.Fault // of the wallet, which begin with the visit
}

// maxVisits is how often a buyer tries. The last visits are plain ones: whoever is still there wants to pay.
const (
	maxVisits   = 15
	fancyVisits = 4
	maxFaults   = 1 // that one visit brings
)

// planOf draws how the buyer of a job will behave, visit by visit.
func planOf(seed uint64, job int, pace Pace) []visit {
	random := stream(seed, "job", job)
	plan := make([]visit, maxVisits)
	for i := range plan {
		v := visit{
			manner: drawManner(random),
			think:  upTo(random, pace.Think),
			pause:  pace.Think/4 + upTo(random, pace.Think),
			final:  random.IntN(10) < 3,
		}
		if i >= fancyVisits {
			v.manner, v.final = plain, false
		}
		if v.manner == leave && random.IntN(2) == 0 {
			v.pause += pace.Consent // comes back when it is too late
		}
		for range random.IntN(maxFaults + 1) {
			v.faults = append(v.faults, drawFault(random, pace))
		}
		plan[i] = v
	}
	return plan
}

func drawManner(random *rand.Rand) manner {
	n := random.IntN(100)
	for _, m := range manners {
		if n -= m.weight; n < 0 {
			return m.manner
		}
	}
	return plain
}

func upTo(random *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(random.Int64N(int64(d) + 1))
}

// between draws from a to b.
func between(random *rand.Rand, a, b time.Duration) time.Duration { return a + upTo(random, b-a) }
