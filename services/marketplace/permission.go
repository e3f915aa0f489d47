package marketplace

// CanView reports whether a person may know of a job: its funder, its worker and the operators always, anybody
// who is signed in while it recruits.
func CanView(who User, j Job) bool {
	return who.ID != 0 && (KnowsPayments(who, j) || j.State == Recruiting)
}

// KnowsPayments reports whether a person may know how a job's payments stand.
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
