package marketplace

import "time"

// Application is a worker's wish to do a job. There is one for each worker and job; who withdraws may apply again.
type Application struct {
	JobID       JobID
	Worker      UserID
	WorkerName  string // as the person is called now; kept with the person
	Message     string
	AppliedAt   time.Time
	WithdrawnAt time.Time // zero while the application stands
}

// Stands reports whether the worker can be chosen.
func (a Application) Stands() bool { return a.WithdrawnAt.IsZero() }

// MaxApplications is how many workers may apply for one job, unless its funder wants fewer.
const MaxApplications = 10

const maxMessage = 2000 // characters

// apply adds a worker's application. The one that reaches the limit closes the job to others.
func (c Case) apply(change *Change, by User, text string, now time.Time) error {
	message, err := written(text, maxMessage, "Write the funder a message: why you, and when.")
	switch {
	case err != nil:
		return err
	case !by.Role.Works():
		return &Error{Code: CodeForbidden, Message: "This account is for funding jobs. Add the role of a worker to it in order to apply."}
	case by.WalletAddressURL == "":
		// Told now, and not when the work is done and cannot be paid.
		return &Error{Code: CodeWorkerUnpayable, Message: "Add a wallet address to your profile first: it is where you will be paid."}
	}
	change.Application = &Application{JobID: c.ID, Worker: by.ID, WorkerName: by.Name, Message: message, AppliedAt: now}
	if len(c.Standing())+1 >= c.MaxApplications {
		return change.then(Close, now)
	}
	return nil
}

// withdraw takes an application back. A job that nobody can be chosen for any more has no use.
func (c Case) withdraw(change *Change, by UserID, now time.Time) error {
	standing := c.Standing()
	for _, a := range standing {
		if a.Worker == by {
			a.WithdrawnAt = now
			change.Application = &a
		}
	}
	if c.State == Selecting && len(standing) == 1 {
		return change.then(Expire, now)
	}
	return nil
}

// choose makes one of the applicants the job's worker.
func (c Case) choose(change *Change, worker UserID) error {
	for _, a := range c.Standing() {
		if a.Worker == worker {
			change.After.Worker = worker
			change.Entries[0].Detail = a.WorkerName
			return nil
		}
	}
	return &Error{Code: CodeInvalidInput, Message: "Choose one of those who have applied. Whoever has withdrawn cannot be chosen."}
}
