// Package systemtest tests the whole: the three services as real processes, on SQLite and on
// Postgres, asked only from outside, as a browser, a wallet's SDK or an attacker would.
//
// What a machine lacks (a Postgres, Node.js, Chromium) is said loudly and skipped, except where CI
// is set: there it fails.
package systemtest
