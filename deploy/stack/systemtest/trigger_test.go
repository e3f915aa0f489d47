package systemtest

import (
	"encoding/json"
	"errors"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/api"
	"tianguis.example/stack"
)

// TestTriggerPayment: one command makes a whole payment happen, with play money and nothing else.
func TestTriggerPayment(t *testing.T) {
	t.Parallel()
	onOwn(t, func(t *testing.T, database string) {
		w := newWorld(t, database, env{stack.Payments: {"POLL_INTERVAL": "100ms"}})
		out, err := w.Payments.Run(t.Context(), "trigger", "payment", "--json", "--amount", "12.34", "--buyer", "buyer-mxn", "--payments", w.Payments.Address, "--sandbox", w.Sandbox.Address)
		require.NoError(t, err, string(out))
		var done struct {
			PendingID, OfferID, State, ReceivedAmount string
			Webhooks                                  []api.WebhookDelivery
		}
		require.NoError(t, json.Unmarshal(out, &done), string(out))
		require.Equal(t, "paid", done.State)
		require.Contains(t, done.ReceivedAmount, "12.34")
		require.NotEmpty(t, done.Webhooks)
		require.Positive(t, done.Webhooks[0].Tried, "the webhook went out: a marketplace without this offer refuses it")
		require.Equal(t, "paid", w.payment(t, done.PendingID).State)
		require.Len(t, w.debits(t, "/buyer-mxn"), 1)

		// What is not the sandbox is refused, and nothing is started.
		for exit, args := range map[int][]string{
			5: {"--sandbox", w.Marketplace.Address},
			3: {"--sandbox", w.Sandbox.Address, "--buyer", "nobody"},
		} {
			_, err := w.Payments.Run(t.Context(), append([]string{"trigger", "payment", "--payments", w.Payments.Address}, args...)...)
			ended, ok := errors.AsType[*exec.ExitError](err)
			require.True(t, ok, err)
			require.Equal(t, exit, ended.ExitCode())
		}
		outside, err := w.Payments.Run(t.Context(), "seller", "add", "--id", "outside", "--wallet-address", "https://wallet.example/outside", "--json")
		require.NoError(t, err, string(outside))
		_, err = w.Payments.Run(t.Context(), "trigger", "payment", "--seller", "outside", "--payments", w.Payments.Address, "--sandbox", w.Sandbox.Address)
		ended, ok := errors.AsType[*exec.ExitError](err)
		require.True(t, ok, err)
		require.Equal(t, 2, ended.ExitCode())
		require.Len(t, w.debits(t, "/buyer-mxn"), 1)
	})
}

// TestTriggerEvent_OfficialLibrary: what the trigger signs, the official library believes.
func TestTriggerEvent_OfficialLibrary(t *testing.T) {
	t.Parallel()
	receiver := newWebhookReceiver(t)
	w := newWorld(t, "sqlite", nil)
	const secret = "whsec_dGhlIG9mZmljaWFsIGxpYnJhcnkgdmVyaWZpZXM="
	for _, event := range []string{"payment.completed", "payment.failed", "ping"} {
		out, err := w.Payments.Run(t.Context(), "trigger", event, "--to", receiver.URL, "--secret", secret)
		require.NoError(t, err, string(out))
		came := receiver.next(t)
		require.Contains(t, came.Body, `"type":"`+event+`"`)
		require.Empty(t, goLibrary{}.verify(t, secret, came))
	}
}
