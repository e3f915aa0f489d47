package marketplace

import (
	"slices"
	"time"
)

// Case is a job with all that is looked at when somebody wants to do something with it.
type Case struct {
	Job
	Applications []Application // all of them, in the order in which they came
	Submission   *Submission   // the newest; nil before
	Attempt      *Attempt      // the open attempt to pay it; nil when there is none. While there is one, money may be moving.
}

// Standing are the applications that can be chosen.
func (c Case) Standing() []Application {
	return slices.DeleteFunc(slices.Clone(c.Applications), func(a Application) bool { return !a.Stands() })
}

// PartOf is what a person is to the job.
func (c Case) PartOf(who User) Part {
	switch {
	case who.ID == 0:
		return PartNobody
	case who.ID == c.Funder:
		return PartFunder
	case who.ID == c.Worker:
		return PartWorker
	case slices.ContainsFunc(c.Applications, func(a Application) bool { return a.Worker == who.ID && a.Stands() }):
		return PartApplicant
	case who.Operator:
		return PartOperator
	default:
		return PartOther
	}
}

// CanView reports whether a person may know of the job. Whoever has applied may go on to know what becomes of it.
func (c Case) CanView(who User) bool {
	return CanView(who, c.Job) || c.PartOf(who) == PartApplicant
}

// Command is what somebody wants to do with a job.
type Command struct {
	Action  Action
	By      User
	Text    string // the message of an application, the work, the reason of a rejection or a cancellation, what is added to the description
	Files   []File // of the work: see HandIn
	Worker  UserID // who is chosen
	Terms   Terms  // of a draft that is edited
	Version int64  // of the job when the person looked at it; 0 when it does not matter
}

const maxReason = 2000 // characters

// Decide decides what a command does. It touches nothing. CodeNotFound when the person may not know of the job, CodeForbidden when it is not
// theirs to do, CodeWrongState when the job is not so far or is past it, CodePaymentInFlight while money may be moving, CodeChanged when the
// job is not any more what the person saw, CodeInvalidInput when something is missing, CodeWorkerUnpayable for an applicant without a wallet.
func (c Case) Decide(cmd Command, now time.Time) (Change, error) {
	if !c.CanView(cmd.By) {
		return Change{}, NotFound("There is no such job.")
	}
	return c.decide(c.PartOf(cmd.By), cmd, now)
}

// MayDo says in words why a person cannot take an action now, or nil when they can. Its codes are those of Decide.
func (c Case) MayDo(who User, a Action) error {
	if !c.CanView(who) {
		return NotFound("There is no such job.")
	}
	_, err := c.begin(c.PartOf(who), Command{Action: a, By: who}, c.UpdatedAt)
	return err
}

// begin decides upon what an action does whatever it is about.
func (c Case) begin(part Part, cmd Command, now time.Time) (Change, error) {
	if err := checkMay(part, cmd.Action); err != nil {
		return Change{}, err
	}
	change, err := c.Do(cmd.Action, cmd.By.ID, "", now)
	if err != nil {
		return Change{}, err
	}
	return change, c.ready(cmd.Action)
}

func (c Case) decide(part Part, cmd Command, now time.Time) (Change, error) {
	change, err := c.begin(part, cmd, now)
	if err != nil {
		return Change{}, err
	}
	if cmd.Version != 0 && cmd.Version != c.Version {
		return Change{}, &Error{Code: CodeChanged, Message: "Somebody has changed this job since you looked at it. Look again."}
	}
	if err := c.carryOut(&change, cmd, now); err != nil {
		return Change{}, err
	}
	if part == PartOperator {
		change.Operator = &OperatorAction{
			At: now, By: cmd.By.Actor(), Event: OperatorCanceled, Subject: AboutJob(c.ID), Reason: change.Entries[0].Detail, Detail: c.Title,
		}
	}
	return change, nil
}

// ready says in words what an action still waits for, beside the job's state and whoever may do it.
func (c Case) ready(a Action) error {
	switch a {
	case Reject, Cancel, Expire:
		if c.Attempt != nil {
			// The money may be on its way: whoever ends the job now would strand it.
			return &Error{Code: CodePaymentInFlight, Message: "A payment for this job is under way. Wait until its end is known."}
		}
	case Close:
		if len(c.Standing()) == 0 {
			return &Error{Code: CodeWrongState, Message: "Nobody has applied yet, so there is nobody to choose among. Cancel the job if you do not need it any more."}
		}
	default:
	}
	if (a == Accept || a == Reject) && !c.AcceptedAt.IsZero() {
		return &Error{Code: CodeWrongState, Message: "You have accepted this work already. What is left is to pay it."}
	}
	return nil
}

// carryOut adds to a change what the action is about.
func (c Case) carryOut(change *Change, cmd Command, now time.Time) (err error) {
	detail := &change.Entries[0].Detail
	switch cmd.Action {
	case Edit:
		if c.State == Draft {
			change.After = change.After.with(cmd.Terms)
			return nil
		}
		*detail, err = written(cmd.Text, maxDescription, "Write what you would like to add.")
		return err
	case Apply:
		return c.apply(change, cmd.By, cmd.Text, now)
	case Withdraw:
		return c.withdraw(change, cmd.By.ID, now)
	case Select:
		return c.choose(change, cmd.Worker)
	case Submit:
		return c.submit(change, cmd, now)
	case Accept:
		return c.accept(change, now)
	case Reject:
		if *detail, err = written(cmd.Text, maxReason, "Give a reason: it tells the worker what to mend."); err == nil {
			c.reject(change, now)
		}
		return err
	case Cancel:
		if c.State == Draft && cmd.By.ID == c.Funder {
			*detail = prose(cmd.Text) // nobody else knows of it
			return nil
		}
		*detail, err = written(cmd.Text, maxReason, "Give a reason: others have put their time into this job.")
		return err
	default:
		return nil
	}
}

// Allowed are the actions that a person may take now, in the order of life.
func (c Case) Allowed(who User) []Action {
	if !c.CanView(who) {
		return nil
	}
	part := c.PartOf(who)
	return slices.DeleteFunc(slices.Clone(Actions), func(a Action) bool {
		_, follows := c.State.After(a)
		return !follows || !part.May(a) || c.ready(a) != nil
	})
}

// With is the case once a change of it is recorded.
func (c Case) With(change Change) Case {
	c.Job = change.After
	c.Version = change.Before.Version + 1
	if a := change.Application; a != nil {
		c.Applications = append(slices.DeleteFunc(slices.Clone(c.Applications), func(b Application) bool { return b.Worker == a.Worker }), *a)
	}
	if change.Submission != nil {
		c.Submission = change.Submission
	}
	return c
}
