// Package chaos lets many buyers pay many jobs while everything breaks around them: processes are killed and
// frozen, Postgres crashes, the wallet is slow, wrong or silent, and the buyers decline, dawdle, click twice, reload
// and leave. When all is quiet again it compares three books that know nothing of one another: the wallet's ledger,
// the payments store, and the marketplace's jobs.
//
// What a run does is drawn from its seed: the behaviour of each buyer at each visit, and the order of faults, each from a
// stream of its own. The same seed draws the same plan; when exactly a fault strikes depends on the machine, so the
// same seed makes the same kind of weather and not the same second.
//
// `stack chaos` runs it (make chaos), and a short run is a test.
package chaos
