package marketplace

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Actor is who does something as an operator.
type Actor struct {
	ID   UserID // 0 for the command line, of which nobody knows who sits at it
	Name string // as it was then
}

// AtCommandLine is whoever runs the command.
var AtCommandLine = Actor{Name: CommandLine}

// Actor is the person as somebody who does something as an operator.
func (u User) Actor() Actor { return Actor{u.ID, u.Name} }

// Subject is what an operator did something to: "person:7", "job:3", or the name of a list.
type Subject string

// The lists.
const (
	AboutPeople   Subject = "people"
	AboutJobs     Subject = "jobs"
	AboutPayments Subject = "payments"
	AboutActions  Subject = "actions"
)

const (
	subjectPerson = "person:"
	subjectJob    = "job:"
)

// AboutPerson is a person as a subject.
func AboutPerson(id UserID) Subject { return Subject(subjectPerson + id.String()) }

// AboutJob is a job as a subject.
func AboutJob(id JobID) Subject { return Subject(subjectJob + id.String()) }

// Person is the number of the person that it is about; "" for something else.
func (s Subject) Person() string { return s.after(subjectPerson) }

// Job is the number of the job that it is about; "" for something else.
func (s Subject) Job() string { return s.after(subjectJob) }

func (s Subject) after(kind string) string {
	number, ok := strings.CutPrefix(string(s), kind)
	if !ok {
		return ""
	}
	return number
}

// OperatorAction is one thing that an operator did: a line of an audit trail that is only added to. Each line's hash covers all that it says and the
// hash of the line before it, so that one that was changed, removed or slipped in is found (docs/decisions/0010).
type OperatorAction struct {
	Number  int64 // from 1, without a gap; 0 before it is kept
	At      time.Time
	By      Actor
	Event   string // one of OperatorEvents
	Subject Subject
	Reason  string // in the operator's words; "" where none is asked for
	Detail  string // what it was, and what it is; never a secret
	Hash    string // "" before it is kept
}

// The events of the audit trail that are not those of an account (AccountEvent) too.
const (
	OperatorAddedPerson = "person_added"
	OperatorLooked      = "person_looked_at"
	OperatorExported    = "exported"
	OperatorCanceled    = "job_canceled"
	OperatorLookedInto  = "looked_into"
)

// OperatorEvents are all that the audit trail tells of.
var OperatorEvents = []string{
	OperatorAddedPerson, AccountDisabled, AccountEnabled, AccountSessionsEnded, AccountOperatorAdded, AccountOperatorRemoved,
	AccountPasswordReset, AccountEmailChanged, AccountWalletChanged, OperatorCanceled, OperatorLookedInto, OperatorLooked, OperatorExported,
}

// Word is what was done.
func (a OperatorAction) Word() string { return OperatorEventWord(a.Event).Word() }

// OperatorEventWord is an event of the audit trail that has a word.
type OperatorEventWord string

// Word is what was done.
func (e OperatorEventWord) Word() string {
	switch string(e) {
	case OperatorAddedPerson:
		return "Person added"
	case OperatorLooked:
		return "Person looked at"
	case OperatorExported:
		return "List downloaded"
	case OperatorCanceled:
		return "Job canceled"
	case OperatorLookedInto:
		return "Looked into"
	}
	return AccountEvent{Event: string(e)}.Word()
}

// FieldReason is the field of every form in which an operator says why.
const FieldReason = "reason"

// PersonAct is what an operator does to somebody's account. Its word is also the end of the form's address.
type PersonAct string

// The acts.
const (
	DisablePerson  PersonAct = "disable"  // cannot sign in, and is signed out everywhere
	EnablePerson   PersonAct = "enable"   // again
	SignPersonOut  PersonAct = "sign-out" // everywhere
	MakeOperator   PersonAct = "make-operator"
	UnmakeOperator PersonAct = "remove-operator"
)

// PersonActs are all of them.
var PersonActs = []PersonAct{SignPersonOut, DisablePerson, EnablePerson, MakeOperator, UnmakeOperator}

// Word is what is done.
func (a PersonAct) Word() string {
	switch a {
	case DisablePerson:
		return "Disable this account"
	case EnablePerson:
		return "Enable this account again"
	case SignPersonOut:
		return "Sign this person out everywhere"
	case MakeOperator:
		return "Make this person an operator"
	case UnmakeOperator:
		return "Take the operator's rights away"
	}
	return string(a)
}

// ActsOn are the acts that make sense on the account as it is, for that operator: none on one's own.
func ActsOn(u User, by Actor) []PersonAct {
	var all []PersonAct
	for _, act := range PersonActs {
		if u.mayOperate(act, by) == nil {
			all = append(all, act)
		}
	}
	return all
}

// mayOperate says in words why an act makes no sense, or nil when it does.
func (u User) mayOperate(act PersonAct, by Actor) error {
	if by.ID == u.ID && u.ID != 0 {
		return forbidden("This is your own account. Another operator has to do it.")
	}
	so := map[PersonAct]bool{
		DisablePerson: u.Disabled(), EnablePerson: !u.Disabled(), SignPersonOut: false, MakeOperator: u.Operator, UnmakeOperator: !u.Operator,
	}
	is, known := so[act]
	switch {
	case !known:
		return NotFound("There is no page at this address.")
	case is:
		return &Error{Code: CodeWrongState, Message: "This is so already: somebody has done it. Nothing was changed."}
	case act == MakeOperator && u.Disabled():
		return &Error{Code: CodeWrongState, Message: "This account is disabled. Enable it first."}
	}
	return nil
}

// ErrLastOperator is a store's error of a change that would leave nobody to look after the marketplace.
var ErrLastOperator = &Error{Code: CodeWrongState, Message: "This is the last operator who can sign in. Make somebody else one first."}

// Operate decides what an operator does to the account. A person has to say why, in words; the command line may. Codes: CodeForbidden for one's own
// account, CodeWrongState for what is so already, CodeInvalidInput without a reason, CodeNotFound for an act that there is none of.
func (u User) Operate(act PersonAct, by Actor, reason string, now time.Time) (AccountChange, error) {
	if err := u.mayOperate(act, by); err != nil {
		return AccountChange{}, err
	}
	reason, err := checkReason(by, reason)
	if err != nil {
		return AccountChange{}, err
	}
	peer := ByAnOperator
	if by.ID == 0 {
		peer = CommandLine
	}
	c := u.edit()
	switch act {
	case DisablePerson:
		c.After.DisabledAt, c.EndSessions = now, true
		c.happened(AccountDisabled, "", peer, now)
	case EnablePerson:
		c.After.DisabledAt = time.Time{}
		c.happened(AccountEnabled, "", peer, now)
	case SignPersonOut:
		c.EndSessions = true
		c.happened(AccountSessionsEnded, "", peer, now)
	case MakeOperator:
		c.After.Operator = true
		c.happened(AccountOperatorAdded, "", peer, now)
	case UnmakeOperator:
		c.After.Operator = false
		c.happened(AccountOperatorRemoved, "", peer, now)
	}
	return c.Audited(by, reason), nil
}

func checkReason(by Actor, reason string) (string, error) {
	if by.ID == 0 && reason == "" {
		return "", nil
	}
	reason, err := written(reason, maxReason, "Give a reason: it is kept, for whoever asks later.")
	if known, ok := err.(*Error); ok { //nolint:errorlint // written returns no other
		return "", field(FieldReason, known)
	}
	return reason, err
}

// Audited is the change as something that an operator does: it is kept in the audit trail, in the transaction of the change.
func (c AccountChange) Audited(by Actor, reason string) AccountChange {
	for _, e := range c.Events {
		c.Actions = append(c.Actions, OperatorAction{At: e.At, By: by, Event: e.Event, Subject: AboutPerson(c.Before.ID), Reason: reason, Detail: e.Detail})
	}
	return c
}

// LeavesOperator reports whether the change takes away somebody who could look after the marketplace.
func (c AccountChange) LeavesOperator() bool { return c.Before.Operates() && !c.After.Operates() }

// operatorStore is what operators need of a store.
type operatorStore interface {
	// LookedInto keeps what an operator found out about a line of a job's history that needs a person (OddEvents), and takes it off the list. It fills in the
	// action's subject and detail. CodeNotFound when there is no such line, CodeWrongState when somebody was faster.
	LookedInto(ctx context.Context, entry int64, a OperatorAction) error
	// RecordAction keeps what changes nothing else.
	RecordAction(ctx context.Context, a OperatorAction) error
	// RecordLook is RecordAction, unless the same operator did the same to the same subject since.
	RecordLook(ctx context.Context, a OperatorAction, since time.Time) error
}

// OperatePerson does something to somebody's account for an operator. Codes: those of Operate, and of ErrLastOperator.
func (m *Market) OperatePerson(ctx context.Context, id UserID, act PersonAct, by User, reason string) error {
	user, err := m.store.User(ctx, id)
	if err != nil {
		return fmt.Errorf("read the person: %w", err)
	}
	c, err := user.Operate(act, by.Actor(), reason, m.clock.Now())
	if err != nil {
		return err
	}
	return m.change(ctx, c)
}

// LookedInto is an operator's word on something that needed a person.
func (m *Market) LookedInto(ctx context.Context, entry int64, by User, note string) error {
	note, err := checkReason(by.Actor(), note)
	if err != nil {
		return err
	}
	return m.store.LookedInto(ctx, entry, OperatorAction{At: m.clock.Now(), By: by.Actor(), Event: OperatorLookedInto, Reason: note})
}

// Exported keeps that an operator downloads a list; what picks its lines is the detail.
func (m *Market) Exported(ctx context.Context, by User, list Subject, picks string) error {
	return m.store.RecordAction(ctx, OperatorAction{At: m.clock.Now(), By: by.Actor(), Event: OperatorExported, Subject: list, Detail: clean(picks, maxReason)})
}

// lookAgain is for how long looking at one person counts as one look.
const lookAgain = time.Hour

// LookedAt keeps that an operator looks a person up.
func (m *Market) LookedAt(ctx context.Context, by User, id UserID) error {
	now := m.clock.Now()
	return m.store.RecordLook(ctx, OperatorAction{At: now, By: by.Actor(), Event: OperatorLooked, Subject: AboutPerson(id)}, now.Add(-lookAgain))
}
