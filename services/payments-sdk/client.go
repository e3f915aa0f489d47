package sdk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	sdk "github.com/interledger/open-payments-go"

	"tianguis.example/payments"
	"tianguis.example/payments/openpayments"
)

// client is the SDK's client, each of whose requests goes through an exchange of ours.
type client struct {
	sdk           *sdk.AuthenticatedClient
	walletAddress string
	signed        *openpayments.Exchange
	public        *openpayments.Exchange
}

// New returns the wallets as an identity reaches them through the SDK. What openpayments.New refuses is refused. So is a signer that does not hold its
// key in memory, since the SDK signs by itself. config.Now is not used: the SDK dates signatures by the machine's clock.
func New(config openpayments.Config) (payments.Wallets, error) {
	if _, err := openpayments.New(config); err != nil {
		return payments.Wallets{}, err
	}
	key, ok := openpayments.PrivateKey(config.Signer)
	if !ok {
		return payments.Wallets{}, errors.New("open payments client: the SDK signs with a key that is held in memory, and this signer holds none")
	}
	pem, err := openpayments.MarshalPrivateKeyPEM(key)
	if err != nil {
		return payments.Wallets{}, err
	}
	if config.HTTPClient == nil {
		config.HTTPClient = &http.Client{}
	}
	c := &client{walletAddress: config.WalletAddress}
	if c.sdk, err = sdk.NewAuthenticatedClient(config.WalletAddress, string(pem), config.Signer.KeyID(), sdk.WithHTTPClientAuthed(plainly(config.HTTPClient))); err != nil {
		return payments.Wallets{}, fmt.Errorf("open payments client: %w", err)
	}
	if c.public, err = openpayments.NewExchange(config); err != nil {
		return payments.Wallets{}, err
	}
	signing := *config.HTTPClient
	signing.Transport = signer(c.sdk.DoSigned)
	config.HTTPClient = &signing
	if c.signed, err = openpayments.NewExchange(config); err != nil {
		return payments.Wallets{}, err
	}
	c.route()
	return payments.Wallets{
		WalletAddress: walletAddresses{c}, Grant: grants{c}, Token: tokens{c},
		IncomingPayment: incomingPayments{c}, Quote: quotes{c}, OutgoingPayment: outgoingPayments{c},
	}, nil
}

// route sends what each service of the SDK asks through our exchanges. That of GetPublic would leave on http.DefaultTransport otherwise, past the
// client that the SDK was given: its NewAuthenticatedClient hands that service the client from before its options.
func (c *client) route() {
	signed := func(request *http.Request) (*http.Response, error) {
		if err := unescapeBody(request); err != nil {
			return nil, err
		}
		return c.signed.Do(request)
	}
	c.sdk.WalletAddress.DoUnsigned = c.public.Do
	c.sdk.IncomingPayment.DoUnsigned = c.public.Do
	c.sdk.IncomingPayment.DoSigned = signed
	c.sdk.Grant.DoSigned = signed
	c.sdk.Token.DoSigned = signed
	c.sdk.Quote.DoSigned = signed
	c.sdk.OutgoingPayment.DoSigned = signed
}

// plainly is client without what must not happen to a signed request: that it is sent on to where a redirect points, or carries a cookie.
func plainly(client *http.Client) *http.Client {
	plain := *client
	plain.Jar = nil
	plain.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &plain
}

// signer signs and sends with the SDK, as the transport below our exchange: so each repetition of a read is signed again.
type signer sdk.RequestDoer

// RoundTrip leaves the request alone, as http.RoundTripper wants it: the SDK writes into the one that it signs.
func (do signer) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := do(request.Clone(request.Context()))
	var named *url.Error
	if errors.As(err, &named) {
		err = named.Err // the client around this names the URL already
	}
	return answer, err
}

// ask asks with a request that the SDK makes within say. The SDK's reading of the answer is dropped: it takes {} for any answer at all, and an
// amount without a scale for one of scale 0.
func ask[V, W any](ctx context.Context, x *openpayments.Exchange, q openpayments.Question[V], say func(context.Context) (W, error)) (V, error) {
	return openpayments.Ask(ctx, x, q, func(ctx context.Context) error {
		_, err := say(ctx)
		return err
	})
}
