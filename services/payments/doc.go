// Package payments is the rules of the payments service: what a payment is, what may follow what,
// and the use cases Start, Finish and Advance, in which the main job can be read.
//
//	start.go    a marketplace asks for an offer to be paid: incoming payment, quote, consent
//	finish.go   the buyer comes back from the wallet with a finish that proves itself
//	advance.go  the payment is driven on, by the finish or by a worker: token, outgoing payment, money
//
// Deciding is pure: a rule takes a Payment and the time and returns a Change. Doing is at the edges:
// wallets are asked through small interfaces that package openpayments meets, and Store.Record makes a
// Change so, together with its audit event and its webhook. The package knows no HTTP, no database and
// no configuration. Package rest calls it for the marketplace, cmd for the operator.
package payments
