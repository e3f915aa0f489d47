// Package attacks tries to get in. It starts the services, with a wallet that means harm beside them, and sends what strangers, other customers,
// hostile wallets and the network between them may send. Every attack says beforehand how it must end: with which answer, with which line in the log,
// and with the books of both services and of the wallets as they were.
//
//	attack.go     what an attack is; all of them in one view
//	run.go        tries each, and judges it
//	siege.go      the services under attack, and the people in them
//	books.go      what must not change
//	log.go        what the services' logs tell of a request
//	shot.go       requests, as a program, a browser or a torn connection sends them
//	wallet.go     the hostile wallet
//	table.go      the table in docs/security.md
//
// The other files are the attacks themselves, by the door that they are tried at. `stack attacks` runs them (make attacks).
package attacks
