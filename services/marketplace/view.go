package marketplace

import "time"

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
	Attempt      *Attempt // the latest attempt to pay that was not replaced; nil without one, or when the viewer is neither funder nor worker
	History      []EntryView
}

// EntryView is a line of history with the name of who did it.
type EntryView struct {
	Entry
	ByName string // "" for the marketplace itself
}

// JobLine is a job as a list shows it.
type JobLine struct {
	Job
	FunderName string
	WorkerName string
}

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

// SessionUser is a session with the person who is signed in.
type SessionUser struct {
	Session Session
	User    User
}

// Valid reports whether the session can still be used.
func (s SessionUser) Valid(now time.Time) bool { return now.Before(s.Session.ExpiresAt) }
