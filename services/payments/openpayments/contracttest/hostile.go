package contracttest

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments"
	op "tianguis.example/payments/openpayments"
)

// The addresses of a wallet that means harm.
const (
	base     = "https://wallet.example"
	buyer    = base + "/accounts/buyer"
	seller   = base + "/accounts/seller"
	incoming = base + "/incoming-payments/1"
	quote    = base + "/quotes/1"
	outgoing = base + "/outgoing-payments/1"
	grant    = base + "/continue/1"
	manage   = base + "/token/1"
	token    = "TOKEN"
	mxn      = `{"value":"10000","assetCode":"MXN","assetScale":2}`
	none     = `{"value":"0","assetCode":"MXN","assetScale":2}`
)

// everyCall is every method that c has whose answer has content.
func everyCall(t testing.TB, c payments.Wallets) map[string]func(context.Context) error {
	access := []op.Access{{Type: op.AccessQuote, Actions: []op.Action{op.ActionCreate}}}
	list := op.ListParams{BaseURL: base, AccessToken: token, WalletAddress: buyer, First: 10}
	calls := map[string]func(context.Context) error{
		"wallet address":      calling(c.WalletAddress.Get, op.WalletAddressGetParams{URL: buyer}),
		"grant request":       calling(c.Grant.Request, op.GrantRequestParams{URL: base, Access: access}),
		"grant continue":      calling(c.Grant.Continue, op.GrantContinueParams{URL: grant, AccessToken: token, InteractRef: "ref"}),
		"token rotate":        calling(c.Token.Rotate, op.TokenRotateParams{URL: manage, AccessToken: token}),
		"incoming get public": calling(c.IncomingPayment.GetPublic, op.IncomingPaymentGetPublicParams{URL: incoming}),
		"incoming create": calling(c.IncomingPayment.Create, op.IncomingPaymentCreateParams{
			BaseURL: base, AccessToken: token, WalletAddress: seller, IncomingAmount: amount(t, 10000),
		}),
		"quote create": calling(c.Quote.Create, op.QuoteCreateParams{BaseURL: base, AccessToken: token, WalletAddress: buyer, Receiver: incoming}),
		"outgoing create": calling(c.OutgoingPayment.Create, op.OutgoingPaymentCreateParams{
			BaseURL: base, AccessToken: token, WalletAddress: buyer, QuoteID: quote,
		}),
		"outgoing get":  calling(c.OutgoingPayment.Get, op.OutgoingPaymentGetParams{URL: outgoing, AccessToken: token}),
		"outgoing list": calling(c.OutgoingPayment.List, list),
	}
	if s, ok := c.WalletAddress.(getKeys); ok {
		calls["keys"] = calling(s.GetKeys, op.WalletAddressGetKeysParams{URL: buyer})
	}
	if s, ok := c.IncomingPayment.(incomingMore); ok {
		calls["incoming get"] = calling(s.Get, op.IncomingPaymentGetParams{URL: incoming, AccessToken: token})
		calls["incoming complete"] = calling(s.Complete, op.IncomingPaymentCompleteParams{URL: incoming, AccessToken: token})
		calls["incoming list"] = calling(s.List, list)
	}
	if s, ok := c.Quote.(getQuote); ok {
		calls["quote get"] = calling(s.Get, op.QuoteGetParams{URL: quote, AccessToken: token})
	}
	if s, ok := c.OutgoingPayment.(spentAmounts); ok {
		calls["spent amounts"] = calling(s.GetGrantSpentAmounts, op.OutgoingPaymentGrantGetParams{BaseURL: base, AccessToken: token})
	}
	return calls
}

// calling is a call of which only the error matters.
func calling[P, V any](method func(context.Context, P) (V, error), params P) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := method(ctx, params)
		return err
	}
}

// beyond skips a test of a method that the implementation does not have and the rules do not need.
func beyond(t *testing.T, calls map[string]func(context.Context) error, method string) func(context.Context) error {
	t.Helper()
	call, ok := calls[method]
	if !ok {
		t.Skip("not a call of this implementation: " + method)
	}
	return call
}

func says(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func endless(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	chunk := []byte(`"` + strings.Repeat("x", 64<<10))
	for range 1 << 14 { // a gigabyte
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

func bomb(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	packed := gzip.NewWriter(w)
	chunk := []byte(strings.Repeat(" ", 1<<20))
	for range 1 << 6 { // a thousand times what is read
		if _, err := packed.Write(chunk); err != nil {
			return
		}
	}
}

// Nothing of what such a wallet answers is believed, by any method.
func hostileAnswers(t *testing.T, makeWallets New) {
	const json = "application/json"
	answers := map[string]http.HandlerFunc{
		"empty object":       says(200, json, `{}`),
		"created empty":      says(201, json, `{}`),
		"null":               says(200, json, `null`),
		"array":              says(200, json, `[]`),
		"string":             says(200, json, `"ok"`),
		"nothing":            says(200, json, ``),
		"half":               says(200, json, `{"id":"https://`),
		"two":                says(200, json, `{}{}`),
		"html":               says(200, "text/html", `<html>Sign in</html>`),
		"no type":            says(200, "", `{}`),
		"json as html":       says(200, "text/html", `{}`),
		"no content":         func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"accepted":           says(202, json, `{}`),
		"wrong types":        says(200, json, `{"id":1,"keys":1,"access_token":1,"continue":"x","result":{},"receivedAmount":"1","debitAmount":7,"spentDebitAmount":1,"spentReceiveAmount":1}`),
		"nulls":              says(200, json, `{"id":null,"keys":null,"access_token":null,"continue":null,"interact":null,"result":null,"receivedAmount":null}`),
		"error in a success": says(200, json, `{"error":{"code":"too_fast","description":"x"}}`),
		"endless":            endless,
		"gzip bomb":          bomb,
	}
	for name, handler := range answers {
		c := makeWallets.client(t, wallet(t, handler), 0)
		for method, call := range everyCall(t, c) {
			t.Run(name+"/"+method, func(t *testing.T) {
				t.Parallel()
				err := call(t.Context())
				require.ErrorIs(t, err, op.ErrUnexpectedAnswer)
				require.True(t, op.OutcomeUnknown(err), "a success that makes no sense may have had its effect")
				require.NotContains(t, err.Error(), base)
			})
		}
	}
}

func hostileRedirects(t *testing.T, makeWallets New) {
	for _, status := range []int{301, 302, 303, 307, 308, 300, 304} {
		var asked atomic.Int64
		c := makeWallets.client(t, wallet(t, func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.Header().Set("Location", "https://elsewhere.example/")
			w.WriteHeader(status)
		}), 0)
		calls := everyCall(t, c)
		for method, call := range calls {
			err := call(t.Context())
			require.ErrorIs(t, err, op.ErrUnexpectedAnswer, "%s %d", method, status)
		}
		require.EqualValues(t, len(calls), asked.Load())
	}
}

func hostileSilence(t *testing.T, makeWallets New) {
	handlers := map[string]http.HandlerFunc{
		"no answer": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		},
		"slow drip": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for {
				select {
				case <-r.Context().Done():
					return
				case <-time.After(5 * time.Millisecond):
					_, _ = io.WriteString(w, " ")
					_ = http.NewResponseController(w).Flush()
				}
			}
		},
	}
	for name, handler := range handlers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := makeWallets.wallets(t, op.Config{HTTPClient: wallet(t, handler), Timeout: 100 * time.Millisecond})
			for method, call := range everyCall(t, c) {
				err := call(t.Context())
				require.ErrorIs(t, err, op.ErrTimeout, method)
				require.True(t, op.OutcomeUnknown(err))
			}
		})
	}
}

func hostileAnothersThings(t *testing.T, makeWallets New) {
	// What each answer must be like, with the one part that is another's in %s.
	cases := map[string]struct{ answer, right, wrong string }{
		"wallet address": {`{"id":"%s","assetCode":"MXN","assetScale":2,"authServer":"` + base + `","resourceServer":"` + base + `"}`,
			buyer, "https://other.example/accounts/buyer"},
		"incoming create": {`{"id":"` + incoming + `","walletAddress":"%s","incomingAmount":` + mxn + `,"receivedAmount":` + none + `}`, seller, buyer},
		"incoming get":    {`{"id":"%s","walletAddress":"` + seller + `","receivedAmount":` + none + `}`, incoming, incoming + "2"},
		"incoming complete": {`{"id":"%s","walletAddress":"` + seller + `","completed":true,"receivedAmount":` + none + `}`,
			incoming, incoming + "2"},
		"incoming list": {`{"result":[{"id":"` + incoming + `","walletAddress":"%s","receivedAmount":` + none + `}]}`, buyer, seller},
		"quote create": {`{"id":"` + quote + `","walletAddress":"%s","receiver":"` + incoming + `","method":"ilp","debitAmount":` + mxn + `,"receiveAmount":` + mxn + `}`,
			buyer, seller},
		"quote get": {`{"id":"%s","walletAddress":"` + buyer + `","receiver":"` + incoming + `","method":"ilp","debitAmount":` + mxn + `,"receiveAmount":` + mxn + `}`,
			quote, quote + "2"},
		"outgoing create": {`{"id":"` + outgoing + `","walletAddress":"` + buyer + `","quoteId":"%s","receiver":"` + incoming + `","debitAmount":` + mxn + `,"receiveAmount":` + mxn + `,"sentAmount":` + none + `}`,
			quote, quote + "2"},
		"outgoing get": {`{"id":"%s","walletAddress":"` + buyer + `","receiver":"` + incoming + `","debitAmount":` + mxn + `,"receiveAmount":` + mxn + `,"sentAmount":` + none + `}`,
			outgoing, outgoing + "2"},
		"outgoing list": {`{"result":[{"id":"` + outgoing + `","walletAddress":"%s","receiver":"` + incoming + `","debitAmount":` + mxn + `,"receiveAmount":` + mxn + `,"sentAmount":` + none + `}]}`,
			buyer, seller},
	}
	for method, test := range cases {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			ask := func(value string) error {
				c := makeWallets.client(t, wallet(t, says(200, "application/json", fmt.Sprintf(test.answer, value))), 0)
				return beyond(t, everyCall(t, c), method)(t.Context())
			}
			require.NoError(t, ask(test.right))
			require.ErrorIs(t, ask(test.wrong), op.ErrUnexpectedAnswer)
			for _, never := range []string{"", "javascript:alert(1)", "/relative", "ftp://wallet.example/1", "https://user@wallet.example/", "https://wallet.example/#x"} {
				require.ErrorIs(t, ask(never), op.ErrUnexpectedAnswer, never)
			}
		})
	}
}

func hostileOtherTerms(t *testing.T, makeWallets New) {
	const usd = `{"value":"10000","assetCode":"USD","assetScale":2}`
	const less = `{"value":"9999","assetCode":"MXN","assetScale":2}`
	quoteWith := func(debit, receive, receiver, method string) string {
		return fmt.Sprintf(`{"id":%q,"walletAddress":%q,"receiver":%q,"method":%q,"debitAmount":%s,"receiveAmount":%s}`,
			quote, buyer, receiver, method, debit, receive)
	}
	incomingWith := func(asked, received string) string {
		return fmt.Sprintf(`{"id":%q,"walletAddress":%q,"incomingAmount":%s,"receivedAmount":%s}`, incoming, seller, asked, received)
	}
	outgoingWith := func(debit, sent string) string {
		return fmt.Sprintf(`{"id":%q,"walletAddress":%q,"quoteId":%q,"receiver":%q,"debitAmount":%s,"receiveAmount":%s,"sentAmount":%s}`,
			outgoing, buyer, quote, incoming, debit, mxn, sent)
	}
	addressWith := func(rest string) string {
		return fmt.Sprintf(`{"id":%q,"authServer":%q,"resourceServer":%q%s}`, buyer, base, base, rest)
	}
	cases := []struct{ method, right, wrong string }{
		{"quote create", quoteWith(mxn, mxn, incoming, "ilp"), quoteWith(mxn, mxn, incoming+"2", "ilp")},
		{"quote create", quoteWith(usd, mxn, incoming, "ilp"), quoteWith(mxn, mxn, incoming, "card")},
		{"quote create", quoteWith(mxn, mxn, incoming, "ilp"), quoteWith(none, mxn, incoming, "ilp")},
		{"quote create", quoteWith(mxn, mxn, incoming, "ilp"), quoteWith(mxn, none, incoming, "ilp")},
		{"incoming create", incomingWith(mxn, none), incomingWith(less, none)},
		{"incoming create", incomingWith(mxn, none), incomingWith(usd, none)},
		{"incoming create", incomingWith(mxn, none), incomingWith("null", none)},
		{"incoming create", incomingWith(mxn, none), incomingWith(mxn, usd)},
		// Without a scale, an amount would be off by powers of ten.
		{"incoming create", incomingWith(mxn, none), incomingWith(mxn, `{"value":"0","assetCode":"MXN"}`)},
		{"incoming get public", `{"receivedAmount":` + mxn + `,"authServer":"` + base + `"}`, `{"receivedAmount":{"value":"10000","assetCode":"MXN"},"authServer":"` + base + `"}`},
		{"quote create", quoteWith(mxn, mxn, incoming, "ilp"), quoteWith(`{"value":"10000","assetCode":"MXN"}`, mxn, incoming, "ilp")},
		{"incoming get", incomingWith(mxn, none), incomingWith(mxn, usd)},
		{"incoming get", incomingWith(mxn, mxn), incomingWith(mxn, `{"value":"-1","assetCode":"MXN","assetScale":2}`)},
		{"incoming get", incomingWith(mxn, mxn), incomingWith(mxn, `{"value":"9223372036854775808","assetCode":"MXN","assetScale":2}`)},
		{"outgoing create", outgoingWith(mxn, none), outgoingWith(mxn, usd)},
		{"outgoing create", outgoingWith(mxn, none), outgoingWith("null", none)},
		// Another host's payment would be asked for with our token, or believed to be the one that was made.
		{"outgoing create", outgoingWith(mxn, none), strings.Replace(outgoingWith(mxn, none), outgoing, "https://other.example/outgoing-payments/1", 1)},
		{"incoming create", incomingWith(mxn, none), strings.Replace(incomingWith(mxn, none), incoming, "https://other.example/incoming-payments/1", 1)},
		{"wallet address", addressWith(`,"assetCode":"MXN","assetScale":0`), addressWith(`,"assetCode":"MXN"`)},
		{"wallet address", addressWith(`,"assetCode":"MXN","assetScale":9`), addressWith(`,"assetCode":"","assetScale":2`)},
		{"wallet address", addressWith(`,"assetCode":"MXN","assetScale":2`), addressWith(`,"assetCode":"MXN","assetScale":256`)},
		{"incoming complete", incomingWith(mxn, none+`,"completed":true`), incomingWith(mxn, none)},
		{"keys", `{"keys":[]}`, `{"keys":[{}]}`},
		{"spent amounts", `{"spentDebitAmount":null,"spentReceiveAmount":null}`, `{"spentDebitAmount":null}`},
	}
	for i, test := range cases {
		t.Run(fmt.Sprintf("%s %d", test.method, i), func(t *testing.T) {
			t.Parallel()
			ask := func(answer string) error {
				c := makeWallets.client(t, wallet(t, says(200, "application/json", answer)), 0)
				return beyond(t, everyCall(t, c), test.method)(t.Context())
			}
			require.NoError(t, ask(test.right), test.right)
			require.ErrorIs(t, ask(test.wrong), op.ErrUnexpectedAnswer, test.wrong)
		})
	}
}

func hostileGrants(t *testing.T, makeWallets New) {
	const (
		next   = `"continue":{"access_token":{"value":"C"},"uri":"` + grant + `","wait":5}`
		ask    = `"interact":{"redirect":"https://wallet.example/consent?x=1","finish":"N"}`
		access = `"access":[{"type":"quote","actions":["create"]}]`
		key    = `"access_token":{"value":"T","manage":"` + manage + `","expires_in":600,` + access + `}`
	)
	good := []string{
		`{` + next + `}`, `{` + next + `,` + ask + `}`, `{` + key + `}`, `{` + key + `,` + next + `}`,
		`{"access_token":{"value":"T","manage":"` + manage + `",` + access + `}}`,
	}
	bad := []string{
		`{` + ask + `}`,
		`{` + key + `,` + next + `,` + ask + `}`,
		`{` + next + `,"interact":{}}`,
		`{` + next + `,"interact":{"redirect":"javascript:alert(1)","finish":"N"}}`,
		`{` + next + `,"interact":{"redirect":"https://wallet.example/consent","finish":""}}`,
		`{"continue":{"access_token":{"value":""},"uri":"` + grant + `"}}`,
		`{"continue":{"access_token":{"value":"a b"},"uri":"` + grant + `"}}`,
		`{"continue":{"access_token":{"value":"a\r\nX: y"},"uri":"` + grant + `"}}`,
		`{"continue":{"access_token":{"value":"C"},"uri":"continue/1"}}`,
		`{"continue":{"access_token":{"value":"C"},"uri":"` + grant + `","wait":-1}}`,
		`{"continue":{"access_token":{"value":"C"},"uri":"` + grant + `","wait":"5"}}`,
		`{"continue":{"access_token":{"value":"C"},"uri":"` + grant + `","wait":1.5}}`,
		`{"continue":{"access_token":{"value":"C"},"uri":"` + grant + `","wait":1e300}}`,
		`{"access_token":{"manage":"` + manage + `",` + access + `}}`,
		`{"access_token":{"value":"T",` + access + `}}`,
		`{"access_token":{"value":"T","manage":"file:///etc/passwd",` + access + `}}`,
		`{"access_token":{"value":"T","manage":"` + manage + `"}}`,
		`{"access_token":[{"value":"T","manage":"` + manage + `",` + access + `}]}`,
		`{"access_token":{"value":"T","manage":"` + manage + `","expires_in":-600,` + access + `}}`,
		// Sent where another auth server would get the token.
		`{"continue":{"access_token":{"value":"C"},"uri":"https://other.example/continue/1"}}`,
		`{"access_token":{"value":"T","manage":"https://other.example/token/1",` + access + `}}`,
	}
	request := func(answer string) error {
		c := makeWallets.client(t, wallet(t, says(200, "application/json", answer)), 0)
		return everyCall(t, c)["grant request"](t.Context())
	}
	for _, answer := range good {
		require.NoError(t, request(answer), answer)
	}
	for _, answer := range bad {
		require.ErrorIs(t, request(answer), op.ErrUnexpectedAnswer, answer)
	}
	c := makeWallets.client(t, wallet(t, says(200, "application/json", good[1])), 0)
	require.ErrorIs(t, everyCall(t, c)["grant continue"](t.Context()), op.ErrUnexpectedAnswer, "a continued grant that asks again")
}

// Somebody else's metadata must not make a payment unreadable.
func hostileMetadata(t *testing.T, makeWallets New) {
	for metadata, want := range map[string]map[string]string{
		`{"a":"b","n":1,"o":{"x":[]},"z":null}`: {"a": "b"},
		`"text"`:                                nil,
		`[1]`:                                   nil,
		`null`:                                  nil,
	} {
		answer := fmt.Sprintf(`{"id":%q,"walletAddress":%q,"receiver":%q,"debitAmount":%s,"receiveAmount":%s,"sentAmount":%s,"metadata":%s}`,
			outgoing, buyer, incoming, mxn, mxn, none, metadata)
		c := makeWallets.client(t, wallet(t, says(200, "application/json", answer)), 0)
		payment, err := c.OutgoingPayment.Get(t.Context(), op.OutgoingPaymentGetParams{URL: outgoing, AccessToken: token})
		require.NoError(t, err, metadata)
		require.Equal(t, want, payment.Metadata)
	}
}

func refusalsAreQuotedSafely(t *testing.T, makeWallets New) {
	words := "line\nbreak \x1b[31mred\u202e" + strings.Repeat("x", 5000)
	body := fmt.Sprintf(`{"error":{"code":"no\nway","description":%q}}`, "plain")
	c := makeWallets.client(t, wallet(t, says(403, "application/json", strings.Replace(body, `"plain"`, jsonString(words), 1))), 0)
	err := everyCall(t, c)["outgoing create"](t.Context())
	require.ErrorIs(t, err, op.ErrRefused)
	require.NotContains(t, err.Error(), "\n")
	require.NotContains(t, err.Error(), "\x1b")
	require.Less(t, len(err.Error()), 400)

	for _, body := range []string{`{"error":"too_fast"}`, `{"error":{"code":"too_fast"}}`} {
		c := makeWallets.client(t, wallet(t, says(400, "application/json", body)), 0)
		require.ErrorIs(t, everyCall(t, c)["grant continue"](t.Context()), op.ErrTooFast)
	}
	for _, body := range []string{`{"error":7}`, `null`, `{`, ``, `[]`} {
		c := makeWallets.client(t, wallet(t, says(401, "application/json", body)), 0)
		err := everyCall(t, c)["outgoing get"](t.Context())
		require.ErrorIs(t, err, op.ErrInvalidClient, "a 401 of unknown origin says nothing about the payment: %s", body)
	}
	c = makeWallets.client(t, wallet(t, says(400, "application/json", strings.Repeat(" ", 1<<20))), 0)
	err = everyCall(t, c)["outgoing create"](t.Context())
	require.ErrorIs(t, err, op.ErrInvalidRequest, "a refusal is one however long it is")
	require.False(t, op.OutcomeUnknown(err))
	c = makeWallets.client(t, wallet(t, says(404, "text/plain", "Not Found")), 0)
	require.ErrorIs(t, everyCall(t, c)["outgoing get"](t.Context()), op.ErrNotFound)
}

func jsonString(text string) string {
	var quoted strings.Builder
	quoted.WriteByte('"')
	for _, r := range text {
		fmt.Fprintf(&quoted, `\u%04x`, r)
	}
	quoted.WriteByte('"')
	return quoted.String()
}

func unreachable(t *testing.T, makeWallets New) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := "http://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	c := makeWallets.wallets(t, op.Config{Timeout: 5 * time.Second})

	_, err = c.Grant.Continue(t.Context(), op.GrantContinueParams{URL: address + "/continue/1", AccessToken: token})
	require.ErrorIs(t, err, op.ErrUnreachable)
	require.False(t, op.OutcomeUnknown(err), "nobody was there to be asked")
	require.NotContains(t, err.Error(), "/continue/1")

	plain := httptest.NewServer(says(200, "application/json", "{}"))
	t.Cleanup(plain.Close)
	_, err = c.Grant.Continue(t.Context(), op.GrantContinueParams{URL: "https://" + plain.Listener.Addr().String() + "/continue/1", AccessToken: token})
	require.ErrorIs(t, err, op.ErrUnreachable, "no TLS, so nothing was said")
}

func connectionBreaks(t *testing.T, makeWallets New) {
	var asked atomic.Int64
	c := makeWallets.client(t, wallet(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		asked.Add(1)
		panic(http.ErrAbortHandler) // takes effect, and drops the reply
	}), 0)
	err := everyCall(t, c)["outgoing create"](t.Context())
	require.ErrorIs(t, err, op.ErrConnection)
	require.True(t, op.OutcomeUnknown(err))
	require.EqualValues(t, 1, asked.Load(), "a payment is never asked for twice")
}

func callerGivesUp(t *testing.T, makeWallets New) {
	ctx, cancel := context.WithCancel(t.Context())
	c := makeWallets.client(t, wallet(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	}), 0)
	err := everyCall(t, c)["outgoing create"](ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.True(t, op.OutcomeUnknown(err))

	err = everyCall(t, c)["outgoing create"](ctx) // has given up before
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, op.ErrUnreachable)
	require.False(t, op.OutcomeUnknown(err))
}
