package cmd

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/clock"
	"tianguis.example/payments/listener"
	"tianguis.example/payments/webhook"
)

// triggerPayment is the word for a whole payment.
const triggerPayment webhook.Type = "payment"

func triggerCommand(file *string) *cobra.Command {
	var to, secret, offer string
	var whole sandboxPayment
	cmd := cli.WithJSON(&cobra.Command{
		Use:   "trigger EVENT",
		Short: "Make a test event go out, or a whole payment with the sandbox wallet happen",
		Long: "Make a test event go out: EVENT is its type. It is about a payment that exists nowhere: its webhook-id begins with test_, its outgoing payment is at wallet.invalid, and its offer is \"test\" unless --offer names one. " +
			"It goes to every payments listen of the service, signed with their secrets, or with --to and --secret to an address.\n" +
			"With the word payment, a whole payment happens on running services: start, consent in the sandbox wallet, finish, money, webhook. Nothing but the sandbox wallet is accepted.",
		Example: "  payments trigger payment.completed\n  payments trigger payment.failed --to http://localhost:3000/webhooks --secret whsec_…\n  payments trigger payment",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: cli.Words(webhook.Types, triggerPayment),
	})
	open := callerOf(cmd, file)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		event := webhook.Type(args[0])
		if event != triggerPayment && !listener.Known(event) {
			return cli.Usagef("there is no event %q: choose one of %v, or payment", event, webhook.Types)
		}
		if (to == "") != (secret == "") || event == triggerPayment && to != "" {
			return cli.Usagef("--to and --secret go together, and not with payment")
		}
		if to != "" {
			return triggerTo(cmd, event, offer, to, secret)
		}
		service, err := open()
		if err != nil {
			return err
		}
		if event == triggerPayment {
			if cmd.Flags().Changed("offer") {
				whole.offer = offer
			}
			return service.explained(whole.run(cmd, service.Client))
		}
		came, err := listener.Trigger(cmd.Context(), service.Client, event, offer)
		if err != nil {
			return service.explained(err)
		}
		if len(came) == 0 {
			return cli.Missing(errors.New("nobody listens for it: start payments listen --forward-to URL, or name an address with --to and --secret"))
		}
		return tellForwarded(cmd, came)
	}
	flags := cmd.Flags()
	flags.StringVar(&to, "to", "", "send it to this `URL`, and to no listener")
	flags.StringVar(&secret, "secret", "", "sign it with this secret; with --to")
	flags.StringVar(&offer, "offer", listener.TestOffer, "the offerId; of a payment, a new one by default")
	flags.StringVar(&whole.sandbox, "sandbox", "http://localhost:4100", "of a payment: the `URL` of the sandbox wallet")
	flags.StringVar(&whole.buyer, "buyer", "buyer-usd", "of a payment: the buyer's wallet in the sandbox, by name")
	flags.StringVar(&whole.seller, "seller", "", "of a payment: the seller's id (default: the first who is paid in the sandbox)")
	flags.StringVar(&whole.amount, "amount", "1.00", "of a payment: what the seller receives")
	flags.DurationVar(&whole.wait, "wait", 30*time.Second, "of a payment: how long to wait for the money, and for the webhook")
	return cmd
}

func triggerTo(cmd *cobra.Command, event webhook.Type, offer, to, secret string) error {
	target, err := parseAddress(to)
	if err != nil {
		return cli.Usagef("--to: %w", err)
	}
	secrets, err := webhook.ParseSecrets(secret)
	if err != nil || !secrets[0].Signs() {
		return cli.Usagef("--secret must be whsec_ and 24 to 64 bytes in base64: payments listen prints one")
	}
	f, err := listener.SendTest(cmd.Context(), target, secrets, event, offer, clock.System().Now)
	if err != nil {
		return err
	}
	return tellForwarded(cmd, []listener.Forwarded{f})
}

// tellForwarded prints what came of an event, and returns an error unless all have taken it.
func tellForwarded(cmd *cobra.Command, all []listener.Forwarded) error {
	err := cli.Print(cmd, all, func(out io.Writer) error {
		for _, f := range all {
			fmt.Fprintln(out, f.Line())
		}
		return nil
	})
	for _, f := range all {
		switch {
		case err != nil:
		case f.Status == 0:
			err = cli.Away(fmt.Errorf("%s did not answer: %s", f.URL, f.Error))
		case !f.Taken():
			err = fmt.Errorf("%s answered %d", f.URL, f.Status)
		}
	}
	return err
}
