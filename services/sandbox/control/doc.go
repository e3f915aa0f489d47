// Package control is the sandbox's back door, for tests and tools on the same machine:
// wallets and keys, the ledger, rates, lifetimes, faults, the clock, and a history of
// what was asked. Client speaks it from Go.
//
// It answers loopback peers only, who must call it by a loopback name, and refuses
// what a web page of another origin sends: a browser on this machine must not be
// turned against it.
package control
