package attacks

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"tianguis.example/payments/webhook"
	"tianguis.example/stack"
)

var (
	unsigned     = Refusal{http.StatusUnauthorized, "signature is missing or does not fit"}
	noEvent      = Refusal{http.StatusBadRequest, `"success":false`}
	conflict     = Refusal{http.StatusConflict, `"success":false`}
	tellUnsigned = suspect(stack.Marketplace, "unauthorized")
)

// completed is the event that somebody wants the marketplace to believe.
func completed(pendingID string, job int64) string {
	return fmt.Sprintf(`{"type":"payment.completed","pendingId":%q,"offerId":"%d","status":"paid","outgoingPaymentId":"https://evil.example/outgoing-payments/1","timestamp":"2026-01-01T00:00:00Z"}`, pendingID, job)
}

func failedEvent(v victim) string {
	return fmt.Sprintf(`{"type":"payment.failed","pendingId":%q,"offerId":"%d","status":"failed","outgoingPaymentId":"","timestamp":"2026-01-01T00:00:00Z"}`, v.pendingID, v.job)
}

func deliver(header http.Header, body string) shot {
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Content-Type", "application/json")
	return shot{program: stack.Marketplace, method: http.MethodPost, path: webhook.Path, header: header, body: body}
}

// delivered is an attack by webhooks about the payment that awaits its payer.
func delivered(shots func(s *siege, body string) []shot) func(context.Context, *siege) ([]answer, error) {
	return func(ctx context.Context, s *siege) ([]answer, error) {
		return s.fire(ctx, shots(s, completed(s.awaiting.pendingID, s.awaiting.job))...)
	}
}

// newID is one that no webhook has had.
func newID() string { return "msg_" + ulid.Make().String() }

func without(h http.Header, name string) http.Header {
	h = h.Clone()
	h.Del(name)
	return h
}

func instead(h http.Header, name, value string) http.Header {
	h = h.Clone()
	h.Set(name, value)
	return h
}

var webhookAttacks = []Attack{
	{
		ID: "webhook-unsigned", Title: "Paid, says a webhook without a signature, an id or a time", By: Stranger, Aim: Money,
		Refused: []Refusal{unsigned}, Told: tellUnsigned,
		Try: delivered(func(s *siege, body string) []shot {
			signed := s.forge(newID(), now(), body)
			all := []shot{deliver(nil, body), deliver(http.Header{}, "")}
			for _, name := range []string{webhook.HeaderID, webhook.HeaderTimestamp, webhook.HeaderSignature} {
				all = append(all, deliver(without(signed, name), body), deliver(instead(signed, name, ""), body))
			}
			return all
		}),
	},
	{
		ID: "webhook-wrong-secret", Title: "Signed with a secret that is not ours", By: Stranger, Aim: Money,
		Refused: []Refusal{unsigned}, Told: tellUnsigned,
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			body := completed(s.awaiting.pendingID, s.awaiting.job)
			foreign, err := webhook.ParseSecrets(webhook.GenerateSecret())
			if err != nil {
				return nil, err
			}
			header := http.Header{}
			foreign.Sign(header, newID(), now(), []byte(body))
			return s.fire(ctx, deliver(header, body))
		},
	},
	{
		ID: "webhook-stale", Title: "Captured six minutes ago, and replayed", By: Network, Aim: Money,
		Refused: []Refusal{unsigned}, Told: tellUnsigned,
		Try: delivered(func(s *siege, body string) []shot {
			return []shot{deliver(s.forge(newID(), now().Add(-6*time.Minute), body), body), deliver(s.forge(newID(), time.Unix(0, 0), body), body)}
		}),
	},
	{
		ID: "webhook-future", Title: "Signed for later, so that it would be good for longer", By: Network, Aim: Money,
		Refused: []Refusal{unsigned}, Told: tellUnsigned,
		Try: delivered(func(s *siege, body string) []shot {
			signed := s.forge(newID(), now(), body)
			return []shot{
				deliver(s.forge(newID(), now().Add(6*time.Minute), body), body), deliver(instead(signed, webhook.HeaderTimestamp, "99999999999999999999"), body),
				deliver(instead(signed, webhook.HeaderTimestamp, "-1"), body), deliver(instead(signed, webhook.HeaderTimestamp, "1e9"), body),
			}
		}),
	},
	{
		ID: "webhook-tampered", Title: "A real signature over another body: another job, another type, one space more", By: Network, Aim: Money,
		Refused: []Refusal{unsigned}, Told: tellUnsigned,
		Try: delivered(func(s *siege, body string) []shot {
			signed := s.forge(newID(), now(), failedEvent(s.awaiting))
			return []shot{deliver(signed, body), deliver(signed, failedEvent(s.awaiting)+" "), deliver(signed, failedEvent(s.twin))}
		}),
	},
	{
		ID: "webhook-id-changed", Title: "A real signature under another id, or at another time", By: Network, Aim: Money,
		Refused: []Refusal{unsigned}, Told: tellUnsigned,
		Try: delivered(func(s *siege, body string) []shot {
			signed := s.forge(newID(), now(), body)
			return []shot{
				deliver(instead(signed, webhook.HeaderID, newID()), body),
				deliver(instead(signed, webhook.HeaderTimestamp, strconv.FormatInt(now().Unix()+1, 10)), body),
			}
		}),
	},
	{
		ID: "webhook-headers-twice", Title: "Each header twice, the forged one first", By: Network, Aim: Money,
		Refused: []Refusal{unsigned}, Told: tellUnsigned,
		Try: delivered(func(s *siege, body string) []shot {
			signed := s.forge(newID(), now(), body)
			var all []shot
			for _, name := range []string{webhook.HeaderID, webhook.HeaderTimestamp, webhook.HeaderSignature} {
				twice := signed.Clone()
				name = http.CanonicalHeaderKey(name)
				twice[name] = []string{"v1,AAAA", signed.Get(name)}
				all = append(all, deliver(twice, body))
			}
			return all
		}),
	},
	{
		ID: "webhook-algorithm", Title: "The signature under another algorithm's name, or none's", By: Stranger, Aim: Money,
		Refused: []Refusal{unsigned}, Told: tellUnsigned,
		Try: delivered(func(s *siege, body string) []shot {
			signed := s.forge(newID(), now(), body)
			_, right, _ := strings.Cut(signed.Get(webhook.HeaderSignature), ",")
			var all []shot
			for _, signature := range []string{"v1a," + right, "v2," + right, "none,", "v1,", right, "V1," + right, "v1,," + right} {
				all = append(all, deliver(instead(signed, webhook.HeaderSignature, signature), body))
			}
			return all
		}),
	},
	{
		ID: "webhook-many-signatures", Title: "Hundreds of signatures, so that one may fit and all cost time", By: Stranger, Aim: Service,
		Refused: []Refusal{unsigned}, Told: tellUnsigned,
		Try: delivered(func(s *siege, body string) []shot {
			signed := s.forge(newID(), now(), body)
			many := strings.Repeat("v1,"+strings.Repeat("A", 43)+"= ", 500)
			return []shot{deliver(instead(signed, webhook.HeaderSignature, many+signed.Get(webhook.HeaderSignature)), body)}
		}),
	},
	{
		ID: "webhook-form", Title: "Sent by a form or a script of another site", By: Site, Aim: Money,
		Refused: []Refusal{unsigned, {http.StatusMethodNotAllowed, `"success":false`}}, Told: []Line{{stack.Marketplace, "route", webhook.Path}, {stack.Marketplace, "security", "unauthorized"}},
		Try: delivered(func(s *siege, body string) []shot {
			form := deliver(nil, body).with("Origin", "https://evil.example")
			form.header.Set("Content-Type", "text/plain")
			form.as = s.payer
			asks := shot{program: stack.Marketplace, method: http.MethodOptions, path: webhook.Path, header: http.Header{"Origin": {"https://evil.example"}, "Access-Control-Request-Method": {"POST"}}}
			return []shot{form, asks}
		}),
	},
	{
		ID: "webhook-oversized", Title: "A body of 20 KB and more, signed, with and without its length", By: Network, Aim: Service,
		Refused: []Refusal{{http.StatusRequestEntityTooLarge, `"success":false`}, {0, ""}}, Told: suspect(stack.Marketplace, "too_large"),
		Try: delivered(func(s *siege, body string) []shot {
			body += strings.Repeat(" ", webhook.MaxBody)
			known := deliver(s.forge(newID(), now(), body), body)
			unknown, huge := known, known
			unknown.chunked = true
			huge.body = strings.Repeat("x", 300<<10)
			return []shot{known, unknown, huge}
		}),
	},
	{
		ID: "webhook-torn", Title: "Signed, and cut off; or no JSON, or JSON of another shape", By: Network, Aim: Service,
		Refused: []Refusal{noEvent}, Told: []Line{{stack.Marketplace, "status", "400"}},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			whole := completed(s.awaiting.pendingID, s.awaiting.job)
			var shots []shot
			for _, body := range []string{whole[:len(whole)/2], "", "null", "[]", `"paid"`, "<paid/>", whole + whole, strings.Replace(whole, `"paid"`, `"failed"`, 1), strings.Replace(whole, `"status"`, `"x"`, 1)} {
				shots = append(shots, deliver(s.forge(newID(), now(), body), body))
			}
			return s.fire(ctx, shots...)
		},
	},
	{
		ID: "webhook-deep", Title: "Signed JSON of 9,000 brackets", By: Network, Aim: Service,
		Refused: []Refusal{noEvent}, Told: []Line{{stack.Marketplace, "status", "400"}},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			body := `{"type":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + "}"
			return s.fire(ctx, deliver(s.forge(newID(), now(), body), body))
		},
	},
	{
		ID: "webhook-another-job", Title: "A payment that was made for one job is told for another", By: Network, Aim: Money,
		Refused: []Refusal{conflict}, Told: suspect(stack.Marketplace, "conflict"),
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			var shots []shot
			for _, body := range []string{completed(s.paid.pendingID, s.due), completed(s.awaiting.pendingID, s.twin.job), completed(ulid.Make().String(), s.due)} {
				shots = append(shots, deliver(s.forge(newID(), now(), body), body))
			}
			return s.fire(ctx, shots...)
		},
	},
	{
		ID: "webhook-no-such-job", Title: "A job that there is not, or a name that is none: 01, +1, 1.0, 1e0", By: Network, Aim: Money,
		Refused: []Refusal{{http.StatusNotFound, "Job not found"}}, Told: []Line{{stack.Marketplace, "status", "404"}},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			var shots []shot
			job := strconv.FormatInt(s.awaiting.job, 10)
			for _, offer := range []string{"0" + job, "+" + job, job + ".0", job + "e0", " " + job, "-" + job, "999999999", "1' OR '1'='1", "../" + job} {
				body := strings.Replace(completed(s.awaiting.pendingID, s.awaiting.job), `"offerId":"`+job+`"`, `"offerId":"`+offer+`"`, 1)
				shots = append(shots, deliver(s.forge(newID(), now(), body), body))
			}
			return s.fire(ctx, shots...)
		},
	},
	{
		ID: "webhook-id-again", Title: "The id of a webhook that was taken, for another event", By: Network, Aim: Money,
		Refused: []Refusal{conflict, {http.StatusOK, "Payment failure recorded"}}, Told: []Line{{stack.Marketplace, "security", "conflict"}, {stack.Marketplace, "msg", "payment news changed nothing"}},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			id, first := newID(), failedEvent(s.paid) // of a payment that was paid: it is taken, and changes nothing
			second := completed(s.awaiting.pendingID, s.awaiting.job)
			all, err := s.fire(ctx, deliver(s.forge(id, now(), first), first), deliver(s.forge(id, now(), second), second))
			if err == nil && all[1].status != http.StatusConflict {
				err = fmt.Errorf("one id was taken twice: %s", all[1])
			}
			return all, err
		},
	},
	{
		ID: "webhook-reordered", Title: "A failure of the payment, delivered after the money has arrived", By: Network, Aim: Money,
		Refused: []Refusal{{http.StatusOK, "Payment failure recorded"}}, Told: []Line{{stack.Marketplace, "msg", "payment news changed nothing"}},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			body := failedEvent(s.paid)
			return s.fire(ctx, deliver(s.forge(newID(), now(), body), body))
		},
	},
	{
		ID: "webhook-unknown-event", Title: "An event of a kind that nobody knows, about a payment", By: Network, Aim: Money,
		Refused: []Refusal{{http.StatusOK, "Event ignored"}}, Told: []Line{{stack.Marketplace, "route", webhook.Path}},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			var shots []shot
			for _, kind := range []string{"payment.refunded", "PAYMENT.COMPLETED", "payment.completed "} {
				body := strings.Replace(completed(s.awaiting.pendingID, s.awaiting.job), "payment.completed", kind, 1)
				shots = append(shots, deliver(s.forge(newID(), now(), body), body))
			}
			return s.fire(ctx, shots...)
		},
	},
}
