package marketplace

import (
	"slices"
	"time"

	"tianguis.example/payments/money"
)

// NotificationKind is what a person is told of.
type NotificationKind string

// The kinds. A job's history tells all of them (tellings) but the last ones, which are about an account.
const (
	NotifyApplication    NotificationKind = "application"         // the funder: somebody applied
	NotifyWithdrawal     NotificationKind = "withdrawal"          // the funder: somebody applies no more
	NotifyClosed         NotificationKind = "applications_closed" // the funder: it is time to choose
	NotifySelection      NotificationKind = "selection"           // a worker: chosen
	NotifyNotSelected    NotificationKind = "not_selected"        // whoever applied: somebody else was chosen
	NotifySubmission     NotificationKind = "submission"          // the funder: the work is there
	NotifyAcceptance     NotificationKind = "acceptance"          // the worker: the work is accepted, not paid yet
	NotifyRejection      NotificationKind = "rejection"           // the worker: it is not, and why
	NotifyPaid           NotificationKind = "payment_completed"   // the worker: the money is there
	NotifyPaymentArrived NotificationKind = "payment_arrived"     // the funder: a receipt
	NotifyPaymentFailed  NotificationKind = "payment_failed"      // the funder: not paid, try again
	NotifyPaymentLate    NotificationKind = "payment_late"        // funder and worker: approved, and still not there
	NotifyPaidOutOfTurn  NotificationKind = "paid_out_of_turn"    // funder, worker, operators: money that nobody waited for
	NotifyPaidAgain      NotificationKind = "paid_again"          // the same, a second time
	NotifyOverpaid       NotificationKind = "overpaid"            // the same, more than was asked for
	NotifyCanceled       NotificationKind = "canceled"            // everybody who has to do with the job
	NotifyExpired        NotificationKind = "expired"             // the same

	NotifySignUp          NotificationKind = "sign_up"          // carries a secret link, like the next two; by e-mail alone
	NotifyPasswordReset   NotificationKind = "password_reset"   // a new password is chosen with it
	NotifyNewEmail        NotificationKind = "new_email"        // it proves the address
	NotifyHaveAccount     NotificationKind = "have_account"     // somebody wanted an account with this e-mail, which has one
	NotifyPasswordChanged NotificationKind = "password_changed" // so that whoever did not do it learns of it, like the next two
	NotifyEmailChanged    NotificationKind = "email_changed"    // to the address that it was
	NotifyWalletChanged   NotificationKind = "wallet_changed"
)

// Topic is a group of kinds that a person chooses about together.
type Topic string

// The topics.
const (
	TopicApplications Topic = "applications" // who works
	TopicWork         Topic = "work"         // handed in, accepted, called off
	TopicPayments     Topic = "payments"
	TopicSecurity     Topic = "security" // always told by e-mail
)

// Topics are all of them, in the order in which they are shown.
var Topics = []Topic{TopicApplications, TopicWork, TopicPayments, TopicSecurity}

// Word is what the group is called.
func (t Topic) Word() string {
	switch t {
	case TopicApplications:
		return "Who applies, and who is chosen"
	case TopicWork:
		return "Work that is handed in, accepted or called off"
	case TopicPayments:
		return "Payments"
	case TopicSecurity:
		return "The safety of your account"
	}
	return string(t)
}

// topics has every kind.
var topics = map[NotificationKind]Topic{
	NotifyApplication: TopicApplications, NotifyWithdrawal: TopicApplications, NotifyClosed: TopicApplications,
	NotifySelection: TopicApplications, NotifyNotSelected: TopicApplications,
	NotifySubmission: TopicWork, NotifyAcceptance: TopicWork, NotifyRejection: TopicWork, NotifyCanceled: TopicWork, NotifyExpired: TopicWork,
	NotifyPaid: TopicPayments, NotifyPaymentArrived: TopicPayments, NotifyPaymentFailed: TopicPayments, NotifyPaymentLate: TopicPayments,
	NotifyPaidOutOfTurn: TopicPayments, NotifyPaidAgain: TopicPayments, NotifyOverpaid: TopicPayments,
	NotifySignUp: TopicSecurity, NotifyPasswordReset: TopicSecurity, NotifyNewEmail: TopicSecurity, NotifyHaveAccount: TopicSecurity,
	NotifyPasswordChanged: TopicSecurity, NotifyEmailChanged: TopicSecurity, NotifyWalletChanged: TopicSecurity,
}

// Topic is the group that the kind belongs to.
func (k NotificationKind) Topic() Topic { return topics[k] }

// InSite reports whether the kind is listed on the site. What goes to whoever reads a mailbox, signed in or not, is not.
func (k NotificationKind) InSite() bool { return !k.Secret() && k != NotifyHaveAccount }

// Secret reports whether a message of the kind holds what opens an account: it is kept no longer than it takes to send it.
func (k NotificationKind) Secret() bool { return slices.Contains(SecretKinds, k) }

// SecretKinds are the kinds of which Secret reports true.
var SecretKinds = []NotificationKind{NotifySignUp, NotifyPasswordReset, NotifyNewEmail}

// Channel is a way out of the site.
type Channel string

// The channels.
const (
	Email Channel = "email"
	SMS   Channel = "sms"
)

// Channels are all of them.
var Channels = []Channel{Email, SMS}

// Preferences are what a person wants to be told outside of the site, where everything is listed anyway.
type Preferences struct {
	Phone  string                     // for SMS, as ParsePhone returns it; "" for none
	Wanted map[Channel]map[Topic]bool // what was chosen; what is not in it is as Wants says
}

// Wants reports whether a kind goes out by a channel. Unless something else was chosen, everything goes by e-mail and
// nothing by SMS. What is about the safety of an account always goes by e-mail, and its secrets by nothing else.
func (p Preferences) Wants(c Channel, k NotificationKind) bool {
	if c == SMS && (p.Phone == "" || k.Secret()) {
		return false
	}
	return p.WantsTopic(c, k.Topic())
}

// WantsTopic is Wants for a group of kinds.
func (p Preferences) WantsTopic(c Channel, t Topic) bool {
	if c == Email && t == TopicSecurity {
		return true
	}
	chosen, known := p.Wanted[c][t]
	if !known {
		return c == Email
	}
	return chosen
}

// ParsePhone reads a telephone number as people write it, and returns it as networks want it: E.164, a plus and 8 to 15
// digits. Anything else is CodeInvalidInput; "" is none.
func ParsePhone(text string) (string, error) {
	var number []rune
	for _, r := range clean(text, 40) {
		switch {
		case r >= '0' && r <= '9', r == '+' && len(number) == 0:
			number = append(number, r)
		case r == ' ', r == '-', r == '(', r == ')', r == '.':
		default:
			return "", errPhone
		}
	}
	if len(number) == 0 {
		return "", nil
	}
	if number[0] != '+' || len(number) < 9 || len(number) > 16 || number[1] == '0' {
		return "", errPhone
	}
	return string(number), nil
}

var errPhone = &Error{Code: CodeInvalidInput, Message: "This is not a telephone number. It looks like +52 55 1234 5678, with the country's code."}

// Facts are what a notification says, as it was when it happened.
type Facts struct {
	JobID  JobID        `json:"job_id,omitempty"` // 0 for one that is about no job
	Title  string       `json:"title,omitempty"`  // the job's
	Budget money.Amount `json:"budget,omitzero"`
	By     string       `json:"by,omitempty"` // the name of who did it; "" for the marketplace itself
	Funder string       `json:"funder,omitempty"`
	Worker string       `json:"worker,omitempty"`
	Detail string       `json:"detail,omitempty"` // the history's: a reason, an amount
	Path   string       `json:"path,omitempty"`   // where it leads, on the site, when the kind does not say it; a secret in a password_reset
}

// Notification is something that one person is told.
type Notification struct {
	ID     int64 // 0 before it is kept
	To     UserID
	Kind   NotificationKind
	Facts  Facts
	At     time.Time
	ReadAt time.Time // zero before
	Until  time.Time // when it is of no use any more outside of the site; zero for the usual time (MessageLife)
}

// Unread reports whether the person has not seen it.
func (n Notification) Unread() bool { return n.ReadAt.IsZero() }

// audience is whom an event concerns.
type audience string

const (
	toFunder    audience = "funder"
	toWorker    audience = "worker"    // the one who was chosen
	toOthers    audience = "others"    // who applied and was not chosen
	toOperators audience = "operators" // who look after the marketplace
)

// telling is who is told of an event, and what.
type telling struct {
	to   audience
	kind NotificationKind
}

// tellings is who is told what of each event of a job's history. Nothing else decides it, and an event that is not in it is
// a mistake that a test finds: nil says that nobody is told.
var tellings = map[string][]telling{
	EventCreated:     nil,
	string(Publish):  nil, // who looks for work finds it in the list
	string(Edit):     nil,
	string(Apply):    {{toFunder, NotifyApplication}},
	string(Withdraw): {{toFunder, NotifyWithdrawal}},
	string(Close):    {{toFunder, NotifyClosed}}, // by time or number: who closes it knows it
	string(Select):   {{toWorker, NotifySelection}, {toOthers, NotifyNotSelected}},
	string(Submit):   {{toFunder, NotifySubmission}},
	string(Accept):   {{toWorker, NotifyAcceptance}},
	string(Reject):   {{toWorker, NotifyRejection}},
	string(Cancel):   {{toFunder, NotifyCanceled}, {toWorker, NotifyCanceled}, {toOthers, NotifyCanceled}},
	string(Expire):   {{toFunder, NotifyExpired}, {toWorker, NotifyExpired}, {toOthers, NotifyExpired}},

	EventPaymentStarted: nil, // nothing is paid yet
	EventPaymentFailed:  {{toFunder, NotifyPaymentFailed}},
	EventPaymentLate:    {{toFunder, NotifyPaymentLate}, {toWorker, NotifyPaymentLate}},
	string(Pay):         {{toWorker, NotifyPaid}, {toFunder, NotifyPaymentArrived}},
	EventPaidOutOfTurn:  {{toFunder, NotifyPaidOutOfTurn}, {toWorker, NotifyPaidOutOfTurn}, {toOperators, NotifyPaidOutOfTurn}},
	EventPaidAgain:      {{toFunder, NotifyPaidAgain}, {toWorker, NotifyPaidAgain}, {toOperators, NotifyPaidAgain}},
	EventOverpaid:       {{toFunder, NotifyOverpaid}, {toWorker, NotifyOverpaid}, {toOperators, NotifyOverpaid}},
	EventRoundedUp:      nil, // the wallets' rounding
}

// Parties are the people whom a job's events may concern.
type Parties struct {
	Funder     UserID
	Worker     UserID   // 0 before one is chosen
	Applicants []UserID // who applied and did not withdraw, the worker among them
	Operators  []UserID
}

// TellsApplicants reports whether an event concerns those who applied, and TellsAnybody whether it concerns somebody at all:
// a store need not look for whom nobody asks.
func TellsApplicants(event string) bool { return tells(event, toOthers) }

// TellsOperators is the same for those who look after the marketplace.
func TellsOperators(event string) bool { return tells(event, toOperators) }

// TellsAnybody reports whether somebody is told of an event.
func TellsAnybody(event string) bool { return len(tellings[event]) > 0 }

func tells(event string, to audience) bool {
	return slices.ContainsFunc(tellings[event], func(t telling) bool { return t.to == to })
}

// Tell is who is told of an entry of a job's history. Whoever did it is not: neither the entry's person, nor the funder
// whose own word at the wallet ended a payment. Nobody is told twice of the same.
func Tell(e Entry, p Parties, facts Facts) []Notification {
	told := map[UserID]bool{0: true, e.By: true}
	if e.Event == EventPaymentFailed && endedByPayer(e.Detail) {
		told[p.Funder] = true
	}
	facts.Detail = e.Detail
	var all []Notification
	for _, t := range tellings[e.Event] {
		var to []UserID
		switch t.to {
		case toFunder:
			to = []UserID{p.Funder}
		case toWorker:
			to = []UserID{p.Worker}
		case toOthers:
			to = slices.DeleteFunc(slices.Clone(p.Applicants), func(id UserID) bool { return id == p.Worker || id == p.Funder })
		case toOperators:
			to = p.Operators
		}
		for _, id := range to {
			if told[id] {
				continue
			}
			told[id] = true
			n := Notification{To: id, Kind: t.kind, Facts: facts, At: e.At}
			n.Facts.Path = pathOf(t)
			all = append(all, n)
		}
	}
	return all
}

// pathOf is where a telling leads, when that is not the job's page: who applied in vain may not see that any more.
func pathOf(t telling) string {
	switch t.to {
	case toOthers:
		return "/"
	case toOperators:
		return "/operator"
	default:
		return ""
	}
}

// endedByPayer reports whether the reason of a failed payment is the payer's own word: declined at the wallet, or replaced
// by another try.
func endedByPayer(reason string) bool { return reason == reasonRejected || reason == "canceled" }
