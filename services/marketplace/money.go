package marketplace

import (
	"time"

	"tianguis.example/payments/money"
)

// Direction is which way a payment goes, as one of its two people sees it.
type Direction string

// The directions.
const (
	PaidOut  Direction = "paid"
	Received Direction = "received"
)

// MoneyLine is a payment as one of its two people sees it.
type MoneyLine struct {
	ID        string // the attempt's: a ULID, the newest is the greatest
	Job       JobID
	JobTitle  string
	Direction Direction
	Other     string       // the name of who is at the other end; "" when it is not known
	Amount    money.Amount // what left the funder's wallet, at most, or what the worker received; not set when it is not known
	At        time.Time    // when it was paid, or approved while it is pending
	Pending   bool         // approved, and the money on its way
	Proof     string       // the outgoing payment, a URL at the payer's wallet; "" while it is not known
}

// MoneyTotal is what a person has paid and received in one currency.
type MoneyTotal struct {
	Paid, Received       money.Amount
	Leaving, Approaching money.Amount // pending: approved, and not arrived yet
}

// MoneyMonth is what was paid and received in a month, in one currency.
type MoneyMonth struct {
	Month          time.Time // its first instant, in UTC
	Paid, Received money.Amount
}

// MyMoney is what a person's money did: totals by currency, and the last twelve months of each, the oldest first. Amounts are in minor units of
// the currency as the wallets count it.
type MyMoney struct {
	Totals []MoneyTotal
	Months map[string][]MoneyMonth // by the currency's code
}

// MoneyMonths is how many months are told of.
const MoneyMonths = 12

// received is what the worker received: what the payment was to bring, or the budget when that was not told, and what came beyond it.
func (a Attempt) received(budget money.Amount) money.Amount {
	brought := budget
	if a.Receive.IsSet() {
		brought = a.Receive
	}
	if all, err := brought.Add(a.Overpaid); err == nil {
		return all
	}
	return brought // of two currencies there is no sum
}
