package contracttest

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments"
	"tianguis.example/payments/money"
	op "tianguis.example/payments/openpayments"
)

// ours is package openpayments.
var ours New = func(config op.Config) (payments.Wallets, error) {
	c, err := op.New(config)
	if err != nil {
		return payments.Wallets{}, err
	}
	return payments.Wallets{
		WalletAddress: c.WalletAddress, Grant: c.Grant, Token: c.Token, IncomingPayment: c.IncomingPayment,
		Quote: c.Quote, OutgoingPayment: c.OutgoingPayment,
	}, nil
}

// answering is a wallet that gives every request the same answer.
type answering struct {
	status                  int
	contentType, retryAfter string
	body                    []byte
}

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	header := http.Header{"Content-Type": {a.contentType}}
	if a.retryAfter != "" {
		header.Set("Retry-After", a.retryAfter)
	}
	return &http.Response{StatusCode: a.status, Header: header, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: -1, Request: r}, nil
}

// kinds are all kinds of error of a call.
var kinds = []error{
	op.ErrInvalidRequest, op.ErrUnreachable, op.ErrTimeout, op.ErrConnection, op.ErrServer, op.ErrUnexpectedAnswer, op.ErrTooFast, op.ErrTooManyRequests,
	op.ErrRequestDenied, op.ErrInvalidContinuation, op.ErrInvalidRotation, op.ErrInactiveToken, op.ErrUnauthorized, op.ErrInsufficientGrant, op.ErrInvalidClient,
	op.ErrInvalidQuote, op.ErrInvalidAmount, op.ErrInvalidReceiver, op.ErrUnknownPayment, op.ErrNotFound, op.ErrWrongState, op.ErrRefused,
}

// FuzzAnswer gives every call of the client any answer at all: a wallet document, keys, grants, tokens, incoming payments, quotes, outgoing payments and
// lists of them, beginning with what a real wallet answered. What is believed keeps what the rest of the service relies on; what is not is an Error of
// one known kind, which quotes nothing that a log or a terminal cannot hold.
func FuzzAnswer(f *testing.F) {
	all := recordings(f)
	for i, r := range all {
		f.Add(i, r.Status, r.ContentType, "", []byte(r.Body))
	}
	f.Add(0, 200, "application/json", "", []byte("{}"))
	f.Add(4, 429, "text/html", "120", []byte("<html>"))
	f.Add(7, 302, "application/json; charset", "Wed, 21 Oct 2099 07:28:00 GMT", []byte(strings.Repeat("[", 9000)))
	f.Fuzz(func(t *testing.T, which, status int, contentType, retryAfter string, body []byte) {
		if which < 0 || which >= len(all) || status < 200 || status > 599 {
			return
		}
		if status >= 500 {
			retryAfter = "1" // or a GET is repeated, with a pause
		}
		r := all[which]
		value, err := r.repeat(t.Context(), ours.client(t, &http.Client{Transport: answering{status, contentType, retryAfter, body}}, r.Created))
		if err == nil {
			require.Less(t, status, 300, "a refusal was taken for a success")
			believed(t, r, value)
			return
		}
		failed, ok := errors.AsType[*op.Error](err)
		require.True(t, ok, "%T", err)
		require.Contains(t, kinds, failed.Kind)
		require.GreaterOrEqual(t, failed.RetryAfter, time.Duration(0))
		for _, said := range []string{failed.Code, failed.Description, err.Error()} {
			require.False(t, strings.ContainsFunc(said, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x202e }), "%q", said)
			require.Less(t, len(said), 4000)
		}
		if r.Token != "" && !bytes.Contains(body, []byte(r.Token)) {
			require.NotContains(t, err.Error(), r.Token)
		}
	})
}

func believed(t *testing.T, r recorded, value any) {
	t.Helper()
	isURL := func(text string) { require.Regexp(t, `^https?://[!-~]+$`, text) }
	amounts := func(all ...money.Amount) {
		for _, a := range all {
			require.True(t, a.IsSet())
			require.GreaterOrEqual(t, a.Value(), int64(0))
		}
	}
	incoming := func(p op.IncomingPayment) {
		isURL(p.ID)
		amounts(p.ReceivedAmount)
		if p.IncomingAmount != nil {
			amounts(*p.IncomingAmount)
			require.True(t, p.IncomingAmount.SameAsset(p.ReceivedAmount))
		}
	}
	outgoing := func(p op.OutgoingPayment) {
		isURL(p.ID)
		amounts(p.DebitAmount, p.ReceiveAmount, p.SentAmount)
		require.True(t, p.SentAmount.SameAsset(p.DebitAmount))
	}
	switch v := value.(type) {
	case op.WalletAddress:
		isURL(v.AuthServer)
		isURL(v.ResourceServer)
		require.NotEmpty(t, v.AssetCode)
		asked, err := url.Parse(r.URL)
		require.NoError(t, err)
		answers, err := url.Parse(v.ID)
		require.NoError(t, err)
		require.True(t, strings.EqualFold(asked.Host, answers.Host), "%s answers for %s", r.URL, v.ID)
	case op.JWKS:
		for _, k := range v.Keys {
			if key, err := k.PublicKey(); err == nil {
				require.Len(t, key, ed25519.PublicKeySize)
			}
		}
	case op.Grant:
		require.True(t, v.AccessToken != nil || v.Continue != nil)
		require.False(t, v.AccessToken != nil && v.Interaction != nil)
	case op.AccessToken:
		isURL(v.ManageURI)
		require.Regexp(t, `^[!-~]+$`, v.Value)
	case op.IncomingPayment:
		incoming(v)
	case op.PublicIncomingPayment:
		amounts(v.ReceivedAmount)
	case op.Page[op.IncomingPayment]:
		for _, p := range v.Result {
			incoming(p)
		}
	case op.Quote:
		isURL(v.ID)
		amounts(v.DebitAmount, v.ReceiveAmount)
		require.Positive(t, v.DebitAmount.Value(), "nothing is free")
	case op.OutgoingPayment:
		outgoing(v)
	case op.Page[op.OutgoingPayment]:
		for _, p := range v.Result {
			outgoing(p)
		}
	case op.SpentAmounts:
		for _, a := range []*money.Amount{v.SpentDebitAmount, v.SpentReceiveAmount} {
			if a != nil {
				amounts(*a)
			}
		}
	case nil: // what is cancelled and revoked answers nothing
	default:
		require.Fail(t, "no property is known", "%T", value)
	}
}
