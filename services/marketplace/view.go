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
	WorkerPerson Person   // zero before a worker is chosen
	Attempt      *Attempt // the latest attempt to pay that was not replaced; nil without one
	Applications []Application
	Submissions  []Submission // the newest last
	History      []EntryView
}

// EntryView is a line of history with the name of who did it.
type EntryView struct {
	Entry
	ByName string // "" for the marketplace itself
}

// Case is what is decided upon.
func (v JobView) Case() Case {
	c := Case{Job: v.Job, Applications: v.Applications}
	if n := len(v.Submissions); n > 0 {
		c.Submission = &v.Submissions[n-1]
	}
	if v.Attempt != nil && v.Attempt.State.Open() {
		c.Attempt = v.Attempt
	}
	return c
}

// openEvents are those of which everybody may read who may see the job. Of the others, what a person did is read by that person too.
var openEvents = []string{EventCreated, string(Publish), string(Edit), string(Close), string(Cancel), string(Expire)}

// SeenBy is the view as that person may have it. The funder, the worker and the operators have all of it; others neither what is about
// payments (KnowsPayments), nor the work, nor the applications of others.
func (v JobView) SeenBy(who User) JobView {
	if KnowsPayments(who, v.Job) {
		if who.ID != v.Funder && !who.Operator { // the worker is no judge of the rivals
			v.Applications = ofPerson(v.Applications, who)
			v.History = slices.DeleteFunc(v.History, func(e EntryView) bool {
				return e.By != who.ID && (e.Event == string(Apply) || e.Event == string(Withdraw))
			})
			for i := range v.History { // nor of what the funder's wallet is debited
				if v.History[i].Event == EventPaymentStarted {
					v.History[i].Detail = ""
				}
			}
		}
		return v
	}
	v.Job, v.Attempt, v.Submissions = v.withoutPayment(), nil, nil
	v.Applications = ofPerson(v.Applications, who)
	v.Worker, v.WorkerPerson = 0, Person{}
	v.History = slices.DeleteFunc(v.History, func(e EntryView) bool {
		return e.By != who.ID && !slices.Contains(openEvents, e.Event) || slices.Contains(PaymentEvents, e.Event)
	})
	return v
}

func ofPerson(all []Application, who User) []Application {
	return slices.DeleteFunc(slices.Clone(all), func(a Application) bool { return a.Worker != who.ID })
}

// Additions are what the funder added to the description after the job was published.
func (v JobView) Additions() (added []EntryView) {
	for _, e := range v.History {
		if e.Event == string(Edit) && e.From != Draft {
			added = append(added, e)
		}
	}
	return added
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
		l.Job, l.WorkerName = l.withoutPayment(), ""
		l.Worker = 0
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

// JobsOfPerson is what a person sees first: the jobs that concern them, at most JobLines of each kind.
type JobsOfPerson struct {
	Waiting []JobLine // for the person (NeedsViewer), what can be paid first
	Going   []JobLine // on, without the person
	Open    []JobLine // to apply for
	Ended   []JobLine
}

// JobLines is how many jobs a page shows.
const JobLines = 20

// Scope is which of the jobs that a person may know of are listed.
type Scope string

// The scopes.
const (
	ScopeAll    Scope = ""       // those of the person, and those that recruit
	ScopeFunder Scope = "funder" // that the person funds
	ScopeWorker Scope = "worker" // that the person does, or has applied for
	ScopeOpen   Scope = "open"   // that others recruit for
)

// Word is the scope as people read it, in English.
func (s Scope) Word() string {
	switch s {
	case ScopeFunder:
		return "That I fund"
	case ScopeWorker:
		return "That I do or applied for"
	case ScopeOpen:
		return "Open to workers"
	default:
		return "Mine and open ones"
	}
}

// JobFilter is a question for jobs.
type JobFilter struct {
	Words  string // that title or description must have, each at least at the beginning of one of theirs; "" for any
	State  State  // "" for any
	Scope  Scope
	Before JobID // only jobs with smaller numbers, which are older; 0 for all
}

// Blank reports whether the filter asks for nothing in particular.
func (f JobFilter) Blank() bool { return f == JobFilter{} }

// JobsFound is a page of jobs, the newest first.
type JobsFound struct {
	Lines []JobLine // at most JobLines
	Next  JobID     // the Before of the next page; 0 when this is the last
}

// Operations is what an operator looks at, at most OperationsLines of each.
type Operations struct {
	Odd  []PaymentNews // what a person must look at (OddEvents) and has not looked into, the newest first
	Open []PaymentLine // attempts whose end has not been known for long, the oldest first
	News []PaymentNews // what became of payments (PaymentEvents), the newest first
}

// PaymentNews is a line of some job's history that tells of a payment.
type PaymentNews struct {
	EntryID int64 // of the line
	JobLine
	EntryView
}

// OperationsLines is how many lines of each kind an operator is shown.
const OperationsLines = 50

// OpenForLong is when an attempt's end should be known: consents live for minutes, and money takes some more.
const OpenForLong = time.Hour

// SessionUser is a session with the person who is signed in.
type SessionUser struct {
	Session Session
	User    User
	Unread  int // what the person was told and has not seen, as far as it was asked for
}

// Valid reports whether the session can still be used.
func (s SessionUser) Valid(now time.Time) bool {
	return now.Before(s.Session.ExpiresAt) && !s.User.Disabled()
}
