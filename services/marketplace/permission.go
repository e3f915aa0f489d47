package marketplace

// CanView reports whether a person may know of a job: its funder and its worker always, anybody
// who is signed in while it recruits.
func CanView(who UserID, j Job) bool {
	return who != 0 && (who == j.Funder || who == j.Worker || j.State == Recruiting)
}

// checkPayable returns nil when this person may pay the job now, and otherwise says in words why not.
func checkPayable(payer User, j Job, worker User) error {
	switch {
	case !CanView(payer.ID, j):
		return NotFound("job")
	case payer.ID != j.Funder || !payer.Role.Funds():
		return &Error{Code: CodeForbidden, Message: "Only the funder of a job can approve and pay it."}
	case j.ContractCompleted:
		return &Error{Code: CodeAlreadyPaid, Message: "This job is paid already."}
	case j.State != Reviewing:
		return &Error{Code: CodeWrongState, Message: "Only a job whose work is being reviewed can be paid. This one is " + string(j.State) + "."}
	case j.Worker == 0 || worker.WalletAddressURL == "":
		return &Error{Code: CodeWorkerUnpayable, Message: "The worker has not said yet which wallet to pay into. Ask them to add a wallet address."}
	}
	return nil
}
