package chaos

import (
	"context"
	"math/rand/v2"
	"net/http"

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

// drawFault draws a fault of the wallet.
func drawFault(random *rand.Rand, pace Pace) control.Fault {
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
	return f
}

// plant lets the wallet fail as a visit brings it, while the trouble lasts. Whom it strikes is whoever asks first. After as many
// as there are buyers the sky is clear again: faults that found nothing to strike would pile up, and then strike everything that is
// asked rarely.
func (r *run) plant(ctx context.Context, faults []control.Fault) {
	for _, fault := range faults {
		if r.calm.Load() {
			return
		}
		if r.planted.Add(1)%int64(r.Buyers) == 0 {
			r.clearUp(ctx)
		}
		if err := r.wallets.AddFault(ctx, fault); err != nil {
			r.offend("plant a fault: %v", err)
			return
		}
		r.counts.Add("fault." + string(fault.Kind))
	}
}

func (r *run) clearUp(ctx context.Context) {
	if err := r.wallets.ClearFaults(ctx); err != nil {
		r.offend("clear the wallet's faults: %v", err)
	}
}
