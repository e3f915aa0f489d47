package contracttest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments"
	"tianguis.example/payments/money"
	op "tianguis.example/payments/openpayments"
)

// recorded is one line of testdata/answers.json.
type recorded struct {
	Trace, Name, Method, URL, Token, RequestBody, Signature string
	Created                                                 int64
	Status                                                  int
	ContentType, Body                                       string
}

func recordings(t testing.TB) []recorded {
	t.Helper()
	text, err := testdata.ReadFile("testdata/answers.json")
	require.NoError(t, err)
	var all []recorded
	require.NoError(t, json.Unmarshal(text, &all))
	return all
}

func recording(t testing.TB, name string) recorded {
	t.Helper()
	for _, r := range recordings(t) {
		if r.Name == name {
			return r
		}
	}
	require.Fail(t, "no such recording", name)
	return recorded{}
}

// answer writes the recorded answer.
func (r recorded) answer(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", r.ContentType)
	w.WriteHeader(r.Status)
	_, _ = io.WriteString(w, r.Body)
}

// wallet starts a real server that answers for every host over TLS, and returns an HTTP
// client that reaches it whatever https URL is asked: so the recorded URLs can be used
// as they are.
func wallet(t testing.TB, handler http.HandlerFunc) *http.Client {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, network, server.Listener.Addr().String())
		},
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS12},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// repeat makes the call that a recording is of, with the parameters that its request had.
func (r recorded) repeat(ctx context.Context, c payments.Wallets) (any, error) {
	u, _ := url.Parse(r.URL)
	query := u.Query()
	base, last, _ := cutLast(strings.Split(r.URL, "?")[0])
	var body struct {
		AccessToken struct{ Access []op.Access } `json:"access_token"`
		Interact    *struct{ Finish struct{ URI, Nonce string } }
		InteractRef string `json:"interact_ref"`

		WalletAddress, Receiver, Method, QuoteID string
		IncomingAmount                           *money.Amount
		ExpiresAt                                time.Time
		Metadata                                 map[string]string
	}
	_ = json.Unmarshal([]byte(r.RequestBody), &body) // none, for refusals
	token := r.Token
	if token == "" {
		token = "TOKEN"
	}
	incomingService, _ := c.IncomingPayment.(incomingMore)
	first, _ := strconv.Atoi(query.Get("first"))
	list := op.ListParams{BaseURL: base, AccessToken: token, WalletAddress: query.Get("wallet-address"), First: first}
	isAuth := strings.Contains(u.Host, "-auth:")

	switch {
	case last == "jwks.json":
		if s, ok := c.WalletAddress.(getKeys); ok {
			return s.GetKeys(ctx, op.WalletAddressGetKeysParams{URL: base})
		}
		return nil, errBeyond
	case strings.Contains(u.Path, "/accounts/"):
		return c.WalletAddress.Get(ctx, op.WalletAddressGetParams{URL: r.URL})
	case strings.Contains(u.Path, "/continue/") && r.Method == http.MethodDelete:
		return nil, c.Grant.Cancel(ctx, op.GrantCancelParams{URL: r.URL, AccessToken: token})
	case strings.Contains(u.Path, "/continue/"):
		return c.Grant.Continue(ctx, op.GrantContinueParams{URL: r.URL, AccessToken: token, InteractRef: body.InteractRef})
	case strings.Contains(u.Path, "/token/") && r.Method == http.MethodDelete:
		if s, ok := c.Token.(revoke); ok {
			return nil, s.Revoke(ctx, op.TokenRevokeParams{URL: r.URL, AccessToken: token})
		}
		return nil, errBeyond
	case strings.Contains(u.Path, "/token/"):
		return c.Token.Rotate(ctx, op.TokenRotateParams{URL: r.URL, AccessToken: token})
	case isAuth:
		params := op.GrantRequestParams{URL: r.URL, Access: body.AccessToken.Access}
		if body.Interact != nil {
			params.Interact = &op.Interact{FinishURI: body.Interact.Finish.URI, Nonce: body.Interact.Finish.Nonce}
		}
		if params.Access == nil {
			params.Access = []op.Access{{Type: op.AccessQuote, Actions: []op.Action{op.ActionCreate}}}
		}
		return c.Grant.Request(ctx, params)
	case incomingService == nil && beyondIncoming(r, last):
		return nil, errBeyond
	case last == "complete":
		return incomingService.Complete(ctx, op.IncomingPaymentCompleteParams{URL: base, AccessToken: token})
	case last == "incoming-payments" && r.Method == http.MethodGet:
		return incomingService.List(ctx, list)
	case last == "incoming-payments":
		return c.IncomingPayment.Create(ctx, op.IncomingPaymentCreateParams{
			BaseURL: base, AccessToken: token, WalletAddress: body.WalletAddress,
			IncomingAmount: body.IncomingAmount, ExpiresAt: body.ExpiresAt, Metadata: body.Metadata,
		})
	case strings.Contains(u.Path, "/incoming-payments/") && readsWithToken(r):
		return incomingService.Get(ctx, op.IncomingPaymentGetParams{URL: r.URL, AccessToken: token})
	case strings.Contains(u.Path, "/incoming-payments/"):
		return c.IncomingPayment.GetPublic(ctx, op.IncomingPaymentGetPublicParams{URL: r.URL})
	case last == "quotes":
		return c.Quote.Create(ctx, op.QuoteCreateParams{
			BaseURL: base, AccessToken: token, WalletAddress: body.WalletAddress, Receiver: body.Receiver, Method: body.Method,
		})
	case strings.Contains(u.Path, "/quotes/"):
		if s, ok := c.Quote.(getQuote); ok {
			return s.Get(ctx, op.QuoteGetParams{URL: r.URL, AccessToken: token})
		}
		return nil, errBeyond
	case last == "outgoing-payments" && r.Method == http.MethodGet:
		return c.OutgoingPayment.List(ctx, list)
	case last == "outgoing-payments":
		quote := body.QuoteID
		if quote == "" {
			quote = base + "/quotes/1"
		}
		return c.OutgoingPayment.Create(ctx, op.OutgoingPaymentCreateParams{
			BaseURL: base, AccessToken: token, WalletAddress: body.WalletAddress, QuoteID: quote, Metadata: body.Metadata,
		})
	case last == "outgoing-payment-grant":
		if s, ok := c.OutgoingPayment.(spentAmounts); ok {
			return s.GetGrantSpentAmounts(ctx, op.OutgoingPaymentGrantGetParams{BaseURL: base, AccessToken: token})
		}
		return nil, errBeyond
	default:
		return c.OutgoingPayment.Get(ctx, op.OutgoingPaymentGetParams{URL: r.URL, AccessToken: token})
	}
}

// errBeyond: the call is none that the rules need, and the implementation does not have it.
var errBeyond = errors.New("not a call of this implementation")

func readsWithToken(r recorded) bool { return r.Token != "" || strings.Contains(r.Name, "token") }

// beyondIncoming are the calls of incomingMore.
func beyondIncoming(r recorded, last string) bool {
	return last == "complete" || last == "incoming-payments" && r.Method == http.MethodGet ||
		strings.Contains(r.URL, "/incoming-payments/") && readsWithToken(r)
}

func cutLast(raw string) (before, after string, found bool) {
	i := strings.LastIndex(raw, "/")
	return raw[:i], raw[i+1:], i >= 0
}

// Each request that a real wallet granted is made again, signed, and the wallet's answer is understood.
func recordedSuccesses(t *testing.T, makeWallets New) {
	repeatSuccesses(t, makeWallets, func(r recorded, request *http.Request, body []byte) bool {
		return sameBody(r.RequestBody, string(body)) && (isPublic(r) || validSignature(request, body))
	})
}

// And it is made to the byte, with the signature that the official Node SDK made at that moment.
func recordedBytes(t *testing.T, makeWallets New) {
	repeatSuccesses(t, makeWallets, func(r recorded, request *http.Request, body []byte) bool {
		return string(body) == r.RequestBody && request.Header.Get("Signature") == r.Signature
	})
}

func isPublic(r recorded) bool { return r.Signature == "" }

func repeatSuccesses(t *testing.T, makeWallets New, same func(recorded, *http.Request, []byte) bool) {
	t.Helper()
	seen := 0
	for _, r := range recordings(t) {
		if r.Status >= 400 {
			continue
		}
		seen++
		t.Run(r.Trace+" "+r.Name, func(t *testing.T) {
			t.Parallel()
			httpClient := wallet(t, func(w http.ResponseWriter, request *http.Request) {
				body, err := io.ReadAll(request.Body)
				if err == nil && request.Method == r.Method && "https://"+request.Host+request.RequestURI == r.URL && same(r, request, body) &&
					strings.TrimPrefix(request.Header.Get("Authorization"), "GNAP ") == r.Token {
					r.answer(w, request)
					return
				}
				w.WriteHeader(http.StatusTeapot)
				_, _ = w.Write(body)
			})
			value, err := r.repeat(t.Context(), makeWallets.client(t, httpClient, r.Created))
			if errors.Is(err, errBeyond) {
				t.Skip(err)
			}
			require.NoError(t, err)
			if r.Body == "" {
				return
			}
			// Nothing of the answer that we have a field for is lost.
			written, err := json.Marshal(value)
			require.NoError(t, err)
			if _, isGrant := value.(op.Grant); isGrant {
				return // no wire type; recordedGrants
			}
			if _, isToken := value.(op.AccessToken); isToken {
				return
			}
			requireSubset(t, r.Body, string(written))
		})
	}
	require.Greater(t, seen, 30)
}

// sameBody compares what two bodies say. A client is named by its wallet address, or by an object that holds it: the older form and the newer
// (Open Payments, auth-server.yaml, client).
func sameBody(recorded, sent string) bool {
	if recorded == "" {
		return sent == "" || sent == "{}"
	}
	var theirs, ours map[string]any
	if json.Unmarshal([]byte(recorded), &theirs) != nil || json.Unmarshal([]byte(sent), &ours) != nil {
		return false
	}
	if client, ok := ours["client"].(map[string]any); ok {
		ours["client"] = client["walletAddress"]
	}
	for _, body := range []map[string]any{theirs, ours} {
		if at, ok := body["expiresAt"]; ok {
			body["expiresAt"] = asTime(at)
		}
	}
	return reflect.DeepEqual(theirs, ours)
}

// requireSubset checks that every field of ours stands in the answer with that value.
func requireSubset(t *testing.T, answer, ours string) {
	t.Helper()
	var theirs, mine any
	require.NoError(t, json.Unmarshal([]byte(answer), &theirs))
	require.NoError(t, json.Unmarshal([]byte(ours), &mine))
	subset(t, "$", theirs, mine)
}

func subset(t *testing.T, path string, theirs, ours any) {
	t.Helper()
	switch ours := ours.(type) {
	case map[string]any:
		object, ok := theirs.(map[string]any)
		require.True(t, ok, path)
		for key, value := range ours {
			subset(t, path+"."+key, object[key], value)
		}
	case []any:
		list, ok := theirs.([]any)
		require.True(t, ok, path)
		require.Len(t, list, len(ours), path)
		for i, value := range ours {
			subset(t, path, list[i], value)
		}
	default:
		require.Equal(t, asTime(theirs), asTime(ours), path)
	}
}

// asTime: JavaScript writes .690Z where Go writes .69Z.
func asTime(value any) any {
	if text, ok := value.(string); ok {
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			return at
		}
	}
	return value
}

func recordedGrants(t *testing.T, makeWallets New) {
	get := func(name string) op.Grant {
		r := recording(t, name)
		value, err := r.repeat(t.Context(), makeWallets.client(t, wallet(t, r.answer), 0))
		require.NoError(t, err)
		grant, ok := value.(op.Grant)
		require.True(t, ok)
		return grant
	}

	granted := get("03 incoming-payment grant (non-interactive)")
	require.Nil(t, granted.Interaction)
	require.Equal(t, "4AD697A1ADE5D35FAAAA", granted.AccessToken.Value)
	require.Equal(t, 10*time.Minute, granted.AccessToken.ExpiresIn)
	require.Equal(t, "https://happy-life-bank-test-auth:4106/token/85481672-f4bb-4525-adf1-be91a5780426", granted.AccessToken.ManageURI)
	require.Equal(t, op.AccessIncomingPayment, granted.AccessToken.Access[0].Type)
	require.Equal(t, "71A6538483B797CC8C1D", granted.Continue.AccessToken)

	asked := get("07 outgoing-payment grant (interactive)")
	require.Nil(t, asked.AccessToken)
	require.Equal(t, "4146B7A363275673", asked.Interaction.Finish)
	require.Equal(t, "https://cloud-nine-wallet-test-auth:3106/interact/4e0185b8-c578-4d9c-929b-aa09f73209d1/4146B7A363275673"+
		"?clientName=rafiki-run+test+client&clientUri=https%3A%2F%2Fcloud-nine-wallet-test-backend%3A3100%2Faccounts%2Ftestclient",
		asked.Interaction.Redirect)
	require.Equal(t, 5*time.Second, asked.Continue.Wait)
	require.Equal(t, "https://cloud-nine-wallet-test-auth:3106/continue/9cfa3c60-73c9-49be-9fc1-64c091b90cdd", asked.Continue.URI)

	continued := get("11 continue grant")
	require.Equal(t, "9FFD6C7A30FD87883C5D", continued.AccessToken.Value)
	limit := continued.AccessToken.Access[0].Limits.DebitAmount
	require.Equal(t, "12.63 USD", limit.String())

	pending := get("d8: no-finish grant, poll after wait, before interaction")
	require.Nil(t, pending.AccessToken)
	require.Nil(t, pending.Interaction)
	require.Equal(t, 5*time.Second, pending.Continue.Wait)
}

func recordedLateFailure(t *testing.T, makeWallets New) {
	r := recording(t, "10d: GET outgoing #1")
	value, err := r.repeat(t.Context(), makeWallets.client(t, wallet(t, r.answer), 0))
	require.NoError(t, err)
	payment, ok := value.(op.OutgoingPayment)
	require.True(t, ok)
	require.True(t, payment.Failed)
	require.Equal(t, "Account does not have enough balance.", payment.Metadata["cancellationReason"])
}

// What each refusal of a real wallet means.
func recordedRefusals(t *testing.T, makeWallets New) {
	want := map[string]error{
		"a: continue after rejection, no body":                        op.ErrRequestDenied,
		"a: continue after rejection, unknown interact_ref":           op.ErrInvalidContinuation,
		"a2 (no finish): poll after rejection":                        op.ErrRequestDenied,
		"b: continue with wrong continue token":                       op.ErrInvalidContinuation,
		"b: continue without Authorization":                           op.ErrInvalidClient,
		"c: continue 2nd, same interact_ref":                          op.ErrRequestDenied,
		"c: DELETE continue again":                                    op.ErrInvalidContinuation,
		"d1: finish grant, no body, at once":                          op.ErrTooFast,
		"d5: approved, correct interact_ref, but sooner than wait=5s": op.ErrTooFast,
		"e: POST outgoing-payments 2nd, same quoteId, at once":        op.ErrInvalidQuote,
		"e: GET outgoing-payments/{unknown uuid}":                     op.ErrUnknownPayment,
		"e: POST with unknown quoteId":                                op.ErrInvalidQuote,
		"e: POST with non-uuid quoteId":                               op.ErrServer,
		"g AS: wrong private key, registered keyid":                   op.ErrInvalidClient,
		"g AS: keyid not in client jwks.json":                         op.ErrInvalidClient,
		"g AS: no signature headers at all":                           op.ErrInvalidClient,
		"g RS: wrong private key":                                     op.ErrInvalidClient,
		"g RS: keyid not in client jwks.json":                         op.ErrInvalidClient,
		"g RS: no signature headers":                                  op.ErrInvalidClient,
		"g RS: no Authorization header":                               op.ErrInvalidClient,
		"g RS: unknown token":                                         op.ErrInactiveToken,
		"g RS: Authorization: Bearer instead of GNAP":                 op.ErrInvalidClient,
		"h: GET unknown wallet address (c9)":                          op.ErrNotFound,
		"h: GET unknown wallet address (hlb)":                         op.ErrNotFound,
		"h: GET unknown wallet address jwks.json":                     op.ErrNotFound,
		"h: GET known wallet address, Accept: text/html":              op.ErrRefused,
		"h: create incoming payment for unknown walletAddress":        op.ErrNotFound,
		"h: quote for unknown walletAddress":                          op.ErrNotFound,
		"h: quote with unknown receiver (incoming payment 404)":       op.ErrInvalidReceiver,
		"h: quote with receiver that is a wallet address":             op.ErrInvalidRequest,
		"h: grant request to an unknown tenant":                       op.ErrNotFound,
		"h: grant request to AS root without tenant":                  op.ErrNotFound,
		"h: GET unknown incoming payment, public":                     op.ErrUnknownPayment,
		"h: GET incoming payment with non-uuid id, public":            op.ErrServer,
		"i: wrong assetCode EUR":                                      op.ErrInvalidAmount,
		"i: expiresAt in the past":                                    op.ErrInvalidRequest,
		"i: malformed JSON text":                                      op.ErrInvalidRequest,
		"i: POST complete again":                                      op.ErrWrongState,
		"i: quote, open incoming payment, no amount":                  op.ErrInvalidAmount,
		"i: GET expired incoming payment (token)":                     op.ErrUnknownPayment,
		"j: rotate with old manage url and old token":                 op.ErrInactiveToken,
		"j: revoke again":                                             op.ErrInactiveToken,
		"k: quote over the grant debitAmount limit":                   op.ErrUnauthorized,
		"k: grant without the create action":                          op.ErrInsufficientGrant,
		"k: from incomingPayment + debitAmount over the limit":        op.ErrInvalidAmount,
		"5: pay with the expired token":                               op.ErrInactiveToken,
		"11f: GET outgoing with the revoked token":                    op.ErrInactiveToken,
	}
	seen := 0
	for _, r := range recordings(t) {
		if r.Status < 400 {
			continue
		}
		seen++
		t.Run(r.Trace+" "+r.Name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, want, r.Name)
			_, err := r.repeat(t.Context(), makeWallets.client(t, wallet(t, r.answer), 1795406051))
			if errors.Is(err, errBeyond) {
				t.Skip(err)
			}
			require.ErrorIs(t, err, want[r.Name])
			for _, other := range want {
				if !errors.Is(other, want[r.Name]) {
					require.NotErrorIs(t, err, other)
				}
			}
			var e *op.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, r.Status, e.Status)
			require.NotEmpty(t, e.Op)
			require.NotContains(t, err.Error(), "https://")
			require.Equal(t, r.Status >= 500, op.OutcomeUnknown(err))
		})
	}
	require.Equal(t, len(want), seen)
}
