// Package inbox is where news of payments comes in: the payments service's webhooks (receive.go), and
// the answers to questions when none came (poll.go). Both end in marketplace.Paid, which applies news once.
//
// Receiving a webhook asks nobody anything: it never waits for the payments service, which may be
// waiting for this answer.
package inbox
