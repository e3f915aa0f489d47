package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"tianguis.example/payments/api"
	"tianguis.example/sandbox/control"
	"tianguis.example/stack"
)

// books are the wallets' ledger at one moment, with the two wallets that the story is about.
type books struct {
	ledger         control.Ledger
	funder, worker control.Wallet
}

func readBooks(ctx context.Context, s *stack.Stack, funder string) (books, error) {
	wallets := s.Wallets()
	var b books
	var failed [3]error
	b.funder, failed[0] = wallets.Wallet(ctx, funder[1:])
	b.worker, failed[1] = wallets.Wallet(ctx, stack.WorkerWallet[1:])
	b.ledger, failed[2] = wallets.Ledger(ctx)
	if err := errors.Join(failed[:]...); err != nil {
		return books{}, err
	}
	if !b.ledger.Conserved {
		return books{}, fmt.Errorf("the wallets' ledger does not add up: %v", b.ledger.Totals)
	}
	return b, nil
}

// settlement is what one payment did to both wallets.
type settlement struct {
	before, after books
	left, came    int64 // minor units of each wallet's own asset
	asked         int64 // minor units of the worker's
}

// settle checks to the last unit what one payment did: the wallets' balances, the ledger's entries
// and what the payments service says must be the same.
func settle(paid api.Payment, before, after books) (settlement, error) {
	s := settlement{
		before: before, after: after, asked: paid.Amount.Value(),
		left: before.funder.Balance - after.funder.Balance, came: after.worker.Balance - before.worker.Balance,
	}
	var debited, credited int64
	for _, e := range after.ledger.Entries[len(before.ledger.Entries):] {
		if e.Payment == "" || !strings.HasSuffix(paid.OutgoingPaymentID, e.Payment) {
			continue
		}
		if e.From == "wallet:"+after.funder.Name {
			debited += e.Amount.Value
		}
		if e.To == "wallet:"+after.worker.Name {
			credited += e.Amount.Value
		}
	}
	switch {
	case s.left != debited, s.came != credited:
		return s, fmt.Errorf("the ledger books %d and %d for this payment, but the wallets changed by %d and %d", debited, credited, s.left, s.came)
	case s.came != paid.ReceivedAmount.Value():
		return s, fmt.Errorf("payments says that %s arrived, but the worker's wallet grew by %d", paid.ReceivedAmount, s.came)
	case s.came < s.asked:
		return s, fmt.Errorf("%s was to arrive, but the worker's wallet grew by %d", paid.Amount, s.came)
	case s.left > paid.DebitAmount.Value():
		return s, fmt.Errorf("the funder agreed to at most %s, but the wallet shrank by %d", paid.DebitAmount, s.left)
	}
	return s, nil
}

// String is the settlement in one sentence.
func (s settlement) String() string {
	return fmt.Sprintf("%s %s left %s, %s %s came to %s",
		decimal(s.left, s.after.funder.AssetScale), s.after.funder.AssetCode, s.after.funder.Name,
		decimal(s.came, s.after.worker.AssetScale), s.after.worker.AssetCode, s.after.worker.Name)
}

// print shows both wallets before and after.
func (s settlement) print(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table)
	fmt.Fprintln(table, "     wallet\t\tbefore\tafter\tdifference\t")
	for _, w := range []struct{ before, after control.Wallet }{{s.before.funder, s.after.funder}, {s.before.worker, s.after.worker}} {
		fmt.Fprintf(table, "     %s\t%s\t%s\t%s\t%s\t\n", w.after.Name, w.after.AssetCode, decimal(w.before.Balance, w.after.AssetScale),
			decimal(w.after.Balance, w.after.AssetScale), signed(w.after.Balance-w.before.Balance, w.after.AssetScale))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n     The ledger agrees to the last unit: %s.\n", s)
	if extra := s.came - s.asked; extra > 0 {
		fmt.Fprintf(out, "     (%s more than asked: a wallet rounds in the receiver's favour when it changes money.)\n", decimal(extra, s.after.worker.AssetScale))
	}
	return nil
}

func signed(units int64, scale uint8) string {
	if units > 0 {
		return "+" + decimal(units, scale)
	}
	return decimal(units, scale)
}

// decimal writes minor units as people write money: -1,234.50.
func decimal(units int64, scale uint8) string {
	sign, digits := "", strconv.FormatInt(units, 10)
	if rest, negative := strings.CutPrefix(digits, "-"); negative {
		sign, digits = "-", rest
	}
	if missing := int(scale) + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	whole, fraction := digits[:len(digits)-int(scale)], digits[len(digits)-int(scale):]
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	if fraction != "" {
		fraction = "." + fraction
	}
	return sign + whole + fraction
}
