package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/payments"
	"tianguis.example/payments/api"
	"tianguis.example/payments/store"
)

func paymentCommand(load func() (config, error)) *cobra.Command {
	cmd := &cobra.Command{Use: "payment", Short: "Look into payments"}
	cmd.AddCommand(paymentShowCommand(load), paymentListCommand(load))
	return cmd
}

// paymentStory is all that is known of a payment, without secrets.
type paymentStory struct {
	Payment    paymentFacts          `json:"payment"`
	Events     []eventFacts          `json:"events"`
	Deliveries []api.WebhookDelivery `json:"webhooks"`
}

type paymentFacts struct {
	PendingID       string     `json:"pendingId"`
	OfferID         string     `json:"offerId"`
	SellerID        string     `json:"sellerId"`
	State           string     `json:"state"`
	Reason          string     `json:"reason,omitempty"`
	Message         string     `json:"message,omitempty"`
	Amount          string     `json:"amount"`
	Debit           string     `json:"debitAmount,omitempty"`
	Received        string     `json:"receivedAmount,omitempty"`
	Overpaid        string     `json:"overpaidAmount,omitempty"`
	Buyer           string     `json:"buyerWalletAddress"`
	Seller          string     `json:"sellerWalletAddress"`
	IncomingPayment string     `json:"incomingPaymentId,omitempty"`
	Quote           string     `json:"quoteId,omitempty"`
	OutgoingPayment string     `json:"outgoingPaymentId,omitempty"`
	Ending          string     `json:"ending,omitempty"`
	Since           time.Time  `json:"since"`
	ConsentUntil    *time.Time `json:"consentUntil,omitempty"`
	NextStepAt      *time.Time `json:"nextStepAt,omitempty"`
	Tries           int        `json:"tries"`
	CreatedAt       time.Time  `json:"createdAt"`
	PaidAt          *time.Time `json:"paidAt,omitempty"`
}

type eventFacts struct {
	Number int64     `json:"number"`
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	From   string    `json:"from"`
	To     string    `json:"to"`
	Reason string    `json:"reason,omitempty"`
	Detail string    `json:"detail,omitempty"`
}

func paymentShowCommand(load func() (config, error)) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show PENDING_ID", Short: "Tell the story of a payment: how it stands, what happened when, where its webhook is", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := payments.ParsePaymentID(args[0])
			if err != nil {
				return cli.Usage(err)
			}
			return withStore(cmd, load, func(ctx context.Context, read *store.Store) error {
				story, err := tell(ctx, read, id)
				if err != nil {
					return err
				}
				if asJSON {
					return cli.JSON(cmd.OutOrStdout(), story)
				}
				return story.print(cmd.OutOrStdout())
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func tell(ctx context.Context, read *store.Store, id payments.PaymentID) (paymentStory, error) {
	p, err := read.PaymentView(ctx, id)
	if errors.Is(err, payments.ErrUnknown) {
		return paymentStory{}, cli.Missing(fmt.Errorf("there is no payment %s", id))
	}
	if err != nil {
		return paymentStory{}, err
	}
	story := paymentStory{Payment: factsOf(p), Events: []eventFacts{}, Deliveries: []api.WebhookDelivery{}}
	trail, err := read.AuditTrail(ctx, id)
	if err != nil {
		return story, err
	}
	for _, e := range trail {
		story.Events = append(story.Events, eventFacts{e.Number, e.At, string(e.Actor), string(e.From), string(e.To), string(e.Reason), e.Detail})
	}
	deliveries, err := read.Deliveries(ctx, id)
	if err != nil {
		return story, err
	}
	for _, d := range deliveries {
		fact, err := webhookStory(ctx, read, d)
		if err != nil {
			return story, err
		}
		story.Deliveries = append(story.Deliveries, fact)
	}
	return story, nil
}

func factsOf(p payments.Payment) paymentFacts {
	f := paymentFacts{
		PendingID: string(p.ID), OfferID: p.OfferID, SellerID: p.SellerID, State: string(p.State), Reason: string(p.Reason), Message: p.Message,
		Amount: p.Amount.String(), Buyer: p.Buyer.WalletAddress, Seller: p.Seller.WalletAddress,
		IncomingPayment: p.IncomingPaymentID, Quote: p.QuoteID, OutgoingPayment: p.OutgoingPaymentID, Tries: p.Tries, CreatedAt: p.CreatedAt,
	}
	if p.DebitAmount.IsSet() {
		f.Debit = p.DebitAmount.String()
	}
	if p.ReceivedAmount.IsSet() {
		f.Received = p.ReceivedAmount.String()
	}
	f.Ending, f.Since = string(p.Ending), p.Since
	if over := p.Overpaid(); over.IsSet() {
		f.Overpaid = over.String()
	}
	if p.State == payments.AwaitingApproval {
		f.ConsentUntil = &p.Consent.ExpiresAt
	}
	if !p.NextStepAt.IsZero() {
		f.NextStepAt = &p.NextStepAt
	}
	if !p.PaidAt.IsZero() {
		f.PaidAt = &p.PaidAt
	}
	return f
}

func (s paymentStory) print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(table, "%s\t%s\n", name, value)
		}
	}
	p := s.Payment
	line("payment", p.PendingID)
	line("offer", p.OfferID)
	line("state", p.State+", since "+stamp(p.Since))
	if p.Ending != "" {
		line("being ended", p.Ending)
	}
	if p.ConsentUntil != nil {
		line("consent until", stamp(*p.ConsentUntil))
	}
	line("reason", p.Reason)
	line("", p.Message)
	line("amount", p.Amount)
	line("debit at most", p.Debit)
	line("received", p.Received)
	line("overpaid", p.Overpaid)
	line("buyer", p.Buyer)
	line("seller", p.Seller+" ("+p.SellerID+")")
	line("incoming payment", p.IncomingPayment)
	line("quote", p.Quote)
	line("outgoing payment", p.OutgoingPayment)
	if p.NextStepAt != nil {
		line("next step", fmt.Sprintf("%s, put off %d times", stamp(*p.NextStepAt), p.Tries))
	}
	fmt.Fprintln(table)
	for _, e := range s.Events {
		what := e.From + " → " + e.To
		if e.From == e.To || e.From == "" {
			what = e.To
		}
		fmt.Fprintf(table, "%s\t%s\t%s\tby %s\t%s\t%s\n", stamp(e.At), orNone(e.Number), what, e.Actor, e.Reason, e.Detail)
	}
	if len(s.Deliveries) > 0 {
		fmt.Fprintln(table)
	}
	for _, d := range s.Deliveries {
		printWebhook(table, d)
	}
	return table.Flush()
}

func stamp(t time.Time) string { return t.Format("2006-01-02 15:04:05.000Z07:00") }

func paymentListCommand(load func() (config, error)) *cobra.Command {
	var asJSON, pending bool
	var limit int
	cmd := &cobra.Command{
		Use: "list", Short: "List the newest payments, or those that have not ended", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, load, func(ctx context.Context, read *store.Store) error {
				list := read.RecentPayments
				if pending {
					list = read.PendingPayments
				}
				all, err := list(ctx, limit)
				if err != nil {
					return err
				}
				facts := make([]paymentFacts, len(all))
				for i, p := range all {
					facts[i] = factsOf(p)
				}
				if asJSON {
					return cli.JSON(cmd.OutOrStdout(), facts)
				}
				table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "PAYMENT\tOFFER\tSTATE\tREASON\tAMOUNT\tCREATED")
				for _, f := range facts {
					fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", f.PendingID, f.OfferID, f.State, f.Reason, f.Amount, stamp(f.CreatedAt))
				}
				return table.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&pending, "pending", false, "only those that have not ended, oldest first")
	cmd.Flags().IntVar(&limit, "limit", 50, "how many at most")
	return cmd
}
