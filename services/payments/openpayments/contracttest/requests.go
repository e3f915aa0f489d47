package contracttest

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	op "tianguis.example/payments/openpayments"
)

// What cannot be sent is not sent, and says so.
func invalidRequests(t *testing.T, makeWallets New) {
	var asked atomic.Int64
	c := makeWallets.client(t, wallet(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) }), 0)
	ctx := t.Context()
	access := []op.Access{{Type: op.AccessQuote, Actions: []op.Action{op.ActionCreate}}}
	refused := func(err error) {
		t.Helper()
		require.ErrorIs(t, err, op.ErrInvalidRequest)
		require.False(t, op.OutcomeUnknown(err))
	}

	for _, bad := range []string{
		"", "x", "/relative", "//wallet.example/", "ftp://wallet.example/", "javascript:alert(1)", "https://", "https:///path",
		"https://user:pw@wallet.example/", "https://wallet.example/#f", "https://wallet.example/#", "https://wallet.example/a b",
		"https://wallet.example/\r\nX: y", "https://wallet.example/ñ", "https://wallet.example/%zz", "HTTPS://wallet.example/",
		"https://wallet.example/" + strings.Repeat("a", 5000), "https://:443/", "https://[::1/",
	} {
		_, err := c.OutgoingPayment.Get(ctx, op.OutgoingPaymentGetParams{URL: bad, AccessToken: token})
		refused(err)
		require.NotContains(t, err.Error(), "pw")
		_, err = c.WalletAddress.Get(ctx, op.WalletAddressGetParams{URL: bad})
		refused(err)
		if s, ok := c.WalletAddress.(getKeys); ok {
			_, err = s.GetKeys(ctx, op.WalletAddressGetKeysParams{URL: bad})
			refused(err)
		}
		_, err = c.Grant.Request(ctx, op.GrantRequestParams{URL: base, Access: access, Interact: &op.Interact{FinishURI: bad, Nonce: "n"}})
		refused(err)
	}
	for _, bad := range []string{"", "a b", "a\nb", "ñ"} {
		_, err := c.OutgoingPayment.Get(ctx, op.OutgoingPaymentGetParams{URL: outgoing, AccessToken: bad})
		refused(err)
	}
	for _, metadata := range []map[string]string{
		{"1": "a"}, {"0": "a"}, {"k": "a\xff"}, {"k\xff": "a"}, {"k": "a\u2028b"}, {"k": "\u2029"}, {"__proto__": "x"},
	} {
		_, err := c.IncomingPayment.Create(ctx, op.IncomingPaymentCreateParams{
			BaseURL: base, AccessToken: token, WalletAddress: seller, Metadata: metadata,
		})
		refused(err)
		_, err = c.OutgoingPayment.Create(ctx, op.OutgoingPaymentCreateParams{
			BaseURL: base, AccessToken: token, WalletAddress: buyer, QuoteID: quote, Metadata: metadata,
		})
		refused(err)
	}
	_, err := c.Grant.Request(ctx, op.GrantRequestParams{URL: base})
	refused(err)
	_, err = c.Grant.Request(ctx, op.GrantRequestParams{URL: base, Access: access, Interact: &op.Interact{FinishURI: base}})
	refused(err)
	_, err = c.Grant.Continue(ctx, op.GrantContinueParams{URL: grant, AccessToken: token, InteractRef: "\xff"})
	refused(err)
	_, err = c.OutgoingPayment.Create(ctx, op.OutgoingPaymentCreateParams{BaseURL: base, AccessToken: token, WalletAddress: buyer})
	refused(err)
	_, err = c.Quote.Create(ctx, op.QuoteCreateParams{BaseURL: base + "?x=1", AccessToken: token})
	refused(err)
	for _, list := range []op.ListParams{
		{BaseURL: base, AccessToken: token},
		{BaseURL: base, AccessToken: token, WalletAddress: buyer, First: 1, Last: 1},
		{BaseURL: base, AccessToken: token, WalletAddress: buyer, First: -1},
	} {
		_, err = c.OutgoingPayment.List(ctx, list)
		refused(err)
		if s, ok := c.IncomingPayment.(incomingMore); ok {
			_, err = s.List(ctx, list)
			refused(err)
		}
	}
	require.Zero(t, asked.Load())
}

func listPages(t *testing.T, makeWallets New) {
	queries := make(chan string, 2)
	c := makeWallets.client(t, wallet(t, func(w http.ResponseWriter, r *http.Request) {
		queries <- r.URL.RawQuery
		says(200, "application/json", `{"result":[],"pagination":{"hasNextPage":true,"endCursor":"e"}}`)(w, r)
	}), 0)
	params := op.ListParams{BaseURL: base + "/", AccessToken: token, WalletAddress: buyer, Cursor: "a/b", First: 5}
	page, err := c.OutgoingPayment.List(t.Context(), params)
	require.NoError(t, err)
	require.Empty(t, page.Result)
	require.Equal(t, op.Pagination{HasNextPage: true, EndCursor: "e"}, page.Pagination)
	require.Equal(t, "cursor=a%2Fb&first=5&wallet-address=https%3A%2F%2Fwallet.example%2Faccounts%2Fbuyer", <-queries)
	params.First, params.Last = 0, 7
	_, err = c.OutgoingPayment.List(t.Context(), params)
	require.NoError(t, err)
	require.Equal(t, "cursor=a%2Fb&last=7&wallet-address=https%3A%2F%2Fwallet.example%2Faccounts%2Fbuyer", <-queries)
}

// Settings and clients do not give away tokens by their errors.
func errorsNameNoToken(t *testing.T, makeWallets New) {
	for _, handler := range []http.HandlerFunc{
		says(500, "text/plain", "x"), says(200, "application/json", "{}"), func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		c := makeWallets.client(t, wallet(t, handler), 0)
		_, err := c.OutgoingPayment.Get(t.Context(), op.OutgoingPaymentGetParams{URL: outgoing, AccessToken: "s3cret"})
		require.Error(t, err)
		require.NotContains(t, err.Error(), "s3cret")
		require.NotContains(t, err.Error(), outgoing)
	}
}

// Some servers say what they were sent. It is taken out before the words are cut, so that not a part of it is left.
func errorsQuoteNoSecret(t *testing.T, makeWallets New) {
	const sent = "s3cret-token"
	for _, padding := range []int{0, 188, 300} {
		echo := func(kind, format string) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				words := strings.Repeat("x", padding) + r.Header.Get("Authorization") + " " + strings.ReplaceAll(string(body), `"`, "'")
				says(400, kind, strings.ReplaceAll(format, "WORDS", words))(w, r)
			}
		}
		for _, handler := range []http.HandlerFunc{
			echo("text/plain", "WORDS"), echo("application/json", `{"error":{"code":"WORDS","description":"WORDS"}}`), echo("application/json", `{"error":"WORDS"}`),
		} {
			c := makeWallets.client(t, wallet(t, handler), 0)
			_, err := c.Grant.Continue(t.Context(), op.GrantContinueParams{URL: grant, AccessToken: sent, InteractRef: "s3cret-ref"})
			require.Error(t, err)
			require.NotContains(t, err.Error(), "s3cret")
			if padding == 0 {
				require.Contains(t, err.Error(), "[redacted]")
			}
			_, err = c.Grant.Request(t.Context(), op.GrantRequestParams{
				URL: base, Access: []op.Access{{Type: op.AccessQuote, Actions: []op.Action{op.ActionCreate}}},
				Interact: &op.Interact{FinishURI: "https://market.example/f", Nonce: "s3cret-nonce"},
			})
			require.Error(t, err)
			require.NotContains(t, err.Error(), "s3cret")
		}
	}
}

// Where a grant is continued, a token managed and a payment read is for the wallet to say (RFC 9635 sections 3.1 and 6): any URL of its.
func anyURL(t *testing.T, makeWallets New) {
	paths := make(chan string, 3)
	c := makeWallets.client(t, wallet(t, func(w http.ResponseWriter, r *http.Request) {
		paths <- r.URL.Path
		w.WriteHeader(http.StatusForbidden)
	}), 0)
	_, err := c.Grant.Continue(t.Context(), op.GrantContinueParams{URL: base + "/a", AccessToken: token, InteractRef: "ref"})
	require.ErrorIs(t, err, op.ErrRefused)
	_, err = c.Token.Rotate(t.Context(), op.TokenRotateParams{URL: base + "/b", AccessToken: token})
	require.ErrorIs(t, err, op.ErrRefused)
	_, err = c.OutgoingPayment.Get(t.Context(), op.OutgoingPaymentGetParams{URL: base + "/c", AccessToken: token})
	require.ErrorIs(t, err, op.ErrRefused)
	require.Equal(t, []string{"/a", "/b", "/c"}, []string{<-paths, <-paths, <-paths})
}

// A wallet checks the digest over JSON.stringify(JSON.parse(body)), so a body must be as JavaScript writes it: nothing is escaped for HTML.
func textIsJavaScripts(t *testing.T, makeWallets New) {
	bodies := make(chan string, 2)
	c := makeWallets.client(t, wallet(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil && validSignature(r, body) {
			bodies <- string(body)
		}
		w.WriteHeader(http.StatusForbidden)
	}), 0)
	const text = `<b> & 'c' "d" \ \u0026 niño 市場 🛒`
	_, err := c.IncomingPayment.Create(t.Context(), op.IncomingPaymentCreateParams{
		BaseURL: base, AccessToken: token, WalletAddress: seller, Metadata: map[string]string{"description": text},
	})
	require.ErrorIs(t, err, op.ErrRefused)
	require.Contains(t, <-bodies, `"description":"<b> & 'c' \"d\" \\ \\u0026 niño 市場 🛒"`)
	_, err = c.Grant.Request(t.Context(), op.GrantRequestParams{
		URL: base, Access: []op.Access{{Type: op.AccessQuote, Actions: []op.Action{op.ActionCreate}}},
		Interact: &op.Interact{FinishURI: "https://market.example/f?a=1&b=2", Nonce: "n"},
	})
	require.ErrorIs(t, err, op.ErrRefused)
	require.Contains(t, <-bodies, `"uri":"https://market.example/f?a=1&b=2"`)
}
