// Package resourceserver is the sandbox's Open Payments resource server: wallet
// addresses and their keys, incoming payments, quotes and outgoing payments.
//
// It speaks HTTP and knows statuses; what is allowed is decided by package sandbox.
// Each request passes the same gates in the recorded order: the OpenAPI document, the
// wallet address, the token, the signature (testdata/traces).
package resourceserver
