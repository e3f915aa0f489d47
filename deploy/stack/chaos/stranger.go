package chaos

import (
	"context"
	"net/http"
	"strings"
	"time"

	"tianguis.example/chassis/clock"
)

// doors are where a stranger knocks: each has to turn everybody away who has neither a key, nor a signature, nor a proof.
var doors = []struct{ name, program, method, path, body string }{
	{"api", "payments", http.MethodGet, "/payments/pending", ""},
	{"operator", "payments", http.MethodGet, "/operator/webhooks", ""},
	{"webhook", "marketplace", http.MethodPost, "/api/webhooks/payments", `{"type":"payment.completed","pendingId":"x","offerId":"1","status":"paid","outgoingPaymentId":"x"}`},
	{"form", "marketplace", http.MethodPost, "/logout", ""},
}

// knockEvery is the pause between two knocks.
const knockEvery = 200 * time.Millisecond

// knock tries door after door until ctx is done. A door that opens is an offence; one that is broken just now is none.
func (r *run) knock(ctx context.Context) {
	for i := 0; clock.Sleep(ctx, clock.System(), knockEvery) == nil; i++ {
		door := doors[i%len(doors)]
		address := r.stack.Marketplace.Address
		if door.program == "payments" {
			address = r.stack.Payments.Address
		}
		request, err := http.NewRequestWithContext(ctx, door.method, address+door.path, strings.NewReader(door.body))
		if err != nil {
			r.offend("knock: %v", err)
			return
		}
		request.Header.Set("Authorization", "Bearer not-the-key")
		request.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			continue // nobody is in
		}
		_ = answer.Body.Close()
		if answer.StatusCode < http.StatusBadRequest {
			r.offend("a stranger was let in: %s %s answered %d", door.method, door.path, answer.StatusCode)
		}
		r.counts.Add("knock." + door.name)
	}
}
