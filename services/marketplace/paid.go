package marketplace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"tianguis.example/payments/api"
)

// Source is how news of a payment reached the marketplace.
type Source string

// The sources. All but SourceUnsigned are the payments service's own word.
const (
	SourceWebhook  Source = "webhook"
	SourceUnsigned Source = "unsigned_webhook" // anybody's word, where the operator allows it by name
	SourceFinish   Source = "finish"           // the answer to the browser's return
	SourceAsked    Source = "asked"            // the answer to a question of ours
)

// News is the end of a payment: it was paid, or it failed.
type News struct {
	Source    Source
	WebhookID string // of a signed webhook; "" otherwise

	JobID             JobID
	PendingID         string
	Paid              bool   // false: it failed
	OutgoingPaymentID string // of a paid one; a URL at the payer's wallet
	Reason            string // of a failure: a stable word
	Message           string // of a failure: a sentence for people
}

// LogValue names the news as every log line does.
func (n News) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("source", string(n.Source)), slog.String("webhook_id", n.WebhookID),
		slog.String("job_id", n.JobID.String()), slog.String("pending_id", n.PendingID),
		slog.Bool("paid", n.Paid), slog.String("reason", n.Reason))
}

// newsOf is the news in what the payments service tells of a payment that has ended.
func newsOf(p api.Payment, source Source) News {
	id, _ := ParseJobID(p.OfferID)
	return News{
		Source: source, JobID: id, PendingID: p.PendingID, Paid: p.Status == api.StatusPaid,
		OutgoingPaymentID: p.OutgoingPaymentID, Reason: p.Reason, Message: p.Message,
	}
}

// paidStore is what news needs of a store.
type paidStore interface {
	// JobAndAttempt returns CodeNotFound without the job. The attempt is the one with this
	// pendingID, whosever job it is for, or nil.
	JobAndAttempt(ctx context.Context, id JobID, pendingID string) (Job, *Attempt, error)
	// Record commits all of a change, or returns ErrStale.
	Record(ctx context.Context, c Change) error
}

// staleTries is how often news is decided afresh because the job changed in the meantime.
const staleTries = 10

// Paid applies the news of a payment, once, whoever brings it and however often: webhook, finish
// and poll all end here. It returns the job as it is afterwards; CodeNotFound for an unknown
// job; CodeForeignPayment when the payment is none that this marketplace started for the job;
// CodeInvalidInput for a paid one without its outgoing payment.
func (m *Market) Paid(ctx context.Context, n News) (Job, error) {
	n.Reason, n.Message = clean(n.Reason, 100), clean(n.Message, 500)
	if n.PendingID != clean(n.PendingID, 64) {
		return Job{}, &Error{Code: CodeInvalidInput, Message: "A payment needs its pendingId."}
	}
	for range staleTries {
		job, attempt, err := m.store.JobAndAttempt(ctx, n.JobID, n.PendingID)
		if err != nil {
			return Job{}, fmt.Errorf("read the job: %w", err)
		}
		change, err := job.hear(n, attempt, m.clock.Now())
		if err != nil {
			return Job{}, err
		}
		err = m.store.Record(ctx, change)
		if errors.Is(err, ErrStale) {
			continue
		}
		if err != nil {
			return Job{}, fmt.Errorf("record the news: %w", err)
		}
		m.tell(ctx, n, change)
		return change.After, nil
	}
	return Job{}, fmt.Errorf("record the news: %w", ErrStale)
}

// tell logs what was done, once per news that changed something.
func (m *Market) tell(ctx context.Context, n News, c Change) {
	if len(c.Entries) == 0 {
		m.log.InfoContext(ctx, "payment news changed nothing", "", n)
		return
	}
	if n.Source == SourceUnsigned {
		m.log.WarnContext(ctx, "payment news applied without a signature", "", n)
	}
	for _, e := range c.Entries {
		level := slog.LevelInfo
		if e.Event == EventPaidOutOfTurn || e.Event == EventPaidAgain {
			level = slog.LevelError // money moved that nobody waited for: a person must look
		}
		m.log.Log(ctx, level, "payment news applied", "", n, "event", e.Event, "from", string(e.From), "to", string(e.To))
	}
}

const maxPaymentID = 2000 // characters: what a URL may have

// hear decides what news does to a job and to the attempt that it is about (nil when we know of none).
func (j Job) hear(n News, attempt *Attempt, now time.Time) (Change, error) {
	c := Change{At: now, Before: j, After: j, WebhookID: n.WebhookID}
	switch {
	case n.Paid && (n.OutgoingPaymentID == "" || strings.Contains(n.OutgoingPaymentID, " ") || clean(n.OutgoingPaymentID, maxPaymentID) != n.OutgoingPaymentID):
		return Change{}, &Error{Code: CodeInvalidInput, Message: "A payment that is paid needs its outgoingPaymentId."}
	case n.PendingID == "":
		return Change{}, &Error{Code: CodeInvalidInput, Message: "A payment needs its pendingId."}
	case attempt == nil && n.Source == SourceWebhook && !n.Paid:
		// A start that the payments service gave up before it had told us a pendingId. Refused, it would be
		// delivered again for days; and it says nothing of the job.
		return c, nil
	case attempt != nil && attempt.JobID != j.ID, attempt == nil && (n.Source == SourceWebhook || n.Source == SourceFinish):
		return Change{}, &Error{Code: CodeForeignPayment, Message: "This payment was not started for this job here."}
	case attempt == nil:
		// An unsigned event, or one of the payments service's lists: kept like our own, so that it counts once.
		attempt = &Attempt{ID: newID(now), JobID: j.ID, PendingID: n.PendingID, State: AttemptAwaiting, CreatedAt: now}
	}
	known := *attempt
	known.UpdatedAt = now
	switch {
	case n.Paid && attempt.State == AttemptPaid, !n.Paid && !attempt.State.Open():
		return c, nil // told before; or a failure of what is over, which disturbs nothing
	case n.Paid:
		known.State, known.OutgoingPaymentID, known.Reason, known.Message = AttemptPaid, n.OutgoingPaymentID, "", ""
		c.After, c.Entries = j.paid(n, now)
	default:
		known.State, known.Reason, known.Message = AttemptFailed, n.Reason, n.Message
		if !j.ContractCompleted { // a failure beside a payment that arrived is no news of the job
			c.After.UpdatedAt = now
			c.Entries = []Entry{{At: now, Event: EventPaymentFailed, From: j.State, To: j.State, Detail: n.Reason}}
		}
	}
	c.Attempt = &known
	return c, nil
}

// paid is the job once its worker has the money. A job that did not wait for money, such as a
// canceled one, stays what it is; but what happened is said.
func (j Job) paid(n News, now time.Time) (Job, []Entry) {
	after := j
	after.UpdatedAt = now
	if j.ContractCompleted {
		return after, []Entry{{At: now, Event: EventPaidAgain, From: j.State, To: j.State, Detail: n.OutgoingPaymentID}}
	}
	after.PaymentID, after.ContractCompleted = n.OutgoingPaymentID, true
	event := EventPaidOutOfTurn
	if next, ok := j.State.After(Pay); ok {
		after.State, event = next, string(Pay)
	}
	return after, []Entry{{At: now, Event: event, From: j.State, To: after.State, Detail: n.OutgoingPaymentID}}
}
