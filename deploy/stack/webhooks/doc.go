// Package webhooks puts the way of webhooks to the test: from the payments service's outbox to the marketplace's jobs, both as real
// processes, with a path between them that loses, delays, doubles, corrupts and refuses what goes over it.
//
//	plan.go     what is drawn from the seed: the events, what befalls each, the weather, the blows
//	events.go   the events as they are written into both databases, and no payment behind them
//	path.go     the hostile path between the two services
//	run.go      a run: write, let everything break, wait until all is quiet, compare
//	account.go  what the two databases come to when they are laid side by side
//	report.go   what is told of it
//
// Nobody pays here: the chaos run does that. Here every event has to arrive whatever happens, and to do what it says once.
//
// `stack webhooks` runs it (make webhooks), and short runs are tests.
package webhooks
