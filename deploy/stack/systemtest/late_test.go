package systemtest

import (
	"crypto/ed25519"
	"testing"

	"github.com/stretchr/testify/require"

	op "tianguis.example/payments/openpayments"
	"tianguis.example/sandbox/control"
	"tianguis.example/stack"
	"tianguis.example/stack/person"
)

// TestLateMoney: nobody approved in time, and then somebody pays the seller's incoming payment past us. The money is noticed, booked and told, and the job
// is complete; the offer cannot be paid again.
func TestLateMoney(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, database string) {
		w := newWorld(t, database, env{
			stack.Payments: {"CONSENT_LIFETIME": "1s", "POLL_INTERVAL": "100ms"},
			stack.Sandbox:  {"SANDBOX_INTERACTION_TTL": "1s"},
		})
		a := w.start(t, "100.00 MXN", "/buyer-usd")
		failed := w.ended(t, a.pendingID)
		require.Equal(t, "expired", failed.Reason)

		stranger{w}.pays(t, "/buyer-mxn", failed.IncomingPaymentID)
		eventually(t, "the money has arrived", func() bool { return len(w.debits(t, "/buyer-mxn")) > 0 })
		_, _ = w.Payments.Run(t.Context(), "reconcile", "--nudge") // the operator's way not to wait a minute; it reports what it finds as an error
		eventually(t, "it is paid late", func() bool { return w.payment(t, a.pendingID).State == "paid_late" })
		status := a.complete(t)
		require.Equal(t, "complete", status.State)
		job := w.job(t, a.job)
		require.Equal(t, a.pendingID, job.PaymentID, "whose payment it was, we cannot know")
		require.Equal(t, 1, job.times("pay"))
		require.Empty(t, w.debits(t, "/buyer-usd"))
	})
}

// stranger is another program that pays, with a key of its own.
type stranger struct{ *world }

func (s stranger) pays(t *testing.T, wallet, incomingPayment string) {
	t.Helper()
	ctx := t.Context()
	key, err := op.GenerateKey()
	require.NoError(t, err)
	signer, err := op.NewEd25519Signer("stranger", key)
	require.NoError(t, err)
	own, ok := key.Public().(ed25519.PublicKey)
	require.True(t, ok)
	public := op.PublicJWK("stranger", own)
	require.NoError(t, s.wallets.RegisterKey(ctx, wallet[1:], control.JWK{
		Kid: public.KeyID, X: public.X, Alg: public.Algorithm, Kty: public.KeyType, Crv: public.Curve,
	}))
	c, err := op.New(op.Config{WalletAddress: s.Sandbox.Address + wallet, Signer: signer})
	require.NoError(t, err)

	payer, err := c.WalletAddress.Get(ctx, op.WalletAddressGetParams{URL: s.Sandbox.Address + wallet})
	require.NoError(t, err)
	toQuote, err := c.Grant.Request(ctx, op.GrantRequestParams{URL: payer.AuthServer, Access: []op.Access{{Type: op.AccessQuote, Actions: []op.Action{op.ActionCreate}}}})
	require.NoError(t, err)
	quote, err := c.Quote.Create(ctx, op.QuoteCreateParams{
		BaseURL: payer.ResourceServer, AccessToken: toQuote.AccessToken.Value, WalletAddress: payer.ID, Receiver: incomingPayment,
	})
	require.NoError(t, err)
	asked, err := c.Grant.Request(ctx, op.GrantRequestParams{
		URL: payer.AuthServer,
		Access: []op.Access{{
			Type: op.AccessOutgoingPayment, Actions: []op.Action{op.ActionCreate}, Identifier: payer.ID, Limits: &op.Limits{DebitAmount: &quote.DebitAmount},
		}},
		Interact: &op.Interact{FinishURI: s.Marketplace.Address + "/elsewhere", Nonce: "n"},
	})
	require.NoError(t, err)
	consent, err := person.NewBrowser().Open(ctx, asked.Interaction.Redirect)
	require.NoError(t, err)
	back, err := consent.ClickUntil(ctx, person.Approve, nil, s.Marketplace.Address+"/")
	require.NoError(t, err)
	granted, err := c.Grant.Continue(ctx, op.GrantContinueParams{
		URL: asked.Continue.URI, AccessToken: asked.Continue.AccessToken, InteractRef: back.Next.Query().Get("interact_ref"),
	})
	require.NoError(t, err)
	_, err = c.OutgoingPayment.Create(ctx, op.OutgoingPaymentCreateParams{
		BaseURL: payer.ResourceServer, AccessToken: granted.AccessToken.Value, WalletAddress: payer.ID, QuoteID: quote.ID,
	})
	require.NoError(t, err)
}
