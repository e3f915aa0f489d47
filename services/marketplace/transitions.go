package marketplace

// State is where a job is in its life.
type State string

// The states. A job that is complete, canceled or expired has ended.
const (
	Draft      State = "draft"      // only its funder sees it
	Recruiting State = "recruiting" // workers may apply
	Selecting  State = "selecting"  // the funder chooses among them
	Submitting State = "submitting" // the chosen worker works
	Reviewing  State = "reviewing"  // the work is there, and waits to be approved and paid
	Complete   State = "complete"   // paid
	Canceled   State = "canceled"
	Expired    State = "expired"
)

// States are all of them, in the order of life.
var States = []State{Draft, Recruiting, Selecting, Submitting, Reviewing, Complete, Canceled, Expired}

// Word is the state as people read it, in English.
func (s State) Word() string {
	switch s {
	case Draft:
		return "Draft"
	case Recruiting:
		return "Recruiting"
	case Selecting:
		return "Selecting"
	case Submitting:
		return "In the works"
	case Reviewing:
		return "In review"
	case Complete:
		return "Complete"
	case Canceled:
		return "Canceled"
	case Expired:
		return "Expired"
	}
	return string(s)
}

// Action is what is done to a job. Its word is also the event in the job's history.
type Action string

// The actions.
const (
	Edit     Action = "edit"     // a draft is rewritten, or a published job is added to
	Publish  Action = "publish"  // the funder opens the job to workers
	Apply    Action = "apply"    // a worker would like to do it
	Withdraw Action = "withdraw" // a worker would not any more
	Close    Action = "close"    // no more applications
	Select   Action = "select"   // a worker is chosen
	Submit   Action = "submit"   // the worker hands the work in
	Accept   Action = "accept"   // the funder is content with the work; paying it says so too
	Reject   Action = "reject"   // the funder is not, and says why
	Pay      Action = "pay"      // the worker's money has arrived
	Cancel   Action = "cancel"
	Expire   Action = "expire" // its time ran out
)

// Actions are all of them, in the order of life.
var Actions = []Action{Edit, Publish, Apply, Withdraw, Close, Select, Submit, Accept, Reject, Pay, Cancel, Expire}

// transitions is the whole life of a job. Nothing else decides what may follow what.
var transitions = map[State]map[Action]State{
	Draft:      {Edit: Draft, Publish: Recruiting, Cancel: Canceled},
	Recruiting: {Edit: Recruiting, Apply: Recruiting, Withdraw: Recruiting, Close: Selecting, Cancel: Canceled, Expire: Expired},
	Selecting:  {Withdraw: Selecting, Select: Submitting, Cancel: Canceled, Expire: Expired},
	Submitting: {Submit: Reviewing, Cancel: Canceled, Expire: Expired},
	Reviewing:  {Accept: Reviewing, Reject: Submitting, Pay: Complete, Cancel: Canceled},
	Complete:   {},
	Canceled:   {},
	Expired:    {},
}

// After is the state that an action leads to, and whether the action is allowed here.
func (s State) After(a Action) (State, bool) {
	next, ok := transitions[s][a]
	return next, ok
}

// Ended reports whether nothing may follow.
func (s State) Ended() bool { return len(transitions[s]) == 0 }
