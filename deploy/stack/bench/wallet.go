package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"tianguis.example/payments/money"
	"tianguis.example/payments/openpayments"
	"tianguis.example/stack"
)

// calls is how often the services ask the wallet, for one payment, what the protocol would let them remember. What it does not is asked once: to
// create the incoming payment, the quote, the consent and the outgoing payment, to continue the grant, and whether the money has arrived.
type calls struct{ Addresses, Grants float64 }

// all is how many there are of a payment, of both kinds.
func (c calls) all() float64 { return c.Addresses + c.Grants + 6 }

// operations of the wallet, as its control API calls them.
const (
	opWalletAddress  = "wallet-address.get"
	opGrantRequest   = "grant.request"
	opOutgoingCreate = "outgoing-payment.create"
)

// countCalls makes some payments, and counts. The first are not counted: they fill what is remembered.
func (w *world) countCalls(ctx context.Context) (c calls, err error) {
	const uncounted, counted = 3, 10
	if err := w.stock(ctx, uncounted+counted); err != nil {
		return c, err
	}
	for i := range uncounted + counted {
		if i == uncounted {
			if err := w.wallets.ClearHistory(ctx); err != nil {
				return c, err
			}
		}
		if err := w.payNext(ctx, i); err != nil {
			return c, err
		}
	}
	asked, err := w.wallets.History(ctx)
	if err != nil {
		return c, err
	}
	for _, request := range asked {
		switch request.Operation {
		case opWalletAddress:
			c.Addresses += 1.0 / counted
		case opGrantRequest:
			c.Grants += 1.0 / counted
		}
	}
	c.Grants-- // for the consent, which cannot be remembered
	return c, nil
}

// bare makes payments at the wallet without the services: the same signatures and round trips.
type bare struct {
	w             *world
	client        *openpayments.Client
	calls         calls
	seller, buyer openpayments.WalletAddress
}

func newBare(ctx context.Context, w *world, c calls) (*bare, error) {
	file, err := os.ReadFile(w.Payments.Env["SELLER_PRIVATE_KEY_PATH"])
	if err != nil {
		return nil, err
	}
	key, err := openpayments.ParsePrivateKeyPEM(file)
	if err != nil {
		return nil, err
	}
	signer, err := openpayments.NewEd25519Signer(w.Payments.Env["SELLER_KEY_ID"], key)
	if err != nil {
		return nil, err
	}
	client, err := openpayments.New(openpayments.Config{
		WalletAddress: w.Payments.Env["SELLER_WALLET_ADDRESS_URL"], Signer: signer, HTTPClient: &http.Client{Transport: w.http.Transport}, Now: now,
	})
	if err != nil {
		return nil, err
	}
	b := &bare{w: w, client: client, calls: c}
	if b.seller, err = client.WalletAddress.Get(ctx, openpayments.WalletAddressGetParams{URL: w.Sandbox.Address + stack.WorkerWallet}); err != nil {
		return nil, err
	}
	b.buyer, err = client.WalletAddress.Get(ctx, openpayments.WalletAddressGetParams{URL: w.wallet})
	return b, err
}

// tokens are what a client has been granted without anybody's consent.
type tokens struct{ incoming, quote string }

func (b *bare) grant(ctx context.Context, server string, kind openpayments.AccessType) (string, error) {
	g, err := b.client.Grant.Request(ctx, openpayments.GrantRequestParams{
		URL: server, Access: []openpayments.Access{{Type: kind, Actions: []openpayments.Action{openpayments.ActionCreate, openpayments.ActionRead}}},
	})
	if err != nil {
		return "", err
	}
	return g.AccessToken.Value, nil
}

// remembered gives each of n clients its tokens, for when the services remember theirs.
func (b *bare) remembered(ctx context.Context, n int) ([]tokens, error) {
	all := make([]tokens, n)
	for i := range all {
		if err := b.renew(ctx, &all[i], 2); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// renew asks for so many of the two tokens afresh.
func (b *bare) renew(ctx context.Context, t *tokens, n int) (err error) {
	if n > 0 {
		if t.incoming, err = b.grant(ctx, b.seller.AuthServer, openpayments.AccessIncomingPayment); err != nil {
			return err
		}
	}
	if n > 1 {
		t.quote, err = b.grant(ctx, b.buyer.AuthServer, openpayments.AccessQuote)
	}
	return err
}

// price is what is paid.
const price = 1000

// pay makes a whole payment.
func (b *bare) pay(ctx context.Context, t *tokens) error {
	for range int(b.calls.Addresses + 0.5) {
		if _, err := b.client.WalletAddress.Get(ctx, openpayments.WalletAddressGetParams{URL: b.w.wallet}); err != nil {
			return err
		}
	}
	if err := b.renew(ctx, t, int(b.calls.Grants+0.5)); err != nil {
		return err
	}
	amount, err := money.New(price, b.seller.AssetCode, b.seller.AssetScale)
	if err != nil {
		return err
	}
	incoming, err := b.client.IncomingPayment.Create(ctx, openpayments.IncomingPaymentCreateParams{
		BaseURL: b.seller.ResourceServer, AccessToken: t.incoming, WalletAddress: b.seller.ID, IncomingAmount: &amount, ExpiresAt: now().Add(time.Hour),
		Metadata: map[string]string{"offerId": "1", "pendingId": rand.Text()},
	})
	if err != nil {
		return err
	}
	quote, err := b.client.Quote.Create(ctx, openpayments.QuoteCreateParams{
		BaseURL: b.buyer.ResourceServer, AccessToken: t.quote, WalletAddress: b.buyer.ID, Receiver: incoming.ID,
	})
	if err != nil {
		return err
	}
	asked, err := b.client.Grant.Request(ctx, openpayments.GrantRequestParams{
		URL: b.buyer.AuthServer,
		Access: []openpayments.Access{{
			Type: openpayments.AccessOutgoingPayment, Actions: []openpayments.Action{openpayments.ActionCreate, openpayments.ActionRead, openpayments.ActionList},
			Identifier: b.buyer.ID, Limits: &openpayments.Limits{Receiver: incoming.ID, DebitAmount: &quote.DebitAmount},
		}},
		Interact: &openpayments.Interact{FinishURI: b.w.Marketplace.Address + "/payments/finish", Nonce: rand.Text()},
	})
	if err != nil {
		return err
	}
	back, err := b.w.consent(ctx, asked.Interaction.Redirect)
	if err != nil {
		return err
	}
	u, err := url.Parse(back)
	if err != nil {
		return err
	}
	granted, err := b.client.Grant.Continue(ctx, openpayments.GrantContinueParams{
		URL: asked.Continue.URI, AccessToken: asked.Continue.AccessToken, InteractRef: u.Query().Get("interact_ref"),
	})
	if err != nil {
		return err
	}
	if _, err := b.client.OutgoingPayment.Create(ctx, openpayments.OutgoingPaymentCreateParams{
		BaseURL: b.buyer.ResourceServer, AccessToken: granted.AccessToken.Value, WalletAddress: b.buyer.ID, QuoteID: quote.ID,
	}); err != nil {
		return err
	}
	arrived, err := b.client.IncomingPayment.GetPublic(ctx, openpayments.IncomingPaymentGetPublicParams{URL: incoming.ID})
	if err != nil {
		return err
	}
	if arrived.ReceivedAmount.IsZero() {
		return fmt.Errorf("the money of %s has not arrived: the wallet is too slow to be compared with", incoming.ID)
	}
	return nil
}

// second is how many payments a second n clients make.
func (b *bare) second(ctx context.Context, n int, lasts time.Duration) (float64, error) {
	all, err := b.remembered(ctx, n)
	if err != nil {
		return 0, err
	}
	p, err := loop(ctx, n, lasts, func(ctx context.Context, client int) error { return b.pay(ctx, &all[client]) })
	return p.Second, err
}
