package sandbox

import (
	"maps"
	"time"
)

// Entry is one transfer on the ledger: what one account loses, the other gains.
type Entry struct {
	Seq    int64     `json:"seq"`
	At     time.Time `json:"at"`
	From   string    `json:"from"`
	To     string    `json:"to"`
	Amount Amount    `json:"amount"`
	Reason string    `json:"reason"`
	// Payment is the id of the outgoing payment, if that is what moved the money.
	Payment string `json:"payment,omitempty"`
}

// Three kinds of account keep the books: wallets; the liquidity that stands between
// the two assets of a payment (its gain or loss is the spread); and the outside world,
// which issued what there is and is negative by as much.
func walletAccount(name string) string    { return "wallet:" + name }
func liquidityAccount(asset Asset) string { return "liquidity:" + asset.String() }
func issuedAccount(asset Asset) string    { return "issued:" + asset.String() }

// post moves money. The caller holds the lock and has checked the balance.
func (b *Bank) post(at time.Time, from, to string, amount Amount, reason, payment string) {
	if amount.Value == 0 {
		return
	}
	b.s.Ledger = append(b.s.Ledger, Entry{b.s.next(), at, from, to, amount, reason, payment})
	b.s.Balances[from] -= amount.Value
	b.s.Balances[to] += amount.Value
}

// Ledger is the books: every transfer, and what follows from them.
type Ledger struct {
	Entries  []Entry          `json:"entries"`
	Balances map[string]int64 `json:"balances"` // by ledger account, minor units
	// Totals adds up, from the entries alone, all accounts of each asset. Money is
	// conserved when every total is zero and the balances are what the entries say.
	Totals    map[string]int64 `json:"totals"`
	Conserved bool             `json:"conserved"`
}

// Ledger recomputes the books from the entries and compares.
func (b *Bank) Ledger() Ledger {
	b.enter()
	defer b.leave()
	l := Ledger{
		Entries:   append([]Entry{}, b.s.Ledger...),
		Balances:  maps.Clone(b.s.Balances),
		Totals:    map[string]int64{},
		Conserved: true,
	}
	recomputed := map[string]int64{}
	assetOf := map[string]Asset{}
	for _, e := range l.Entries {
		asset := e.Amount.Asset
		for _, account := range []string{e.From, e.To} {
			if known, ok := assetOf[account]; ok && known != asset {
				l.Conserved = false // an account holds one asset
			}
			assetOf[account] = asset
		}
		recomputed[e.From] -= e.Amount.Value
		recomputed[e.To] += e.Amount.Value
	}
	for account, balance := range recomputed {
		l.Totals[assetOf[account].String()] += balance
	}
	for _, total := range l.Totals {
		l.Conserved = l.Conserved && total == 0
	}
	l.Conserved = l.Conserved && maps.Equal(recomputed, l.Balances)
	return l
}
