package rest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments"
	"tianguis.example/payments/api"
)

const finishQuery = "?pendingId=" + string(pendingID) + "&interact_ref=r%26f&hash=h%2B%2F%3D"

// finishing is a house whose finish keeps what it was asked, and answers paid.
func finishing(t *testing.T, key string) (*house, *[]payments.FinishRequest) {
	t.Helper()
	h := newHouse(t, key)
	var asked []payments.FinishRequest
	h.rules.finish = func(_ context.Context, _ payments.PaymentID, r payments.FinishRequest) (payments.Payment, error) {
		asked = append(asked, r)
		p := aPayment(t)
		p.State, p.OutgoingPaymentID, p.ReceivedAmount, p.PaidAt = payments.Paid, "https://wallet.example/outgoing-payments/1", p.Amount, at
		return p, nil
	}
	return h, &asked
}

func TestFinish_WithTheKey(t *testing.T) {
	t.Parallel()
	h, asked := finishing(t, theKey)
	got := h.ask(t, http.MethodGet, "/payments/finish"+finishQuery, "", withKey)
	require.Equal(t, http.StatusOK, got.status)
	require.JSONEq(t, `{"ok":true,"status":"paid","state":"paid","paidAt":"2026-11-23T12:00:00Z","pendingId":"`+string(pendingID)+`","offerId":"7",
		"outgoingPayment":{"id":"https://wallet.example/outgoing-payments/1","receiveAmount":{"value":"10000","assetCode":"MXN","assetScale":2},
		"receivedAmount":{"value":"10000","assetCode":"MXN","assetScale":2}}}`, got.body)
	require.Equal(t, []payments.FinishRequest{{InteractRef: "r&f", Hash: "h+/="}}, *asked)
	require.NotContains(t, h.lines.String(), "interact_ref")
	require.NotContains(t, h.lines.String(), "h%2B")
}

func TestFinish_OnlyTheCallerVouchesForTheSession(t *testing.T) {
	t.Parallel()
	h, asked := finishing(t, theKey)
	for value, want := range map[string]bool{"true": true, "TRUE": false, "1": false, "": false, "false": false} {
		*asked = nil
		h.ask(t, http.MethodGet, "/payments/finish?pendingId="+string(pendingID)+"&result=grant_rejected&payersSession=true", "", withKey, header(api.PayersSessionHeader, value))
		require.Equal(t, []payments.FinishRequest{{Result: "grant_rejected", PayersSession: want}}, *asked)
	}
}

// A failed payment is an answer, not an error: the page says why.
func TestFinish_Failed(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	h.rules.finish = func(context.Context, payments.PaymentID, payments.FinishRequest) (payments.Payment, error) {
		p := aPayment(t)
		p.State, p.Reason, p.Message = payments.Failed, payments.Rejected, "Declined."
		return p, nil
	}
	got := h.ask(t, http.MethodGet, "/payments/finish"+finishQuery, "", withKey)
	require.Equal(t, http.StatusOK, got.status)
	var finished api.Finished
	require.NoError(t, json.Unmarshal([]byte(got.body), &finished))
	require.False(t, finished.OK)
	require.Equal(t, "failed", finished.Status)
	require.Equal(t, "rejected", finished.Reason)
	require.Equal(t, "Declined.", finished.Message)
}

func TestFinish_ABrowserBelongsToTheMarketplace(t *testing.T) {
	t.Parallel()
	h, asked := finishing(t, theKey)
	for _, query := range []string{finishQuery, "?", "?result=grant_rejected&x=%0d%0aSet-Cookie:a", "?pendingId=a&pendingId=b", "?hash=a;b%zz"} {
		got := h.ask(t, http.MethodGet, "/payments/finish"+query, "", header("Accept", "text/html"), withHost("payments.example"))
		require.Equal(t, http.StatusSeeOther, got.status)
		require.Equal(t, "https://market.example/payments/finish"+query, got.header.Get("Location"))
		require.Empty(t, got.header.Get("Set-Cookie"))
	}
	require.Empty(t, *asked)
}

func TestFinish_AWrongKeyIsNoBrowser(t *testing.T) {
	t.Parallel()
	h, asked := finishing(t, theKey)
	for _, o := range []option{header("Authorization", "Bearer no"), header("X-Api-Key", "no"), header("Authorization", "Basic "+theKey)} {
		got := h.ask(t, http.MethodGet, "/payments/finish"+finishQuery, "", o, header("Accept", "text/html"))
		require.Equal(t, http.StatusUnauthorized, got.status)
	}
	require.Empty(t, *asked)
}

// Where there is no key, whoever asks for a page is a browser.
func TestFinish_OpenMode(t *testing.T) {
	t.Parallel()
	h, asked := finishing(t, "")
	got := h.ask(t, http.MethodGet, "/payments/finish"+finishQuery, "", header("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"))
	require.Equal(t, http.StatusSeeOther, got.status)
	require.Equal(t, "https://market.example/payments/finish"+finishQuery, got.header.Get("Location"))
	require.Empty(t, *asked)
	require.Equal(t, http.StatusOK, h.ask(t, http.MethodGet, "/payments/finish"+finishQuery, "", header("Accept", "application/json")).status)
	require.Equal(t, http.StatusOK, h.ask(t, http.MethodGet, "/payments/finish"+finishQuery, "").status)
	require.Len(t, *asked, 2)
	require.Equal(t, http.StatusUnauthorized, h.ask(t, http.MethodGet, "/payments/finish"+finishQuery, "", withHost("evil.example")).status)
	require.Len(t, *asked, 2)
}

func TestFinish_QueriesThatMayMeanTwoThings(t *testing.T) {
	t.Parallel()
	h, asked := finishing(t, theKey)
	for _, name := range []string{"pendingId", "interact_ref", "hash", "result"} {
		for _, query := range []string{finishQuery + "&result=x&" + name + "=other", strings.Replace(finishQuery, "?", "?"+name+"=&result=x&", 1)} {
			if name == "result" {
				query += "&result=y"
			}
			got := h.ask(t, http.MethodGet, "/payments/finish"+query, "", withKey)
			require.Equal(t, http.StatusBadRequest, got.status, query)
			require.Equal(t, "invalid_request", got.failure(t).Code)
			require.Contains(t, got.failure(t).Error, name)
		}
	}
	require.Empty(t, *asked)
}

func TestFinish_BadIDs(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey) // the real rules: nobody is asked anything
	for query, want := range map[string]struct {
		status int
		code   string
	}{
		"":                        {400, "invalid_request"},
		"?hash=a":                 {400, "invalid_request"},
		"?pendingId=test-123":     {404, "not_found"},
		"?pendingId=":             {400, "invalid_request"},
		"?pendingId=%27%20OR%201": {404, "not_found"},
		"?pendingId=" + strings.ToLower(string(pendingID)): {404, "not_found"},
		"?pendingId=" + string(pendingID):                  {404, "not_found"}, // well formed, unknown
	} {
		got := h.ask(t, http.MethodGet, "/payments/finish"+query, "", withKey)
		require.Equal(t, want.status, got.status, query)
		require.Equal(t, want.code, got.failure(t).Code, query)
	}
}

// The real rules on the real store: what proves nothing changes nothing.
func TestFinish_WhatProvesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	h.keep(t, aPayment(t))
	for query, want := range map[string]struct {
		status int
		code   string
	}{
		"&interact_ref=r&hash=wrong": {403, "hash_invalid"},
		"&interact_ref=r":            {409, "not_approved"},
		"&hash=h":                    {409, "not_approved"},
		"":                           {409, "not_approved"},
		"&result=grant_rejected":     {409, "not_approved"},
		"&result=grant_invalid":      {409, "not_approved"},
	} {
		got := h.ask(t, http.MethodGet, "/payments/finish?pendingId="+string(pendingID)+query, "", withKey)
		require.Equal(t, want.status, got.status, query)
		require.Equal(t, want.code, got.failure(t).Code, query)
	}
	p, err := h.store.Payment(t.Context(), pendingID)
	require.NoError(t, err)
	require.Equal(t, aPayment(t), p)
}

// TestFinish_GuessesAreLimited, and those of others use up nothing of the payer's.
func TestFinish_GuessesAreLimited(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	h.keep(t, aPayment(t))
	guess := func(options ...option) answer {
		return h.ask(t, http.MethodGet, "/payments/finish?pendingId="+string(pendingID)+"&interact_ref=r&hash=wrong", "", append(options, withKey)...)
	}
	payers := header(api.PayersSessionHeader, "true")
	for range guesses {
		require.Equal(t, http.StatusForbidden, guess().status)
	}
	for range 5 {
		got := guess()
		require.Equal(t, http.StatusTooManyRequests, got.status)
		require.Equal(t, "too_many_requests", got.failure(t).Code)
		require.Equal(t, "6", got.header.Get("Retry-After"))
	}
	require.Contains(t, h.lines.String(), `"security":"too_many_requests"`)
	require.Equal(t, http.StatusForbidden, guess(payers).status)
	h.clock.Advance(6 * time.Second)
	require.Equal(t, http.StatusForbidden, guess().status)
	require.Equal(t, http.StatusTooManyRequests, guess().status)
}
