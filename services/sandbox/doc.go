// Package sandbox is a wallet for local use: the accounts, the money in them, and the
// grants, quotes and payments that move it. It behaves as a real wallet does, down to
// its refusals, so that what works against it works against the real ones; the cases
// it was modelled on are in testdata/traces.
//
// It holds no real money and must never face the internet. It knows no HTTP: the
// doors are authserver (GNAP), resourceserver (Open Payments) and control (tests).
// It shares no code with the payments service, because its ledger is the second
// opinion on what that service claims.
//
// Everything lives in one Bank, in memory, behind one lock. What falls due (a payment
// that settles) is done before anybody looks, by the bank's clock, so that what is
// seen depends on the time and on nothing else.
package sandbox
