package cmd

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"tianguis.example/chassis/cli"
	"tianguis.example/payments"
	"tianguis.example/payments/money"
	"tianguis.example/payments/sheet"
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
	return cli.JSON(out, facts)
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

func writeCSV(out io.Writer, r payments.Report) error {
	w, err := sheet.NewWriter(out, sheet.FindingHeader)
	if err != nil {
		return err
	}
	rows := make([][]string, len(r.Findings))
	for i, f := range r.Findings {
		rows[i] = sheet.Finding(f)
	}
	return w.Write(rows...)
}
