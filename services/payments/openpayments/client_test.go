package openpayments_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments"
	op "tianguis.example/payments/openpayments"
	"tianguis.example/payments/openpayments/contracttest"
)

const seller = "https://wallet.example/accounts/seller"

func newSigner(t testing.TB) (ed25519.PrivateKey, op.Signer) {
	t.Helper()
	key, err := op.GenerateKey()
	require.NoError(t, err)
	signer, err := op.NewEd25519Signer("key-1", key)
	require.NoError(t, err)
	return key, signer
}

// The rules reach wallets through the services of a Client.
func TestContract(t *testing.T) {
	t.Parallel()
	contracttest.Run(t, func(config op.Config) (payments.Wallets, error) {
		c, err := op.New(config)
		if err != nil {
			return payments.Wallets{}, err
		}
		return payments.Wallets{
			WalletAddress: c.WalletAddress, Grant: c.Grant, Token: c.Token, IncomingPayment: c.IncomingPayment,
			Quote: c.Quote, OutgoingPayment: c.OutgoingPayment,
		}, nil
	}, nil)
}

func TestNew_Refuses(t *testing.T) {
	t.Parallel()
	_, signer := newSigner(t)
	for name, config := range map[string]op.Config{
		"no signer":         {WalletAddress: seller},
		"no wallet address": {Signer: signer},
		"no URL":            {Signer: signer, WalletAddress: "$wallet.example/me"},
		"timeout":           {Signer: signer, WalletAddress: seller, Timeout: -time.Second},
		"limit":             {Signer: signer, WalletAddress: seller, MaxAnswerBytes: -1},
	} {
		_, err := op.New(config)
		require.Error(t, err, name)
	}
}

func TestNew_LeavesTheGivenClientAlone(t *testing.T) {
	t.Parallel()
	given := &http.Client{}
	_, signer := newSigner(t)
	_, err := op.New(op.Config{WalletAddress: seller, Signer: signer, HTTPClient: given})
	require.NoError(t, err)
	require.Nil(t, given.CheckRedirect)
}

func TestNewUnauthenticated_SignsNothing(t *testing.T) {
	t.Parallel()
	wallet := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Signature") != "" || r.Header.Get("Authorization") != "" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		base := "http://" + r.Host
		if r.URL.Path == "/seller" {
			_, _ = fmt.Fprintf(w, `{"id":"%s/seller","publicName":"Wendy","assetCode":"MXN","assetScale":2,"authServer":%q,"resourceServer":%q}`, base, base, base)
			return
		}
		_, _ = io.WriteString(w, `{"receivedAmount":{"value":"1250","assetCode":"USD","assetScale":2},"authServer":"`+base+`"}`)
	}))
	t.Cleanup(wallet.Close)
	c, err := op.NewUnauthenticated(op.Config{})
	require.NoError(t, err)
	got, err := c.WalletAddress.Get(t.Context(), op.WalletAddressGetParams{URL: wallet.URL + "/seller"})
	require.NoError(t, err)
	require.Equal(t, "Wendy", got.PublicName)
	payment, err := c.IncomingPayment.GetPublic(t.Context(), op.IncomingPaymentGetPublicParams{URL: wallet.URL + "/incoming-payments/1"})
	require.NoError(t, err)
	require.Equal(t, "12.50 USD", payment.ReceivedAmount.String())
}

func TestOutcomeUnknown_OfOtherErrors(t *testing.T) {
	t.Parallel()
	require.False(t, op.OutcomeUnknown(nil))
	require.False(t, op.OutcomeUnknown(errors.New("x")))
	require.True(t, op.OutcomeUnknown(fmt.Errorf("advance: %w", &op.Error{Op: "x", Kind: op.ErrTimeout})))
}

// A library that would send our token, or our question, elsewhere than we would does not get to.
func TestExchange_SendsNothingElse(t *testing.T) {
	t.Parallel()
	asked := make(chan *http.Request, 1)
	wallet := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r }))
	t.Cleanup(wallet.Close)
	x, err := op.NewExchange(op.Config{})
	require.NoError(t, err)
	question := op.OutgoingPaymentGetParams{URL: wallet.URL + "/outgoing-payments/1", AccessToken: "T"}.Question()
	saying := func(method, url, token string) func(context.Context) error {
		return func(ctx context.Context) error {
			request, err := http.NewRequestWithContext(ctx, method, url, nil)
			require.NoError(t, err)
			request.Header.Set("Authorization", "GNAP "+token)
			response, err := x.Do(request)
			if err == nil {
				return response.Body.Close()
			}
			return nil // a library may lose an error
		}
	}
	for name, say := range map[string]func(context.Context) error{
		"another URL":    saying(http.MethodGet, wallet.URL+"/outgoing-payments/2", "T"),
		"another method": saying(http.MethodPost, wallet.URL+"/outgoing-payments/1", "T"),
		"another token":  saying(http.MethodGet, wallet.URL+"/outgoing-payments/1", "U"),
		"nothing":        func(context.Context) error { return nil },
		"an error":       func(context.Context) error { return errors.New("https://wallet.example/ with token T") },
		"no question of its own": func(context.Context) error {
			return saying(http.MethodGet, wallet.URL+"/outgoing-payments/1", "T")(context.Background())
		},
	} {
		_, err := op.Ask(t.Context(), x, question, say)
		require.ErrorIs(t, err, op.ErrInvalidRequest, name)
		require.NotContains(t, err.Error(), "wallet.example", name)
	}
	require.Empty(t, asked)
}
