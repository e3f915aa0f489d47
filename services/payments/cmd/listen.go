package cmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/clock"
	"tianguis.example/payments/listener"
	"tianguis.example/payments/webhook"
)

// listenLine is what `payments listen --json` prints on each line: exactly one of them.
type listenLine struct {
	Began *listener.Began     `json:"listening,omitempty"`
	Event *listener.Forwarded `json:"event,omitempty"`
	Note  string              `json:"note,omitempty"`
}

func listenCommand(file *string) *cobra.Command {
	var to, secret string
	var types []string
	cmd := cli.WithJSON(&cobra.Command{
		Use:   "listen --forward-to URL",
		Short: "Forward the webhooks of a running service to an address of this machine, until Ctrl-C",
		Long: "Forward the webhooks of a running service to an address of this machine, until Ctrl-C. It adds an endpoint of its own, on loopback, and removes it at the end; other endpoints go on as they are.\n" +
			"The service must allow it: WEBHOOK_ALLOW_HOSTS=127.0.0.1, and run on this machine. It prints the secret to verify with, each event, and what the address answered. " +
			"What was not taken with 2xx is sent again by the service, at once when nothing listened there and something does again. With --json it prints one object a line.",
		Example: "  payments listen --forward-to http://localhost:3000/webhooks",
		Args:    cobra.NoArgs,
	})
	open := callerOf(cmd, file)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		target, err := parseAddress(to)
		if err != nil {
			return cli.Usagef("--forward-to: %w", err)
		}
		if secret != "" {
			if s, err := webhook.ParseSecret(secret); err != nil || !s.Signs() {
				return cli.Usagef("--secret must be whsec_ and 24 to 64 bytes in base64: payments secret generate webhook makes one")
			}
		}
		service, err := open()
		if err != nil {
			return err
		}
		say := func(line listenLine, words string) {
			if cli.AsJSON(cmd) {
				_ = cli.Line(cmd.OutOrStdout(), line)
				return
			}
			fmt.Fprintln(cmd.OutOrStdout(), words)
		}
		return service.explained(listener.Run(cmd.Context(), listener.Options{
			Payments: service.Client, To: target, Types: types, Secret: secret, Clock: clock.System(),
			Began: func(b listener.Began) {
				say(listenLine{Began: &b}, fmt.Sprintf("forwarding to %s, as endpoint %s; verify with the secret\n%s\nCtrl-C ends it.", b.ForwardTo, b.EndpointID, b.Secret))
			},
			Told: func(f listener.Forwarded) { say(listenLine{Event: &f}, f.Line()) },
			Note: func(words string) { say(listenLine{Note: words}, "note: "+words) },
		}))
	}
	cmd.Flags().StringVar(&to, "forward-to", "", "the `URL` to forward to")
	cmd.Flags().StringSliceVar(&types, "type", nil, "only events of this type; may be given several times")
	cmd.Flags().StringVar(&secret, "secret", "", "sign with this secret (whsec_…) in the place of a new one, so that it is the same each time")
	_ = cmd.MarkFlagRequired("forward-to")
	cli.Choose(cmd, "type", []webhook.Type{webhook.Completed, webhook.Failed})
	return cmd
}
