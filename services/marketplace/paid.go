package marketplace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"tianguis.example/payments/api"
	"tianguis.example/payments/money"
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
	Digest    string // of that webhook's body

	JobID             JobID
	PendingID         string
	Paid              bool         // false: it failed
	OutgoingPaymentID string       // of a paid one; a URL at the payer's wallet, or "" when it is not known who paid
	Reason            string       // of a failure: a stable word
	Message           string       // of a failure: a sentence for people
	Overpaid          money.Amount // of a paid one: what the worker received beyond the amount; not set when that is nothing
	At                time.Time    // when the payment ended, by the payments service's clock; zero when it is not told
}

// LogValue names the news as every log line does.
func (n News) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("source", string(n.Source)), slog.String("webhook_id", n.WebhookID),
		slog.String("job_id", n.JobID.String()), slog.String("pending_id", n.PendingID),
		slog.Bool("paid", n.Paid), slog.String("reason", n.Reason), slog.String("overpaid", amountText(n.Overpaid)))
}

// newsOf is the news in what the payments service tells of a payment that has ended.
func newsOf(p api.Payment, source Source) News {
	id, _ := ParseJobID(p.OfferID)
	n := News{
		Source: source, JobID: id, PendingID: p.PendingID, Paid: p.Status == api.StatusPaid,
		OutgoingPaymentID: p.OutgoingPaymentID, Reason: p.Reason, Message: p.Message, At: p.PaidAt,
	}
	if p.OverpaidAmount != nil {
		n.Overpaid = *p.OverpaidAmount
	}
	return n
}

// paidStore is what news needs of a store.
type paidStore interface {
	// Told returns a webhook that was taken before, or nil.
	Told(ctx context.Context, webhookID string) (*Told, error)
	// JobAndAttempt returns CodeNotFound without the job. The attempt is the one with this
	// pendingID, whosever job it is for, or nil.
	JobAndAttempt(ctx context.Context, id JobID, pendingID string) (Job, *Attempt, error)
	// Record commits all of a change, or returns ErrStale.
	Record(ctx context.Context, c Change) error
}

// staleTries is how often news is decided afresh because the job changed in the meantime.
const staleTries = 10

// Paid applies the news of a payment, once, whoever brings it and however often: webhook, finish
// and poll all end here. It returns the job's state afterwards, and for a webhook that was taken before, the state
// then. CodeNotFound for an unknown job; CodeForeignPayment when the payment is none that this marketplace
// started for the job; CodeReused when the webhook's id came with another body before; CodeInvalidInput for an
// unsigned paid one without its outgoing payment.
func (m *Market) Paid(ctx context.Context, n News) (State, error) {
	n.Reason, n.Message = clean(n.Reason, 100), clean(n.Message, 500)
	if n.PendingID != clean(n.PendingID, 64) {
		return "", &Error{Code: CodeInvalidInput, Message: "A payment needs its pendingId."}
	}
	if n.WebhookID != clean(n.WebhookID, maxWebhookID) {
		return "", &Error{Code: CodeInvalidInput, Message: "A webhook needs an id of at most %d characters.", Args: []any{maxWebhookID}}
	}
	for range staleTries {
		state, err := m.hear(ctx, n)
		if !errors.Is(err, ErrStale) {
			return state, err
		}
	}
	return "", fmt.Errorf("record the news: %w", ErrStale)
}

const maxWebhookID = 255 // characters

// hear applies news once, or returns ErrStale when the job changed in the meantime.
func (m *Market) hear(ctx context.Context, n News) (State, error) {
	if n.WebhookID != "" {
		told, err := m.store.Told(ctx, n.WebhookID)
		switch {
		case err != nil:
			return "", fmt.Errorf("look the webhook up: %w", err)
		case told != nil && told.Digest != n.Digest:
			return "", &Error{Code: CodeReused, Message: "This webhook id was another event's. Nothing was changed."}
		case told != nil:
			m.log.InfoContext(ctx, "payment news told before", "", n)
			return told.JobState, nil
		}
	}
	job, attempt, err := m.store.JobAndAttempt(ctx, n.JobID, n.PendingID)
	if err != nil {
		return "", fmt.Errorf("read the job: %w", err)
	}
	change, err := job.hear(n, attempt, m.clock.Now())
	if err != nil {
		return "", err
	}
	if n.WebhookID != "" {
		change.Told = Told{WebhookID: n.WebhookID, Digest: n.Digest, JobState: change.After.State}
	}
	if err := m.store.Record(ctx, change); err != nil {
		return "", fmt.Errorf("record the news: %w", err)
	}
	m.tell(ctx, n, change)
	m.watchHeard(n, change)
	return change.After.State, nil
}

func (m *Market) watchHeard(n News, c Change) {
	var late time.Duration
	if !n.At.IsZero() {
		late = max(m.clock.Now().Sub(n.At), time.Nanosecond) // the clocks of two machines
	}
	if len(c.Entries) == 0 {
		m.watch.Heard(n.Source, "", 0)
	}
	for _, e := range c.Entries {
		m.watch.Heard(n.Source, e.Event, late)
	}
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
		if slices.Contains(OddEvents, e.Event) {
			level = slog.LevelError // a person must look
		}
		m.log.Log(ctx, level, "payment news applied", "", n, "event", e.Event, "from", string(e.From), "to", string(e.To))
	}
}

const maxPaymentID = 2000 // characters: what a URL may have

// hear decides what news does to a job and to the attempt that it is about (nil when we know of none).
func (j Job) hear(n News, attempt *Attempt, now time.Time) (Change, error) {
	c := Change{At: now, Before: j, After: j}
	switch {
	case n.Paid && n.Source == SourceUnsigned && n.OutgoingPaymentID == "",
		n.Paid && (strings.Contains(n.OutgoingPaymentID, " ") || clean(n.OutgoingPaymentID, maxPaymentID) != n.OutgoingPaymentID):
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
	// News of a payment may come in any order and again, and its sequence is not needed to tell what is stale: an attempt
	// only ever rises, from open to failed to paid, and so does what was overpaid. Whatever does not raise it is old.
	known := *attempt
	known.UpdatedAt = now
	overpaid := n.Paid && exceeds(n.Overpaid, attempt.Overpaid)
	switch {
	case n.Paid && attempt.State == AttemptPaid && !overpaid, !n.Paid && !attempt.State.Open():
		return c, nil // told before; or a failure of what is over, which disturbs nothing
	case n.Paid:
		if attempt.State != AttemptPaid {
			known.State, known.OutgoingPaymentID, known.Reason, known.Message = AttemptPaid, n.OutgoingPaymentID, "", ""
			known.PaidAt = n.At.UTC()
			if n.At.IsZero() {
				known.PaidAt = now
			}
			c.After, c.Entries = j.paid(n, now)
		}
		if overpaid {
			known.Overpaid, c.After.UpdatedAt = n.Overpaid, now
			event := EventOverpaid
			if roundedUp(n.Overpaid, j.Budget, attempt.Debit) {
				event = EventRoundedUp
			}
			c.Entries = append(c.Entries, Entry{At: now, Event: event, From: c.After.State, To: c.After.State, Detail: n.Overpaid.String()})
		}
		known.Received = known.received(j.Budget)
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
		return after, []Entry{{At: now, Event: EventPaidAgain, From: j.State, To: j.State, Detail: n.proof()}}
	}
	after.PaymentID, after.ContractCompleted = n.proof(), true
	event := EventPaidOutOfTurn
	if next, ok := j.State.After(Pay); ok {
		after.State, event = next, string(Pay)
	}
	return after, []Entry{{At: now, Event: event, From: j.State, To: after.State, Detail: n.proof()}}
}

// proof is what names the payment: the outgoing one, or, when somebody else's money came for one of ours that had failed, the payment that it came for.
func (n News) proof() string { return cmp.Or(n.OutgoingPaymentID, n.PendingID) }

// exceeds reports whether more was overpaid than was known. Of two assets nothing is known.
func exceeds(overpaid, known money.Amount) bool {
	if !known.IsSet() {
		return !overpaid.IsZero()
	}
	compared, err := overpaid.Compare(known)
	return err == nil && compared > 0
}

// roundedUp reports whether a wallet's rounding explains what was overpaid: whoever changes money rounds to whole minor
// units of the payer's, and one of them may buy many of the worker's. Up to about two are taken for rounding; without
// knowing what left the payer's wallet, nothing is.
func roundedUp(overpaid, budget, debit money.Amount) bool {
	if debit.IsZero() || overpaid.AssetCode() != budget.AssetCode() {
		return false
	}
	asked, err := money.ParseDecimal(budget.Decimal(), overpaid.AssetCode(), overpaid.AssetScale())
	return err == nil && overpaid.Value()/2 <= asked.Value()/debit.Value()
}
