package main

import (
	"context"
	"errors"
	"fmt"
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

// settle checks to the last unit what one payment did to both wallets, and prints it.
func (t *story) settle(paid api.Payment, before, after books) error {
	left, came := before.funder.Balance-after.funder.Balance, after.worker.Balance-before.worker.Balance
	table := tabwriter.NewWriter(t.out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table)
	fmt.Fprintln(table, "     wallet\t\tbefore\tafter\tdifference\t")
	for _, w := range []struct{ before, after control.Wallet }{{before.funder, after.funder}, {before.worker, after.worker}} {
		fmt.Fprintf(table, "     %s\t%s\t%s\t%s\t%s\t\n", w.after.Name, w.after.AssetCode, decimal(w.before.Balance, w.after.AssetScale),
			decimal(w.after.Balance, w.after.AssetScale), signed(w.after.Balance-w.before.Balance, w.after.AssetScale))
	}
	if err := table.Flush(); err != nil {
		return err
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
	case left != debited, came != credited:
		return fmt.Errorf("the ledger books %d and %d for this payment, but the wallets changed by %d and %d", debited, credited, left, came)
	case came != paid.ReceivedAmount.Value():
		return fmt.Errorf("payments says that %s arrived, but the worker's wallet grew by %d", paid.ReceivedAmount, came)
	case came < paid.Amount.Value():
		return fmt.Errorf("%s was to arrive, but the worker's wallet grew by %d", paid.Amount, came)
	case left > paid.DebitAmount.Value():
		return fmt.Errorf("the funder agreed to at most %s, but the wallet shrank by %d", paid.DebitAmount, left)
	}
	fmt.Fprintf(t.out, "\n     The ledger agrees to the last unit: %s %s left, %s %s came.\n",
		decimal(left, after.funder.AssetScale), after.funder.AssetCode, decimal(came, after.worker.AssetScale), after.worker.AssetCode)
	if extra := came - paid.Amount.Value(); extra > 0 {
		fmt.Fprintf(t.out, "     (%s more than asked: a wallet rounds in the receiver's favour when it changes money.)\n", decimal(extra, after.worker.AssetScale))
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
