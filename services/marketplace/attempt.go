package marketplace

import (
	"crypto/rand"
	"log/slog"
	"time"

	"github.com/oklog/ulid/v2"

	"tianguis.example/payments/money"
)

// AttemptState is how far an attempt to pay a job has come, as far as the marketplace knows.
type AttemptState string

// The states of an attempt. The first three are open: their end is not known.
const (
	AttemptStarting   AttemptState = "starting"   // stored before the payments service is asked
	AttemptAwaiting   AttemptState = "awaiting"   // the buyer is at the wallet
	AttemptConfirming AttemptState = "confirming" // the buyer approved; the money is on its way
	AttemptPaid       AttemptState = "paid"
	AttemptFailed     AttemptState = "failed"
	AttemptReplaced   AttemptState = "replaced" // a later attempt took over the same payment
)

// Open reports whether the attempt's end is not known yet.
func (s AttemptState) Open() bool {
	return s == AttemptStarting || s == AttemptAwaiting || s == AttemptConfirming
}

// Attempt is one try to pay a job. Its row is the intent: it exists before anything is asked of
// the payments service, so that after a crash the marketplace knows what may have happened.
type Attempt struct {
	ID        string // a ULID
	JobID     JobID
	UserID    UserID // who pays; 0 for a payment that somebody started without us
	SessionID string // only this session may finish or decline (RFC 9635 section 11.24)

	PendingID             string // the payments service's id; "" while starting
	BuyerWalletAddressURL string
	State                 AttemptState
	Reason                string       // of a failure: a stable word of the payments service
	Message               string       // of a failure: a sentence for people
	OutgoingPaymentID     string       // once paid
	Debit                 money.Amount // the most that leaves the buyer's wallet; not set before the payments service told
	Receive               money.Amount // what reaches the worker's wallet; not set before either
	RedirectURL           string       // the wallet's page where the payer consents; "" before
	ExpiresAt             time.Time    // of the consent; zero before
	PaidAt                time.Time    // when the money had arrived; zero before
	Received              money.Amount // what the worker received in all; not set before
	Overpaid              money.Amount // what the worker received beyond the amount; not set when that is nothing

	Polls     int // how often the payments service was asked in vain
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Lapsed reports whether the payer is awaited at the wallet, whose consent can be given no more.
func (a Attempt) Lapsed(now time.Time) bool {
	return a.State == AttemptAwaiting && !a.ExpiresAt.IsZero() && !now.Before(a.ExpiresAt)
}

// LogValue names the attempt as every log line does.
func (a Attempt) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("attempt_id", a.ID), slog.String("job_id", a.JobID.String()),
		slog.String("pending_id", a.PendingID), slog.String("state", string(a.State)))
}

// newID makes a ULID. It is a name, and not a secret.
func newID(now time.Time) string {
	return ulid.MustNew(ulid.Timestamp(now), rand.Reader).String()
}

// IsPendingID reports whether text has the form of a payment's id: a ULID in its canonical spelling.
func IsPendingID(text string) bool { return isULID(text) }

// IsID reports whether text has the form of a name that newID makes. What has not is never asked of a database: Postgres takes no NUL for text.
func IsID(text string) bool { return isULID(text) }

func isULID(text string) bool {
	id, err := ulid.ParseStrict(text)
	return err == nil && id.String() == text
}
