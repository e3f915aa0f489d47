// Package marketplace is the rules of the marketplace: who its people are, what a job is, what may
// follow what in a job's life, and the main job: a funder approves a payment (Approve), comes back
// from the wallet (Returned), and the news of the money completes the job (Paid).
//
// It never speaks HTTP or SQL. The doors, web and inbox, call it; it calls the payments service
// through payments/api, and what it keeps goes through the small interfaces that package store meets.
// No transaction and no lock is held while the payments service is being asked.
package marketplace
