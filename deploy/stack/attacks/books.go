package attacks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
)

// What must be as it was after an attack. Payments that failed are none of it: whoever names a hostile wallet may start one of those, and it leaves
// nothing. The offers of hostile wallets count once they are paid.
var bookkeeping = map[string]map[string]string{
	"marketplace": {
		"job":     "SELECT id, title, state, budget_value, budget_asset_code, funder_id, worker_id, contract_completed, payment_id FROM jobs",
		"person":  "SELECT id, email, name, role, operator, wallet_address_url, password_hash FROM users",
		"attempt": "SELECT id, job_id, session_id, state, pending_id, outgoing_payment_id FROM payment_attempts WHERE state IN ('awaiting', 'confirming', 'paid')",
		"file":    "SELECT f.id, f.submission_id, f.name, f.media_type, f.sha256, s.job_id, s.text FROM submission_files f JOIN job_submissions s ON s.id = f.submission_id",
		"closed":  "SELECT id, disabled_at FROM users",
		"news":    "SELECT id, job_id, event FROM job_history WHERE event IN ('pay', 'paid_again', 'paid_out_of_turn', 'overpaid')",
	},
	"payments": {
		"payment": `SELECT id, offer_id, seller_id, state, amount_value, received_value, buyer_wallet_url, incoming_payment_id, outgoing_payment_id FROM payments
			WHERE state <> 'failed' AND (offer_id NOT LIKE 'hostile-%' OR received_value > 0 OR state LIKE 'paid%')`,
		"seller":   "SELECT id, wallet_address_url, key_id, private_key_path FROM sellers WHERE id NOT LIKE 'hostile-%'",
		"endpoint": "SELECT id, url, event_types, disabled_at FROM webhook_endpoints",
		"secret":   "SELECT endpoint_id, fingerprint, expires_at FROM webhook_secrets",
	},
}

// books are the lines of all books at one moment.
type books []string

// keeper holds the databases open.
type keeper struct {
	siege *siege
	open  map[string]*database.DB
}

func (s *siege) keep(ctx context.Context) (*keeper, error) {
	k := &keeper{siege: s, open: map[string]*database.DB{}}
	for service := range bookkeeping {
		db, err := database.Open(ctx, s.program(service).Env["DATABASE_URL"], database.Options{Clock: clock.System(), MaxConns: 1})
		if err != nil {
			return nil, errors.Join(err, k.close())
		}
		k.open[service] = db
	}
	return k, nil
}

func (k *keeper) close() (err error) {
	for _, db := range k.open {
		err = errors.Join(err, db.Close())
	}
	return err
}

// read reads all books, the wallets' too.
func (k *keeper) read(ctx context.Context) (books, error) {
	var all books
	for service, queries := range bookkeeping {
		for name, query := range queries {
			var rows []map[string]any
			if err := k.open[service].Read(ctx).Raw(query).Scan(&rows).Error; err != nil {
				return nil, fmt.Errorf("read the books of %s: %w", service, err)
			}
			for _, row := range rows {
				all = append(all, fmt.Sprintf("%s %v", name, row)) // fmt sorts a map's keys
			}
		}
	}
	wallets, err := k.siege.wallets.Wallets(ctx)
	if err != nil {
		return nil, err
	}
	for _, w := range wallets {
		all = append(all, fmt.Sprintf("wallet %s has %d %s", w.Name, w.Balance, w.AssetCode))
	}
	ledger, err := k.siege.wallets.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	all = append(all, fmt.Sprintf("ledger of %d transfers, conserved: %t", len(ledger.Entries), ledger.Conserved))
	slices.Sort(all)
	return all, nil
}

// changed is what is in one of the books only; "" for nothing.
func (b books) changed(after books) string {
	var found []string
	for _, line := range b {
		if !slices.Contains(after, line) {
			found = append(found, "- "+line)
		}
	}
	for _, line := range after {
		if !slices.Contains(b, line) {
			found = append(found, "+ "+line)
		}
	}
	return strings.Join(found, "\n")
}
