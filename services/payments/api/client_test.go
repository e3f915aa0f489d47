package api_test

import (
	"context"
	"encoding/json"
	"errors"
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

	"tianguis.example/payments/api"
)

// serve is a payments service that answers as the test says, and counts.
func serve(t *testing.T, answer http.HandlerFunc) (*api.Client, *atomic.Int32) {
	t.Helper()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return api.NewClient(server.URL+"/", "the-api-key", nil), &asked
}

func failWith(status int, header map[string]string, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func cut(w http.ResponseWriter, _ *http.Request) {
	if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = connection.Close()
	}
}

const secretHash, secretRef = "planted-hash", "planted-ref"

// calls are all of the client's, the safe ones and those that are not.
var calls = map[string]struct {
	safe bool
	call func(ctx context.Context, c *api.Client) error
}{
	"sellers": {true, func(ctx context.Context, c *api.Client) error { _, err := c.Sellers(ctx); return err }},
	"register": {true, func(ctx context.Context, c *api.Client) error {
		_, err := c.RegisterSeller(ctx, api.RegisterSeller{ID: "alice"})
		return err
	}},
	"start": {false, func(ctx context.Context, c *api.Client) error {
		_, err := c.Start(ctx, "7", api.Start{Amount: "1.00"})
		return err
	}},
	"finish": {true, func(ctx context.Context, c *api.Client) error {
		_, err := c.Finish(ctx, api.Finish{PendingID: "01", Hash: secretHash, InteractRef: secretRef})
		return err
	}},
	"payment": {true, func(ctx context.Context, c *api.Client) error { _, err := c.Payment(ctx, "01"); return err }},
	"events":  {true, func(ctx context.Context, c *api.Client) error { _, err := c.Events(ctx, "01"); return err }},
	"pending": {true, func(ctx context.Context, c *api.Client) error { _, err := c.Pending(ctx); return err }},
	"offer":   {true, func(ctx context.Context, c *api.Client) error { _, err := c.OfferPayments(ctx, "7"); return err }},
	"incoming": {false, func(ctx context.Context, c *api.Client) error {
		_, err := c.RequestIncoming(ctx, api.RequestIncoming{Amount: "1.00"})
		return err
	}},
	"incoming once": {true, func(ctx context.Context, c *api.Client) error {
		_, err := c.RequestIncoming(ctx, api.RequestIncoming{Amount: "1.00", IdempotencyKey: "once"})
		return err
	}},
	"start once": {true, func(ctx context.Context, c *api.Client) error {
		_, err := c.Start(ctx, "7", api.Start{Amount: "1.00", IdempotencyKey: "once"})
		return err
	}},
	"profile": {true, func(ctx context.Context, c *api.Client) error {
		_, err := c.Profile(ctx, "https://wallet.example/alice")
		return err
	}},
	"endpoints": {true, func(ctx context.Context, c *api.Client) error { _, err := c.WebhookEndpoints(ctx); return err }},
	"endpoint":  {true, func(ctx context.Context, c *api.Client) error { _, err := c.WebhookEndpoint(ctx, "01"); return err }},
	"add endpoint": {false, func(ctx context.Context, c *api.Client) error {
		_, err := c.AddWebhookEndpoint(ctx, api.AddWebhookEndpoint{URL: "https://shop.example/"})
		return err
	}},
	"add endpoint once": {true, func(ctx context.Context, c *api.Client) error {
		_, err := c.AddWebhookEndpoint(ctx, api.AddWebhookEndpoint{URL: "https://shop.example/", IdempotencyKey: "once"})
		return err
	}},
	"change endpoint": {true, func(ctx context.Context, c *api.Client) error {
		_, err := c.ChangeWebhookEndpoint(ctx, "01", api.ChangeWebhookEndpoint{Enabled: new(false)})
		return err
	}},
	"remove endpoint": {false, func(ctx context.Context, c *api.Client) error { return c.RemoveWebhookEndpoint(ctx, "01") }},
	"secrets":         {true, func(ctx context.Context, c *api.Client) error { _, err := c.WebhookSecrets(ctx, "01"); return err }},
	"rotate": {false, func(ctx context.Context, c *api.Client) error {
		_, err := c.RotateWebhookSecret(ctx, "01", api.RotateWebhookSecret{})
		return err
	}},
	"ping": {false, func(ctx context.Context, c *api.Client) error { _, err := c.PingWebhookEndpoint(ctx, "01"); return err }},
	"deliveries": {true, func(ctx context.Context, c *api.Client) error {
		_, err := c.WebhookDeliveries(ctx, api.FindWebhookDeliveries{State: "dead"})
		return err
	}},
	"delivery": {true, func(ctx context.Context, c *api.Client) error { _, err := c.WebhookDelivery(ctx, "01"); return err }},
	"replay":   {false, func(ctx context.Context, c *api.Client) error { _, err := c.ReplayWebhook(ctx, "01"); return err }},
	"replay many": {false, func(ctx context.Context, c *api.Client) error {
		_, err := c.ReplayWebhooks(ctx, api.FindWebhookDeliveries{Since: "2h"})
		return err
	}},
	"ready": {true, func(ctx context.Context, c *api.Client) error { return c.Ready(ctx) }},
}

func TestClient_RepeatsOnlyWhatIsSafe(t *testing.T) {
	t.Parallel()
	for name, c := range calls {
		for fault, answer := range map[string]http.HandlerFunc{
			"cut": cut, "502": failWith(http.StatusBadGateway, nil, ""), "503": failWith(http.StatusServiceUnavailable, nil, ""),
		} {
			t.Run(name+" "+fault, func(t *testing.T) {
				t.Parallel()
				client, asked := serve(t, answer)
				err := c.call(t.Context(), client)
				require.Error(t, err)
				if c.safe {
					require.EqualValues(t, 3, asked.Load())
				} else {
					require.EqualValues(t, 1, asked.Load())
				}
				require.NotContains(t, err.Error(), secretHash)
				require.NotContains(t, err.Error(), secretRef)
			})
		}
	}
}

func TestClient_ABlipIsNotNoticed(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			cut(w, r)
			return
		}
		_, _ = io.WriteString(w, `{"ok":true,"status":"paid","outgoingPayment":{"id":"u"}}`)
	})
	finished, err := client.Finish(t.Context(), api.Finish{PendingID: "01", Hash: "h", InteractRef: "r"})
	require.NoError(t, err)
	require.Equal(t, "u", finished.OutgoingPayment.ID)
}

func TestClient_TellsWhatTheServiceSaid(t *testing.T) {
	t.Parallel()
	long := `{"error":"` + strings.Repeat("x", 5<<20) + `","code":"x"}`
	for name, c := range map[string]struct {
		status int
		header map[string]string
		body   string
		want   api.Error
	}{
		"a documented error": {
			409, map[string]string{"Retry-After": "5"}, `{"error":"under way","code":"payment_in_progress","requestId":"01"}`,
			api.Error{Status: 409, Code: api.CodeInProgress, Message: "under way", RetryAfter: 5 * time.Second},
		},
		"a code that is new": {418, nil, `{"error":"tea","code":"teapot","more":1}`, api.Error{Status: 418, Code: "teapot", Message: "tea"}},
		"Retry-After by date": {
			429, map[string]string{"Retry-After": "Mon, 23 Nov 2026 12:00:00 GMT"}, `{"error":"slow","code":"slow_down"}`,
			api.Error{Status: 429, Code: "slow_down", Message: "slow"},
		},
		"a negative Retry-After": {
			429, map[string]string{"Retry-After": "-5"}, `{"error":"slow","code":"slow_down"}`,
			api.Error{Status: 429, Code: "slow_down", Message: "slow"},
		},
		"a page of a proxy":     {502, nil, `<html>Bad Gateway</html>`, api.Error{Status: 502, Code: api.CodeUnintelligible}},
		"an error without code": {400, nil, `{"error":"hm"}`, api.Error{Status: 400, Code: api.CodeUnintelligible}},
		"nothing":               {500, nil, ``, api.Error{Status: 500, Code: api.CodeUnintelligible}},
		"a redirect":            {303, map[string]string{"Location": "http://127.0.0.1:1/"}, ``, api.Error{Status: 303, Code: api.CodeUnintelligible}},
		"2xx that is not JSON":  {200, nil, `<html>`, api.Error{Status: 200, Code: api.CodeUnintelligible}},
		"2xx of another shape":  {200, nil, `{"pendingId":7}`, api.Error{Status: 200, Code: api.CodeUnintelligible}},
		"2xx cut in its JSON":   {200, nil, `{"pendingId":"01"`, api.Error{Status: 200, Code: api.CodeUnintelligible}},
		"a long answer":         {200, nil, `{"pendingId":"` + strings.Repeat("x", 5<<20) + `"}`, api.Error{Status: 200, Code: api.CodeUnintelligible}},
		"a long error":          {400, nil, long, api.Error{Status: 400, Code: api.CodeUnintelligible}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := serve(t, failWith(c.status, c.header, c.body))
			_, err := client.Payment(t.Context(), "01")
			var said *api.Error
			require.ErrorAs(t, err, &said)
			require.Equal(t, c.want.Status, said.Status)
			require.Equal(t, c.want.Code, said.Code)
			require.Equal(t, c.want.RetryAfter, said.RetryAfter)
			require.NotEmpty(t, said.Message)
			if c.want.Message != "" {
				require.Equal(t, c.want.Message, said.Message)
			}
			require.Less(t, len(err.Error()), 500)
		})
	}
}

func TestClient_AnAnswerThatBreaksOff(t *testing.T) {
	t.Parallel()
	client, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"pendingId":`)
	})
	_, err := client.Start(t.Context(), "7", api.Start{})
	var said *api.Error
	require.ErrorAs(t, err, &said)
	require.Equal(t, api.CodeUnreachable, said.Code)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestClient_NobodyListens(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	client := api.NewClient("http://"+listener.Addr().String(), "", nil)
	for name, c := range calls {
		err := c.call(t.Context(), client)
		var said *api.Error
		require.ErrorAs(t, err, &said, name)
		require.Equal(t, api.CodeUnreachable, said.Code, name)
		require.Zero(t, said.Status, name)
		require.NotContains(t, err.Error(), secretHash, name)
		require.NotContains(t, err.Error(), secretRef, name)
	}
}

func TestClient_ABaseThatIsNoAddressShowsNoQuery(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"http://[::1", "http://a b", "://", "http://x\x7f"} {
		_, err := api.NewClient(base, "", nil).Finish(t.Context(), api.Finish{PendingID: "01", Hash: secretHash, InteractRef: secretRef})
		require.Error(t, err, base)
		require.NotContains(t, err.Error(), secretHash)
		require.NotContains(t, err.Error(), secretRef)
	}
}

func TestClient_StopsWhenItsCallerDoes(t *testing.T) {
	t.Parallel()
	for name, c := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hold := make(chan struct{})
			client, asked := serve(t, func(http.ResponseWriter, *http.Request) { <-hold })
			t.Cleanup(func() { close(hold) })
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			err := c.call(ctx, client)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.EqualValues(t, 1, asked.Load())
			require.NotContains(t, err.Error(), secretHash)
		})
	}
}

// deadline is a transport that only looks how long it may take.
type deadline struct{ seen chan time.Duration }

func (d deadline) RoundTrip(r *http.Request) (*http.Response, error) {
	at, ok := r.Context().Deadline()
	if !ok {
		at = time.Time{}
	}
	d.seen <- time.Until(at)
	return nil, fmt.Errorf("cut")
}

// A call is bounded as a whole, its repeats included.
func TestClient_IsBounded(t *testing.T) {
	t.Parallel()
	for name, c := range calls {
		d := deadline{make(chan time.Duration, 3)}
		require.Error(t, c.call(context.WithoutCancel(t.Context()), api.NewClient("http://payments.example", "", &http.Client{Transport: d})))
		least := api.Longest
		for range len(d.seen) {
			left := <-d.seen
			require.Less(t, left, least, name)
			require.Greater(t, left, api.Longest-10*time.Second, name)
			least = left
		}
	}
}

func TestClient_WhatItSends(t *testing.T) {
	t.Parallel()
	type sent struct{ method, path, query, key, session, kind, body, once string }
	var last sent
	client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		last = sent{
			r.Method, r.URL.EscapedPath(), r.URL.Query().Encode(), r.Header.Get("Authorization"), r.Header.Get(api.PayersSessionHeader),
			r.Header.Get("Content-Type"), strings.TrimSpace(string(body)), r.Header.Get("Idempotency-Key"),
		}
		_, _ = io.WriteString(w, "{}")
	})
	ctx, key := t.Context(), "Bearer the-api-key"

	_, err := client.Start(ctx, "a/b c?", api.Start{SellerID: "alice", BuyerWalletAddressURL: "https://wallet.example/bob", Amount: "100.00"})
	require.NoError(t, err)
	require.Equal(t, sent{
		"POST", "/offers/a%2Fb%20c%3F/quotes/start", "", key, "", "application/json",
		`{"sellerId":"alice","buyerWalletAddressUrl":"https://wallet.example/bob","amount":"100.00"}`, "",
	}, last)
	_, err = client.Finish(ctx, api.Finish{PendingID: "01", InteractRef: "r&f=", Hash: "h+/="})
	require.NoError(t, err)
	require.Equal(t, sent{"GET", "/payments/finish", "hash=h%2B%2F%3D&interact_ref=r%26f%3D&pendingId=01", key, "", "", "", ""}, last)
	_, err = client.Finish(ctx, api.Finish{PendingID: "01", Result: "grant_rejected", PayersSession: true})
	require.NoError(t, err)
	require.Equal(t, sent{"GET", "/payments/finish", "pendingId=01&result=grant_rejected", key, "true", "", "", ""}, last)
	_, err = client.RegisterSeller(ctx, api.RegisterSeller{ID: "alice", WalletAddressURL: "https://wallet.example/alice"})
	require.NoError(t, err)
	require.Equal(t, sent{"POST", "/sellers", "", key, "", "application/json", `{"id":"alice","walletAddressUrl":"https://wallet.example/alice"}`, ""}, last)
	_, err = client.RequestIncoming(ctx, api.RequestIncoming{Amount: "1.00", SellerID: "alice", IdempotencyKey: "once"})
	require.NoError(t, err)
	require.Equal(t, sent{"POST", "/api/payments/incoming", "", key, "", "application/json", `{"amount":"1.00","description":"","sellerId":"alice"}`, "once"}, last)
	_, err = client.WebhookDeliveries(ctx, api.FindWebhookDeliveries{State: "dead", OfferID: "a&b", Since: "2h", Limit: 10, Cursor: "01"})
	require.NoError(t, err)
	require.Equal(t, sent{"GET", "/webhooks/deliveries", "cursor=01&limit=10&offerId=a%26b&since=2h&state=dead", key, "", "", "", ""}, last)
	_, err = client.ChangeWebhookEndpoint(ctx, "../x", api.ChangeWebhookEndpoint{EventTypes: &[]string{}})
	require.NoError(t, err)
	require.Equal(t, sent{"PATCH", "/webhooks/endpoints/..%2Fx", "", key, "", "application/json", `{"eventTypes":[]}`, ""}, last)
	_, err = client.OfferPayments(ctx, "../x")
	require.NoError(t, err)
	require.Equal(t, "/offers/..%2Fx/payments", last.path)
	_, err = client.Events(ctx, "../x")
	require.NoError(t, err)
	require.Equal(t, sent{"GET", "/payments/..%2Fx/events", "", key, "", "", "", ""}, last)
}

func TestClient_WithoutAKeySendsNone(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header.Values("Authorization")) > 0 {
			w.WriteHeader(http.StatusTeapot)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{})
	}))
	defer server.Close()
	require.NoError(t, api.NewClient(server.URL, "", nil).Ready(t.Context()))
}

// TestClient_WaitsWhenItIsToldToSendFewer: whatever was refused so was not done, and may be sent again; a long wait is the caller's.
func TestClient_WaitsWhenItIsToldToSendFewer(t *testing.T) {
	t.Parallel()
	for name, c := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tries atomic.Int32
			client, asked := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if tries.Add(1) == 1 {
					failWith(http.StatusTooManyRequests, map[string]string{"Retry-After": "1"}, `{"error":"too many","code":"too_many_requests"}`)(w, r)
					return
				}
				_, _ = io.WriteString(w, "{}")
			})
			began := time.Now()
			require.NoError(t, c.call(t.Context(), client))
			require.EqualValues(t, 2, asked.Load())
			require.GreaterOrEqual(t, time.Since(began), time.Second)

			client, asked = serve(t, failWith(http.StatusTooManyRequests, map[string]string{"Retry-After": "60"}, `{"error":"too many","code":"too_many_requests"}`))
			failed, ok := errors.AsType[*api.Error](c.call(t.Context(), client))
			require.True(t, ok)
			require.EqualValues(t, 1, asked.Load())
			require.Equal(t, api.CodeTooMany, failed.Code)
			require.Equal(t, time.Minute, failed.RetryAfter)
		})
	}
}

// TestClient_LeavesTheBusyAlone: who has too much to do is not asked again by the client itself; its caller is told when to come back.
func TestClient_LeavesTheBusyAlone(t *testing.T) {
	t.Parallel()
	for name, c := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, asked := serve(t, failWith(http.StatusServiceUnavailable, map[string]string{"Retry-After": "3"}, `{"error":"busy","code":"busy"}`))
			failed, ok := errors.AsType[*api.Error](c.call(t.Context(), client))
			require.True(t, ok)
			require.EqualValues(t, 1, asked.Load())
			require.Equal(t, api.CodeBusy, failed.Code)
			require.Equal(t, 3*time.Second, failed.RetryAfter)
			require.False(t, failed.Unheard)
		})
	}
}

// TestClient_RemembersATryThatWasNotHeardOf: the first try's answer is lost, and the second is sent away at the door, so that its answer says
// nothing of the first.
func TestClient_RemembersATryThatWasNotHeardOf(t *testing.T) {
	t.Parallel()
	var tries atomic.Int32
	client, asked := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if tries.Add(1) == 1 {
			cut(w, r)
			return
		}
		failWith(http.StatusServiceUnavailable, map[string]string{"Retry-After": "3"}, `{"error":"busy","code":"busy"}`)(w, r)
	})
	_, err := client.Start(t.Context(), "7", api.Start{IdempotencyKey: "k"})
	failed, ok := errors.AsType[*api.Error](err)
	require.True(t, ok)
	require.EqualValues(t, 2, asked.Load())
	require.Equal(t, api.CodeBusy, failed.Code)
	require.True(t, failed.Unheard)
}
