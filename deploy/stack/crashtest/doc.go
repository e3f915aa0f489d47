// Package crashtest is the crash matrix: a real service is killed with SIGKILL at each named point of a payment's
// life, on SQLite and on Postgres, and started again. The buyer goes on as people do, by loading the page again. In the
// end the wallet's ledger, the payments service and the job must agree: paid by one debit, or failed without any, and then
// payable again.
//
// The points are the programs' own, printed by their command crash-points, which reads them off the code: builds with
// the tag crashpoints have it, and no others. Every scenario is played once without a kill to see which points it
// reaches; then each point is struck in the first scenario that reaches it. A point that none reaches fails the test,
// unless it stands in unreachable with its reason.
package crashtest
