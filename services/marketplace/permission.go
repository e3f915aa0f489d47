package marketplace

import "slices"

// Part is what somebody is to one job. What an account may be used for is its Role.
type Part string

// The parts.
const (
	PartFunder      Part = "funder"      // whose job it is
	PartWorker      Part = "worker"      // who was chosen
	PartApplicant   Part = "applicant"   // who has applied, and was not chosen so far
	PartOther       Part = "other"       // anybody else who is signed in
	PartOperator    Part = "operator"    // who looks after the marketplace, and is none of the above
	PartMarketplace Part = "marketplace" // nobody in person: its clock, and the news of payments
	PartNobody      Part = "nobody"      // who is not signed in
)

// Parts are all of them.
var Parts = []Part{PartFunder, PartWorker, PartApplicant, PartOther, PartOperator, PartMarketplace, PartNobody}

// mayDo is who may do what, in the states that allow it. Nothing else decides that.
var mayDo = map[Action][]Part{
	Edit:     {PartFunder},
	Publish:  {PartFunder},
	Apply:    {PartOther},
	Withdraw: {PartApplicant},
	Close:    {PartFunder, PartMarketplace},
	Select:   {PartFunder},
	Submit:   {PartWorker},
	Accept:   {PartFunder},
	Reject:   {PartFunder},
	Pay:      {PartMarketplace},
	Cancel:   {PartFunder, PartOperator},
	Expire:   {PartMarketplace},
}

// May reports whether the part may ever do this to a job.
func (p Part) May(a Action) bool { return slices.Contains(mayDo[a], p) }

// checkMay says in words why a part may not do something, or nil when it may.
func checkMay(p Part, a Action) error {
	if p.May(a) {
		return nil
	}
	switch {
	case a == Apply && p == PartFunder:
		return forbidden("You cannot apply for your own job.")
	case a == Apply && p == PartOperator:
		return forbidden("Operators look after the marketplace, and do not apply for its jobs.")
	case a == Apply:
		return forbidden("You have applied for this job already.")
	case a == Withdraw:
		return forbidden("You have no application for this job that could be withdrawn.")
	case a == Submit:
		return forbidden("Only the worker who was chosen can hand in the work.")
	default:
		return forbidden("Only the funder of a job can do this.")
	}
}

func forbidden(words string) error { return &Error{Code: CodeForbidden, Message: words} }

// CanView reports whether a person may know of a job: its funder, its worker and the operators always, anybody
// who is signed in while it recruits. Whoever has applied may too: see Case.CanView.
func CanView(who User, j Job) bool {
	return who.ID != 0 && (KnowsPayments(who, j) || j.State == Recruiting)
}

// KnowsPayments reports whether a person may know how a job's payments stand, and what was handed in.
func KnowsPayments(who User, j Job) bool {
	return who.ID != 0 && (who.ID == j.Funder || who.ID == j.Worker || who.Operator)
}

// withoutPayment is the job to somebody who may not know how its payments stand.
func (j Job) withoutPayment() Job {
	j.PaymentID, j.ContractCompleted = "", false
	return j
}

// checkPayable returns nil when this person may pay the job now, and otherwise says in words why not.
func checkPayable(payer User, j Job, worker User) error {
	switch {
	case !CanView(payer, j):
		return NotFound("There is no such job.")
	case payer.ID != j.Funder || !payer.Role.Funds():
		return &Error{Code: CodeForbidden, Message: "Only the funder of a job can approve and pay it."}
	case j.ContractCompleted:
		return &Error{Code: CodeAlreadyPaid, Message: "This job is paid already."}
	case j.State != Reviewing:
		return &Error{Code: CodeWrongState, Message: "Only a job whose work is being reviewed can be paid. This one is %s.", Args: []any{j.State}}
	case j.Worker == 0 || worker.WalletAddressURL == "":
		return &Error{Code: CodeWorkerUnpayable, Message: "The worker has not said yet which wallet to pay into. Ask them to add a wallet address."}
	}
	return nil
}
