// Package outbox delivers webhooks: a small domain of its own, which knows neither payments nor the database.
//
//	endpoint.go  who receives: the configured marketplace, and endpoints that were added
//	delivery.go  one event on its way to one endpoint, and each attempt
//	schedule.go  what becomes of a delivery after an attempt
//	breaker.go   when a receiver that does not answer is left alone
//	deliver.go   one attempt: sign, POST, read the answer
//	lane.go      each endpoint has workers of its own, so that a slow one delays nobody else
//	dispatch.go  a lane for each endpoint
//	desk.go      what an operator does: add, rotate, ping, replay
//	time.go      how an operator writes a time
//
// A delivery is written in the transaction of the payment's change (package store), claimed under a lease, and POSTed until
// the receiver takes it or the schedule is over. Nothing waits for it.
package outbox
