package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments"
	"tianguis.example/payments/api"
	"tianguis.example/payments/apikey"
	"tianguis.example/payments/outbox"
)

var fuzzNow = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// stable is an error that becomes an answer with a code: never "something went wrong on our side".
func stable(t *testing.T, err error) {
	t.Helper()
	status, body := describe(echo.New().NewContext(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody), httptest.NewRecorder()), err)
	require.True(t, status >= 400 && status < 500, "%d: %v", status, err)
	require.NotEmpty(t, body.Code)
	require.True(t, utf8.ValidString(body.Error), "%q", body.Error)
	require.NotContains(t, body.Error, "api.", "no name of a type of ours")
}

// FuzzReadBody: a body that is read is one JSON object of the right type and nothing behind it; every other gets a code.
func FuzzReadBody(f *testing.F) {
	for _, seed := range []string{
		`{"sellerId":"alice","buyerWalletAddressUrl":"https://wallet.example/bob","amount":"100.00"}`, `{"amount":100}`, `{"amount":"1"} {}`, `[]`, `null`, `"a"`, ``, `{`, `{"amount":"1","amount":2}`,
		`{"id":"a","walletAddressUrl":"https://a/","keyId":"k","privateKeyPath":"../x"}`, `{"url":"https://a/","eventTypes":["ping"],"description":"x"}`, `{"eventTypes":{"a":1}}`, "{\"id\":\"\xff\"}", strings.Repeat("[", 12_000), `{"amount":"1"}x`, `{"AMOUNT":"1"}`,
	} {
		f.Add("application/json", []byte(seed), false)
		f.Add("application/json; charset=utf-8", []byte(seed), true)
	}
	f.Add("text/plain", []byte("{}"), false)
	f.Fuzz(func(t *testing.T, kind string, body []byte, strict bool) {
		for _, into := range []any{new(api.Start), new(api.RegisterSeller), new(api.RequestIncoming), new(api.RequestProfile), new(api.AddWebhookEndpoint), new(api.ChangeWebhookEndpoint), new(api.FindWebhookDeliveries)} {
			request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(body))
			request.Header["Content-Type"] = []string{kind}
			if err := readBody(echo.New().NewContext(request, httptest.NewRecorder()), into, strict); err != nil {
				stable(t, err)
				continue
			}
			require.True(t, json.Valid(body))
			trimmed := bytes.TrimSpace(body)
			require.True(t, trimmed[0] == '{' || string(trimmed) == "null", "%q", trimmed)
		}
	})
}

// finishing are rules that know a finish only, and keep what they were asked.
type finishing struct {
	rules
	id    payments.PaymentID
	asked payments.FinishRequest
}

func (r *finishing) Finish(_ context.Context, id payments.PaymentID, asked payments.FinishRequest) (payments.Payment, error) {
	r.id, r.asked = id, asked
	return payments.Payment{}, payments.Errorf(payments.CodeHashInvalid, "not verified")
}

// FuzzFinish: whatever the query of a return holds, a browser is sent to the marketplace's own page and nowhere else; and the rules hear, with the key only, of
// a well-formed pendingId and of values that stood there once.
func FuzzFinish(f *testing.F) {
	for _, seed := range []string{
		"pendingId=01KAR0000000000000000000AA&interact_ref=7cb71e38&hash=FMfDvM76vNA6dTT%2FeYAdgWM%2BBWJwHdz2M9xn75Bf2ws%3D", "pendingId=01KAR0000000000000000000AA&result=grant_rejected", "pendingId=../sellers", "",
		"pendingId=01KAR0000000000000000000AA&hash=a&hash=b", "pendingId=a&pendingId=01KAR0000000000000000000AA", "hash=%00&interact_ref=%ff", "pendingId=01KAR0000000000000000000AA;hash=x", "%0d%0aSet-Cookie:a=b", "//evil.example",
	} {
		f.Add(seed, true, "")
		f.Add(seed, false, "text/html")
	}
	gate := apikey.NewGate([]apikey.Key{{Scope: apikey.Pay, Hash: apikey.HashOf("the-key")}}, apikey.Limits{}, clock.System())
	f.Fuzz(func(t *testing.T, query string, keyed bool, accept string) {
		target, err := url.ParseRequestURI("/payments/finish?" + query)
		if err != nil || strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return // net/http takes no such request line
		}
		heard := &finishing{}
		s := &Server{rules: heard, access: newAccess(gate), marketplace: "https://market.example/"}
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/payments/finish", http.NoBody)
		request.URL, request.RequestURI = target, target.RequestURI()
		request.Header["Accept"] = []string{accept}
		if keyed {
			request.Header.Set("Authorization", "Bearer the-key")
		}
		recorder := httptest.NewRecorder()
		err = s.finish(echo.New().NewContext(request, recorder))
		if !keyed {
			require.NoError(t, err)
			require.Equal(t, http.StatusSeeOther, recorder.Code)
			require.Equal(t, "https://market.example/payments/finish?"+target.RawQuery, recorder.Header().Get("Location"))
			require.Empty(t, heard.id)
			return
		}
		stable(t, err) // these rules believe nobody
		if heard.id == "" {
			return
		}
		values := target.Query()
		for name, got := range map[string]string{"pendingId": string(heard.id), "interact_ref": heard.asked.InteractRef, "hash": heard.asked.Hash, "result": heard.asked.Result} {
			require.LessOrEqual(t, len(values[name]), 1)
			require.Equal(t, values.Get(name), got)
		}
		require.Regexp(t, `^[0-7][0-9A-HJKMNP-TV-Z]{25}$`, string(heard.id))
		require.False(t, heard.asked.PayersSession, "a query cannot vouch for a session")
	})
}

// FuzzParam: whatever stands in a path, a parameter is text that a database can be asked for, unescaped once; or it is refused.
func FuzzParam(f *testing.F) {
	for _, seed := range []string{"7", "a%2Fb", "%00", "%ff", "..%2f..%2fsellers", "%252F", "%", "%zz", "ñ", "a;b", "%E2%80%AE"} {
		f.Add(seed)
	}
	e := echo.New()
	var got string
	var failed error
	e.GET("/offers/:offerId/payments", func(c echo.Context) error { got, failed = param(c, "offerId"); return nil })
	f.Fuzz(func(t *testing.T, segment string) {
		target, err := url.ParseRequestURI("/offers/" + segment + "/payments")
		if err != nil {
			return // net/http takes no such request line
		}
		got, failed = "", nil
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		request.URL, request.RequestURI = target, target.RequestURI()
		e.ServeHTTP(httptest.NewRecorder(), request)
		if failed != nil {
			stable(t, failed)
			return
		}
		require.True(t, isText(got), "%q", got)
		if got != "" && !strings.ContainsAny(segment, "/?#") {
			want, err := url.PathUnescape(segment)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	})
}

// keeping is a store of answers that keeps the last key that it was asked for.
type keeping struct{ last payments.Idempotent }

func (k *keeping) BeginIdempotent(_ context.Context, r payments.Idempotent) (payments.Idempotent, bool, error) {
	k.last = r
	return payments.Idempotent{}, true, nil
}
func (k *keeping) EndIdempotent(context.Context, payments.Idempotent) error     { return nil }
func (k *keeping) ReleaseIdempotent(context.Context, payments.Idempotent) error { return nil }

// FuzzIdempotencyKey: a key that is taken is 1 to 255 visible characters, and another body under it is another request.
func FuzzIdempotencyKey(f *testing.F) {
	for _, seed := range []string{"01KAR", "", " ", "a\x00", "ñ", strings.Repeat("k", 256), "a\r\nX: y", "\u202e"} {
		f.Add(seed, []byte(`{"amount":"1"}`))
	}
	f.Fuzz(func(t *testing.T, key string, body []byte) {
		ask := func(body []byte) (string, bool) {
			kept := &keeping{}
			s := &Server{keys: kept, clock: clock.NewHeld(fuzzNow)}
			request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/sellers", bytes.NewReader(body))
			request.Header[IdempotencyKeyHeader] = []string{key}
			ran := false
			err := s.idempotent(func(c echo.Context) error { ran = true; return c.NoContent(http.StatusCreated) })(echo.New().NewContext(request, httptest.NewRecorder()))
			if err != nil {
				stable(t, err)
				require.False(t, ran)
				return "", false
			}
			require.True(t, ran)
			require.Equal(t, key, kept.last.Key)
			return kept.last.Request, true
		}
		first, ok := ask(body)
		if !ok {
			require.NotRegexp(t, `^[ -~]{1,255}$`, key)
			return
		}
		require.Regexp(t, `^[ -~]{0,255}$`, key)
		again, _ := ask(body)
		require.Equal(t, first, again)
		if other, _ := ask(append(bytes.Clone(body), ' ')); key != "" {
			require.NotEqual(t, first, other)
		}
	})
}

// FuzzReadFind: the delivery log's query, its cursor and its times either pick what a database can be asked for, or get a code.
func FuzzReadFind(f *testing.F) {
	for _, seed := range []string{
		"", "state=dead&limit=10", "cursor=01KAR0000000000000000000AA", "cursor=~", "limit=0", "limit=101", "limit=+5", "since=2h&until=2026-11-25", "type=ping&state=all", "offerId=%00", "endpointId=%ff", "pendingId=../x", "state=a&state=b", "stat=dead", "since=-1h",
		"since=99999999999h",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		query, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		find, err := readFind(query)
		if err != nil {
			stable(t, err)
			return
		}
		require.True(t, find.Limit >= 1 && find.Limit <= largestPage)
		filter, err := pick(find, fuzzNow)
		if err != nil {
			_, ours := errors.AsType[*payments.Error](err)
			_, webhooks := errors.AsType[*outbox.Error](err)
			require.True(t, ours || webhooks, "%v", err)
			stable(t, err)
			return
		}
		for _, text := range []string{filter.OfferID, filter.EndpointID, filter.EventType, filter.PendingID, filter.Before, string(filter.State)} {
			require.True(t, isText(text), "%q", text)
		}
		for _, at := range []time.Time{filter.Since, filter.Until} {
			require.True(t, at.IsZero() || at.Unix() >= 0)
		}
	})
}
