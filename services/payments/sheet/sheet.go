// Package sheet writes what the service knows as tables for spreadsheets: RFC 4180, whose columns are fixed, since sheets and scripts are made for them. Amounts
// are in major units of their asset, times in UTC. No cell runs when it is opened.
package sheet

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"tianguis.example/payments"
	"tianguis.example/payments/money"
	"tianguis.example/payments/operator"
)

// Writer writes a table, a row at a time.
type Writer struct{ csv *csv.Writer }

// NewWriter makes a writer, and writes the header.
func NewWriter(out io.Writer, header []string) (Writer, error) {
	w := Writer{csv.NewWriter(out)}
	w.csv.UseCRLF = true
	return w, w.csv.Write(header)
}

// Write writes rows, and hands them on.
func (w Writer) Write(rows ...[]string) error {
	for _, row := range rows {
		plain := make([]string, len(row))
		for i, cell := range row {
			plain[i] = plainCell(cell)
		}
		if err := w.csv.Write(plain); err != nil {
			return err
		}
	}
	w.csv.Flush()
	return w.csv.Error()
}

// plainCell keeps a spreadsheet from running text from outside as a formula: a cell that begins like one gets an apostrophe
// (OWASP, CSV Injection).
func plainCell(text string) string {
	if strings.ContainsAny(text[:min(1, len(text))], "=+-@\t\r\n") {
		return "'" + text
	}
	return text
}

func decimal(a money.Amount) string {
	if !a.IsSet() {
		return ""
	}
	return a.Decimal()
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339Nano)
}

// FindingHeader is of Finding.
var FindingHeader = []string{
	"kind", "severity", "pending_id", "offer_id", "seller_id", "state", "reason", "since",
	"amount", "received", "overpaid", "asset", "nudged", "message", "detail",
}

// Finding is a difference that a comparison with the wallets found.
func Finding(f payments.Finding) []string {
	return []string{
		string(f.Kind), string(f.Severity), string(f.PaymentID), f.OfferID, f.SellerID, string(f.State), string(f.Reason), f.Since.Format(time.RFC3339),
		decimal(f.Amount), decimal(f.Received), decimal(f.Overpaid), f.Amount.AssetCode(), strconv.FormatBool(f.Nudged), f.Message, f.Detail,
	}
}

// PaymentHeader is of Payment.
var PaymentHeader = []string{
	"pending_id", "offer_id", "seller_id", "state", "reason", "created_at", "state_since", "paid_at",
	"amount", "amount_asset", "debit", "debit_asset", "received", "received_asset", "overpaid",
	"buyer_wallet", "seller_wallet", "incoming_payment_id", "quote_id", "outgoing_payment_id",
}

// Payment is a payment without its secrets. The debit is what the buyer's wallet was to take at most.
func Payment(p payments.Payment) []string {
	return []string{
		string(p.ID), p.OfferID, p.SellerID, string(p.State), string(p.Reason), stamp(p.CreatedAt), stamp(p.Since), stamp(p.PaidAt),
		decimal(p.Amount), p.Amount.AssetCode(), decimal(p.DebitAmount), p.DebitAmount.AssetCode(), decimal(p.ReceivedAmount), p.ReceivedAmount.AssetCode(), decimal(p.Overpaid()),
		p.Buyer.WalletAddress, p.Seller.WalletAddress, p.IncomingPaymentID, p.QuoteID, p.OutgoingPaymentID,
	}
}

// AuditHeader is of AuditRecord.
var AuditHeader = []string{"id", "pending_id", "number", "at", "actor", "from", "to", "reason", "detail", "key", "hash"}

// AuditRecord is an event of the audit trail.
func AuditRecord(r payments.AuditRecord) []string {
	return []string{
		strconv.FormatInt(r.ID, 10), string(r.PaymentID), strconv.FormatInt(r.Number, 10), stamp(r.At), string(r.Actor), string(r.From), string(r.To),
		string(r.Reason), r.Detail, r.KeyID, r.Hash,
	}
}

// ActionHeader is of Action.
var ActionHeader = []string{"number", "at", "action", "subject", "detail", "door", "claimed_name", "key"}

// Action is what an operator did.
func Action(a operator.Action) []string {
	return []string{strconv.FormatInt(a.Number, 10), stamp(a.At), string(a.Kind), a.Subject, a.Detail, string(a.By.Door), a.By.Name, a.By.Key}
}
