package attacks

import (
	"context"
	"slices"
)

// Attacker is who tries.
type Attacker string

// The attackers.
const (
	Stranger Attacker = "stranger"         // anybody who reaches an address
	Network  Attacker = "network"          // whoever sees, keeps and changes what goes over the wire
	Site     Attacker = "another site"     // a page that makes the victim's browser send requests
	Customer Attacker = "another customer" // somebody with an account, who is not part of the job
	Worker   Attacker = "worker"
	Buyer    Attacker = "buyer"
	Wallet   Attacker = "hostile wallet" // a wallet address that somebody typed, and the servers that it names
	Caller   Attacker = "caller with the key"
	Operator Attacker = "operator" // one of the marketplace's
	Writer   Attacker = "who writes the database"
)

// Asset is what an attack aims at.
type Asset string

// The assets.
const (
	Money   Asset = "money"   // payments, and what jobs say of them
	Account Asset = "account" // somebody's session, password, wallet address
	Privacy Asset = "privacy" // what only its owner may read
	Inside  Asset = "inside"  // hosts and files that only the services reach
	Keys    Asset = "keys"    // API key, tokens, secrets
	Service Asset = "service" // that it answers everybody else
)

// Refusal is an answer that an attack may end with.
type Refusal struct {
	Status int    // 0: the connection is closed without an answer
	Says   string // part of the answer: a stable code, or words, or a header
}

// Line is part of a line of a service's log that tells of a request: the program, and what an attribute holds.
type Line struct{ Program, Key, Holds string }

// Attack is one thing that somebody tries.
type Attack struct {
	ID    string // a stable name: the door, and what is tried there
	Title string
	By    Attacker
	Aim   Asset

	Refused []Refusal // how each of its requests must be answered: one of these
	Told    []Line    // and what must be told of it: one of these

	// Slow: it takes seconds by its nature, and is tried beside the others.
	Slow bool
	// Try sends the requests. An error says that somebody got in, or that the attack could not be tried.
	Try func(ctx context.Context, s *siege) ([]answer, error)
}

// doors are where attacks are tried, with the attacks at each.
var doors = []struct {
	Name    string
	Attacks []Attack
}{
	{"The return from the wallet", finishAttacks},
	{"Webhooks into the marketplace", webhookAttacks},
	{"The payments service's API", apiAttacks},
	{"Wallet addresses, before anybody is asked", addressAttacks},
	{"A hostile wallet", walletAttacks},
	{"The marketplace's pages", pageAttacks},
	{"Files that are handed in", uploadAttacks},
	{"Accounts and sessions", accountAttacks},
	{"The marketplace's operators", operatorAttacks},
	{"The operator's console", consoleAttacks},
	{"API keys and limits", keyAttacks},
	{"The wire itself", wireAttacks},
}

// All are the attacks, in the order of the table.
func All() []Attack {
	var all []Attack
	for _, door := range doors {
		all = append(all, door.Attacks...)
	}
	return all
}

// ends reports whether an answer is one of those that the attack may end with.
func (a Attack) ends(got answer) bool {
	return slices.ContainsFunc(a.Refused, func(r Refusal) bool { return got.is(r) })
}
