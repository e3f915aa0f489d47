// Package webhook is the contract between the payments service and whoever wants to know what
// became of a payment: the event, its headers, how it is signed, how it is verified.
//
// Signatures follow Standard Webhooks (https://www.standardwebhooks.com), so that a receiver in
// any language verifies with a library of its own. Both our services use this package; it
// calls nothing and keeps nothing.
package webhook
