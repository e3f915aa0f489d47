package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"tianguis.example/payments"
	"tianguis.example/payments/money"
)

type reportFacts struct {
	At       time.Time      `json:"at"`
	Compared int            `json:"compared"`
	Findings []findingFacts `json:"findings"`
}

type findingFacts struct {
	Kind      string    `json:"kind"`
	Severity  string    `json:"severity"`
	PendingID string    `json:"pendingId"`
	OfferID   string    `json:"offerId"`
	SellerID  string    `json:"sellerId"`
	State     string    `json:"state"`
	Reason    string    `json:"reason,omitempty"`
	Since     time.Time `json:"since"`
	Amount    string    `json:"amount"`
	Received  string    `json:"receivedAmount,omitempty"`
	Overpaid  string    `json:"overpaidAmount,omitempty"`
	Message   string    `json:"message"`
	Detail    string    `json:"detail,omitempty"`
	Nudged    bool      `json:"nudged,omitempty"`
}

func writeJSON(out io.Writer, r payments.Report) error {
	facts := reportFacts{At: r.At, Compared: r.Compared, Findings: make([]findingFacts, len(r.Findings))}
	words := func(a money.Amount) string {
		if !a.IsSet() {
			return ""
		}
		return a.String()
	}
	for i, f := range r.Findings {
		facts.Findings[i] = findingFacts{
			Kind: string(f.Kind), Severity: string(f.Severity), PendingID: string(f.PaymentID), OfferID: f.OfferID, SellerID: f.SellerID,
			State: string(f.State), Reason: string(f.Reason), Since: f.Since, Amount: f.Amount.String(), Received: words(f.Received),
			Overpaid: words(f.Overpaid), Message: f.Message, Detail: f.Detail, Nudged: f.Nudged,
		}
	}
	return printJSON(out, facts)
}

func writeTable(out io.Writer, r payments.Report) error {
	fmt.Fprintf(out, "%s  compared %d payments, found %d differences\n", stamp(r.At), r.Compared, len(r.Findings))
	if len(r.Findings) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nSEVERITY\tFINDING\tPAYMENT\tOFFER\tSELLER\tSTATE\tSINCE\tAMOUNT\tRECEIVED\tNUDGED")
	for _, f := range r.Findings {
		received := "?"
		if f.Received.IsSet() {
			received = f.Received.String()
		}
		nudged := ""
		if f.Nudged {
			nudged = "yes"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			f.Severity, f.Kind, f.PaymentID, f.OfferID, f.SellerID, f.State, stamp(f.Since), f.Amount, received, nudged)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, f := range r.Findings {
		fmt.Fprintf(out, "%s %s: %s\n", f.PaymentID, f.Kind, f.Message)
		if f.Detail != "" {
			fmt.Fprintf(out, "  %.300q\n", f.Detail)
		}
	}
	return nil
}

// csvHeader is fixed: sheets and scripts are made for it. Amounts are in major units of the asset.
var csvHeader = []string{
	"kind", "severity", "pending_id", "offer_id", "seller_id", "state", "reason", "since",
	"amount", "received", "overpaid", "asset", "nudged", "message", "detail",
}

// writeCSV writes RFC 4180 with its line ends.
func writeCSV(out io.Writer, r payments.Report) error {
	w := csv.NewWriter(out)
	w.UseCRLF = true
	rows := [][]string{csvHeader}
	decimal := func(a money.Amount) string {
		if !a.IsSet() {
			return ""
		}
		return a.Decimal()
	}
	for _, f := range r.Findings {
		row := []string{
			string(f.Kind), string(f.Severity), string(f.PaymentID), f.OfferID, f.SellerID, string(f.State), string(f.Reason), f.Since.Format(time.RFC3339),
			decimal(f.Amount), decimal(f.Received), decimal(f.Overpaid), f.Amount.AssetCode(), strconv.FormatBool(f.Nudged), f.Message, f.Detail,
		}
		for i, cell := range row {
			row[i] = plainCell(cell)
		}
		rows = append(rows, row)
	}
	return w.WriteAll(rows)
}

// plainCell keeps a spreadsheet from running text from outside as a formula: a cell that begins like one gets an apostrophe
// (OWASP, CSV Injection).
func plainCell(text string) string {
	if strings.ContainsAny(text[:min(1, len(text))], "=+-@\t\r\n") {
		return "'" + text
	}
	return text
}
