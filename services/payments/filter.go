package payments

import "time"

// Filter picks payments. Fields that are not set pick all.
type Filter struct {
	State        State
	Reason       Reason
	OfferID      string
	Wallet       string    // the wallet address of the buyer or of the seller
	IDPrefix     string    // how the id begins
	Since, Until time.Time // when they were made: from Since on, before Until
	PaidSince    time.Time // those that were paid from then on
	Before       PaymentID // only those that were made before this one, which is how the list goes on
}
