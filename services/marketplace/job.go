package marketplace

import (
	"log/slog"
	"strconv"
	"time"

	"tianguis.example/payments/money"
)

// JobID is a job's number. On the wire it is the offerId, in plain decimal.
type JobID int64

// ParseJobID reads a job's number as the wire writes it: digits, no sign, no space, no leading
// zero. "1.5", "+1", " 1 " and "01" are CodeNotFound: no job has such a name.
func ParseJobID(text string) (JobID, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 || strconv.FormatInt(n, 10) != text {
		return 0, NotFound("There is no such job.")
	}
	return JobID(n), nil
}

func (id JobID) String() string { return strconv.FormatInt(int64(id), 10) }

// Job is what a funder pays a worker for.
type Job struct {
	ID          JobID
	Title       string
	Description string
	State       State
	Budget      money.Amount // what the worker is to receive
	Funder      UserID
	Worker      UserID // who was chosen; 0 before

	MaxApplications int       // how many may apply before it closes
	RecruitDays     int       // how long workers may apply
	SubmitDays      int       // how long the chosen worker has, each time
	Deadline        time.Time // when its time in this state runs out; zero when it has as long as it likes
	AcceptedAt      time.Time // when its funder was content with the work; zero before, and when it was simply paid

	PaymentID         string // the outgoing payment that paid the job, a URL at the payer's wallet, or the pendingId when that is not known; "" before
	ContractCompleted bool   // the worker has the money

	Version   int64 // counts changes; a Change is recorded only upon the version that it was decided on
	CreatedAt time.Time
	UpdatedAt time.Time
}

// LogValue names the job as every log line does.
func (j Job) LogValue() slog.Value {
	return slog.GroupValue(slog.String("job_id", j.ID.String()), slog.String("state", string(j.State)))
}

// Entry is one line of a job's history.
type Entry struct {
	At     time.Time
	By     UserID // who did it; 0 for the marketplace itself
	Event  string // an Action, or one of the payment events below
	From   State
	To     State
	Detail string // an amount, a payment's id, a reason; never markup
}

// The events of a history that are no Action: they leave the state as it is.
const (
	EventCreated        = "created"
	EventPaymentStarted = "payment_started"
	EventPaymentFailed  = "payment_failed"
	EventPaymentLate    = "payment_late"     // approved long ago, and its end is not known
	EventPaidOutOfTurn  = "paid_out_of_turn" // money came for a job that did not wait for it, such as a canceled one
	EventPaidAgain      = "paid_again"       // a second payment arrived for a job that was paid
	EventOverpaid       = "overpaid"         // a payment brought more than was asked for
	EventRoundedUp      = "rounded_up"       // the same by so little that a wallet's rounding explains it
)

// PaymentEvents are those that tell of a payment, the action Pay among them.
var PaymentEvents = []string{
	EventPaymentStarted, EventPaymentFailed, EventPaymentLate, string(Pay), EventPaidOutOfTurn, EventPaidAgain, EventOverpaid, EventRoundedUp,
}

// OddEvents are those that a person must look at: money moved that nobody waited for.
var OddEvents = []string{EventPaidOutOfTurn, EventPaidAgain, EventOverpaid}

// Change is one decided step of a job. Deciding it touches nothing; a store makes it so, all of
// it together, if the job is still at Before.Version.
type Change struct {
	At            time.Time // when it was decided
	Before, After Job
	Entries       []Entry
	Attempt       *Attempt        // the payment attempt as it is to be; nil when none is concerned
	Application   *Application    // as it is to be; nil when none is concerned
	Submission    *Submission     // as it is to be; nil when none is concerned
	Operator      *OperatorAction // as the operators' audit trail tells it; nil when no operator did it
	Told          Told            // the webhook that brought it; zero when none did
}

// Told is a signed webhook that was taken. Whoever sends it again, as senders do whose answer was lost, is answered as the
// first time, whatever has become of the job since.
type Told struct {
	WebhookID string
	Digest    string // of its body: an id that comes with another one is refused
	JobState  State  // what was answered
}

// Do decides what an action of somebody does to the job's state, as far as the table of transitions knows. It returns
// CodeWrongState when the table does not have it.
func (j Job) Do(a Action, by UserID, detail string, now time.Time) (Change, error) {
	next, ok := j.State.After(a)
	if !ok {
		return Change{}, &Error{Code: CodeWrongState, Message: "This job is now in the state “%s”, in which this cannot be done.", Args: []any{j.State}}
	}
	after := j
	after.State, after.UpdatedAt = next, now
	if next != j.State {
		after.Deadline = after.deadline(now)
	}
	return Change{
		At: now, Before: j, After: after,
		Entries: []Entry{{At: now, By: by, Event: string(a), From: j.State, To: next, Detail: detail}},
	}, nil
}

// then adds what the marketplace does at once because of the change.
func (c *Change) then(a Action, now time.Time) error {
	next, err := c.After.Do(a, 0, "", now)
	if err != nil {
		return err
	}
	c.After = next.After
	c.Entries = append(c.Entries, next.Entries...)
	return nil
}

// NewJob is a draft, and the first line of its history.
func NewJob(funder UserID, t Terms, now time.Time) (Job, []Entry) {
	j := Job{State: Draft, Funder: funder, CreatedAt: now, UpdatedAt: now}.with(t)
	return j, []Entry{{At: now, By: funder, Event: EventCreated, From: Draft, To: Draft}}
}
