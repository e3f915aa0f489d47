package marketplace

import (
	"slices"
	"time"
)

// Person is what others see of a user.
type Person struct {
	ID               UserID
	Name             string
	WalletAddressURL string
}

// JobView is a job as a page shows it to somebody who may see it.
type JobView struct {
	Job
	FunderPerson Person
	WorkerPerson Person   // zero before a worker is accepted
	Attempt      *Attempt // the latest attempt to pay that was not replaced; nil without one
	History      []EntryView
}

// EntryView is a line of history with the name of who did it.
type EntryView struct {
	Entry
	ByName string // "" for the marketplace itself
}

// SeenBy is the view as that person may have it: without its payments for those who may not know of them (KnowsPayments).
func (v JobView) SeenBy(who User) JobView {
	if KnowsPayments(who, v.Job) {
		return v
	}
	v.Job, v.Attempt = v.withoutPayment(), nil
	v.History = slices.DeleteFunc(v.History, func(e EntryView) bool { return slices.Contains(PaymentEvents, e.Event) })
	return v
}

// JobLine is a job as a list shows it.
type JobLine struct {
	Job
	FunderName string
	WorkerName string
}

// SeenBy is the line as that person may have it, like a JobView's.
func (l JobLine) SeenBy(who User) JobLine {
	if !KnowsPayments(who, l.Job) {
		l.Job = l.withoutPayment()
	}
	return l
}

// PaidOutOfTurn reports whether the worker has money for which the job did not wait.
func (l JobLine) PaidOutOfTurn() bool { return l.ContractCompleted && l.State != Complete }

// NeedsViewer reports whether the job waits for this person: a funder has work to pay or somebody
// to choose, a worker has work to do.
func (l JobLine) NeedsViewer(who UserID) bool {
	switch l.State {
	case Draft, Selecting, Reviewing:
		return who == l.Funder
	case Submitting:
		return who == l.Worker
	default:
		return false
	}
}

// Operations is what an operator looks at, at most OperationsLines of each.
type Operations struct {
	Odd  []PaymentNews // what a person must look at (OddEvents), the newest first
	Open []OpenAttempt // attempts whose end has not been known for long, the oldest first
	News []PaymentNews // what became of payments (PaymentEvents), the newest first
}

// PaymentNews is a line of some job's history that tells of a payment.
type PaymentNews struct {
	JobLine
	EntryView
}

// OpenAttempt is an attempt whose end is not known.
type OpenAttempt struct {
	Job     JobLine
	Attempt Attempt
}

// OperationsLines is how many lines of each kind an operator is shown.
const OperationsLines = 50

// OpenForLong is when an attempt's end should be known: consents live for minutes, and money takes some more.
const OpenForLong = time.Hour

// SessionUser is a session with the person who is signed in.
type SessionUser struct {
	Session Session
	User    User
}

// Valid reports whether the session can still be used.
func (s SessionUser) Valid(now time.Time) bool { return now.Before(s.Session.ExpiresAt) }
