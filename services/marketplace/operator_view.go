package marketplace

import "time"

// PersonLine is a person as operators see them.
type PersonLine struct {
	User             // without the password's hash
	SeenAt time.Time // when a session of theirs was last used that has not been forgotten; zero when none is left
}

// Standing is how an account stands.
type Standing string

// The standings.
const (
	StandsEnabled  Standing = "enabled"
	StandsDisabled Standing = "disabled"
	StandsOperator Standing = "operator"
)

// Standings are all of them.
var Standings = []Standing{StandsEnabled, StandsDisabled, StandsOperator}

// Word is the standing as people read it.
func (s Standing) Word() string {
	switch s {
	case StandsEnabled:
		return "Can sign in"
	case StandsDisabled:
		return "Disabled"
	case StandsOperator:
		return "Operator"
	}
	return string(s)
}

// PeopleFilter is an operator's question for people. Its zero value asks for all.
type PeopleFilter struct {
	Words    string // that name or e-mail must have, each at least at the beginning of one of theirs
	Role     Role
	Standing Standing
	Before   UserID // only smaller numbers, which are older; 0 for all
}

// JobsFilter is an operator's question for jobs, whoever's they are.
type JobsFilter struct {
	Words   string // as in JobFilter
	State   State
	Person  UserID // who funds it, works on it, or has applied; 0 for anybody
	Asset   string // of the budget
	Payment AttemptState
	Before  JobID
}

// AttemptStates are all states of an attempt, in the order of life.
var AttemptStates = []AttemptState{AttemptStarting, AttemptAwaiting, AttemptConfirming, AttemptPaid, AttemptFailed, AttemptReplaced}

// Word is the state as people read it.
func (s AttemptState) Word() string {
	switch s {
	case AttemptStarting:
		return "Being started"
	case AttemptAwaiting:
		return "Waiting for the funder at the wallet"
	case AttemptConfirming:
		return "Approved, the money on its way"
	case AttemptPaid:
		return "Paid"
	case AttemptFailed:
		return "Not paid"
	case AttemptReplaced:
		return "Replaced by a later try"
	}
	return string(s)
}

// PaymentsFilter is an operator's question for attempts to pay.
type PaymentsFilter struct {
	State     AttemptState
	Open      bool // only those whose end is not known
	Person    UserID
	Job       JobID
	PendingID string
	Before    string // only those with an id below, which are older; "" for all
}

// PaymentLine is an attempt as operators see it.
type PaymentLine struct {
	Attempt
	Job JobLine
}

// OpenFor is for how long the attempt has been open; 0 once its end is known.
func (l PaymentLine) OpenFor(now time.Time) time.Duration {
	if !l.State.Open() {
		return 0
	}
	return now.Sub(l.CreatedAt)
}

// ActionsFilter is an operator's question for what operators did.
type ActionsFilter struct {
	Event   string
	By      UserID // 0 for anybody
	Subject Subject
	Before  int64 // only smaller numbers, which are older; 0 for all
}

// ActionsChecked is what became of verifying the operators' audit trail.
type ActionsChecked struct {
	From, To int64           // the numbers that were looked at; 0 without any
	Anchor   string          // of the newest one: "<number>:<hash>"; "" without any
	Findings []ActionFinding // at most MaxFindings
}

// Holds reports whether nothing was found.
func (c ActionsChecked) Holds() bool { return len(c.Findings) == 0 }

// All reports whether it looked at the trail from its beginning.
func (c ActionsChecked) All() bool { return c.From <= 1 }

// MaxFindings is how many findings are told of: what is broken in many places is broken.
const MaxFindings = 20

// Flaw is what is wrong with an audit trail at one place.
type Flaw string

// The flaws.
const (
	FlawChanged Flaw = "changed" // the line is not what was kept, or does not follow the one before it
	FlawMissing Flaw = "missing" // lines are missing before this one
	FlawEnd     Flaw = "end"     // the newest lines are missing, or the end was tampered with
	FlawAnchor  Flaw = "anchor"  // the line of an anchor that was kept elsewhere is gone, or another one
)

// Word is what is wrong.
func (f Flaw) Word() string {
	switch f {
	case FlawChanged:
		return "This line was changed, or slipped in."
	case FlawMissing:
		return "Lines are missing before this one."
	case FlawEnd:
		return "The newest lines are missing, or the end was changed."
	case FlawAnchor:
		return "This is not what the anchor says that it was."
	}
	return string(f)
}

// ActionFinding is where an audit trail is broken.
type ActionFinding struct {
	Number int64
	Flaw   Flaw
}

// CheckActionsNewest is how many of the newest actions a page verifies. The command verifies all.
const CheckActionsNewest = 2000
