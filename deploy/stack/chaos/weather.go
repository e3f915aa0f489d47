package chaos

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/sandbox/control"
)

// The wallet's operations that faults strike, as the sandbox names them; those of which a lost answer hurts most come twice.
var operations = []string{
	"wallet-address.get", "wallet-address.keys",
	"grant.request", "grant.request", "grant.continue", "grant.continue", "grant.continue", "grant.cancel",
	"token.rotate", "token.rotate",
	"interaction.start", "interaction.finish", "consent.show", "consent.decide",
	"incoming-payment.create", "incoming-payment.get", "incoming-payment.get",
	"quote.create", "quote.create",
	"outgoing-payment.create", "outgoing-payment.create", "outgoing-payment.create", "outgoing-payment.get", "outgoing-payment.list",
}

var statuses = []int{
	http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusTooManyRequests,
}

// drawFault draws a fault of the wallet, and how long to wait before it.
func drawFault(random *rand.Rand, pace Pace) (control.Fault, time.Duration) {
	pause := upTo(random, pace.Weather)
	f := control.Fault{Operation: operations[random.IntN(len(operations))], Count: 1 + random.IntN(3)}
	latency := between(random, pace.Wallet/10, pace.Wallet*3/2) // some are beyond the longest call
	status := statuses[random.IntN(len(statuses))]
	switch n := random.IntN(100); {
	case n < 25:
		f.Kind, f.Latency = control.Latency, control.Duration(latency)
	case n < 50:
		f.Kind, f.Status = control.ErrorStatus, status
	case n < 58:
		f.Kind = control.Hang
	case n < 70:
		f.Kind = control.DropBefore
	case n < 92:
		f.Kind = control.DropAfter
	case n < 95:
		f.Kind, f.Count = control.Decline, 1
	case n < 98:
		f.Kind, f.Count, f.Reason = control.FailPayment, 1, "The chaos run made it fail."
	default: // an outage of everything
		f.Kind, f.Status, f.Operation, f.Count = control.ErrorStatus, http.StatusServiceUnavailable, "", 40
	}
	return f, pause
}

// clearsUp is after how many faults the sky is clear again: faults that found nothing to strike would pile up, and then
// strike everything that is asked rarely.
const clearsUp = 8

// weather lets the wallet fail until ctx is done.
func (r *run) weather(ctx context.Context, random *rand.Rand) {
	for n := 1; ; n++ {
		fault, pause := drawFault(random, r.Pace)
		if clock.Sleep(ctx, clock.System(), pause) != nil {
			return
		}
		if n%clearsUp == 0 {
			if err := r.wallets.ClearFaults(ctx); err != nil && ctx.Err() == nil {
				r.offend("clear the wallet's faults: %v", err)
			}
		}
		if err := r.wallets.AddFault(ctx, fault); err != nil {
			if ctx.Err() == nil {
				r.offend("plant a fault: %v", err)
			}
			continue
		}
		r.counts.add("fault." + string(fault.Kind))
	}
}
