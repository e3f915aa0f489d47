// Package signature verifies signed requests (RFC 9421, Ed25519, as Open Payments
// profiles it) the way a real wallet does, its oddities included: only the label sig1,
// and a Content-Digest over the wallet's own re-serialisation of the JSON body.
//
// It is written from the recordings and shares nothing with the client that it checks:
// with one implementation on both sides a bug would agree with itself.
package signature
