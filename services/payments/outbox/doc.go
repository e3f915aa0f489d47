// Package outbox delivers webhooks: a small domain of its own, which knows neither payments nor
// the database. A delivery is written in the transaction of the payment's change (package store), claimed
// by a worker, and POSTed until the receiver takes it or the schedule is over. Nothing waits for it.
package outbox
