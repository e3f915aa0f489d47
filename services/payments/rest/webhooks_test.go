package rest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/require"

	"tianguis.example/payments"
	"tianguis.example/payments/api"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/rest"
	"tianguis.example/payments/webhook"
)

// call asks, and reads the answer's body into T.
func call[T any](t *testing.T, h *house, want int, method, path, body string, options ...option) T {
	t.Helper()
	got := h.ask(t, method, path, body, append(options, withKey)...)
	require.Equal(t, want, got.status, "%s %s: %s", method, path, got.body)
	var into T
	require.NoError(t, json.Unmarshal([]byte(got.body), &into), got.body)
	return into
}

// failedPayments keeps payments that have failed, one a second, with an event for each endpoint that wants it.
func (h *house) failedPayments(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		now := h.clock.Now()
		id, err := ulid.New(ulid.Timestamp(now), ulid.DefaultEntropy())
		require.NoError(t, err)
		p := aPayment(t)
		p.ID, p.OfferID = payments.PaymentID(id.String()), fmt.Sprint(100+i)
		h.keep(t, p)
		after := p
		after.State, after.Reason, after.Message, after.Version = payments.Failed, payments.Expired, "too late", 2
		event := &webhook.Event{Type: webhook.Failed, PendingID: id.String(), OfferID: p.OfferID, Status: "failed", Timestamp: now, Sequence: 2}
		after.UpdatedAt = now
		require.NoError(t, h.store.Record(t.Context(), payments.Change{Before: p, After: after, Event: event}))
		h.clock.Advance(time.Second)
	}
}

func TestWebhookEndpoints_FromAddedToRemoved(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	none := call[api.WebhookEndpoints](t, h, http.StatusOK, http.MethodGet, "/webhooks/endpoints", "")
	require.Len(t, none.Endpoints, 1)
	require.Equal(t, outbox.Configured, none.Endpoints[0].ID)

	const body = `{"url":"https://analytics.example/hook?tenant=7","description":"analytics","eventTypes":["payment.failed"]}`
	once := header(rest.IdempotencyKeyHeader, "add-1")
	added := call[api.AddedWebhookEndpoint](t, h, http.StatusCreated, http.MethodPost, "/webhooks/endpoints", body, once)
	again := call[api.AddedWebhookEndpoint](t, h, http.StatusCreated, http.MethodPost, "/webhooks/endpoints", body, once)
	require.Equal(t, added, again, "the answer that was lost, with its secret")
	secret, err := webhook.ParseSecret(added.Secret)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(added.Secret, "whsec_"))

	path := "/webhooks/endpoints/" + added.ID
	got := call[api.WebhookEndpoint](t, h, http.StatusOK, http.MethodGet, path, "")
	require.Equal(t, api.WebhookEndpoint{
		ID: added.ID, URL: "https://analytics.example/hook?tenant=7", Description: "analytics", EventTypes: []string{"payment.failed"}, Enabled: true,
		CreatedAt: at, UpdatedAt: at,
	}, got)
	require.NotContains(t, h.ask(t, http.MethodGet, path, "", withKey).body, "secret")

	h.failedPayments(t, 2)
	got = call[api.WebhookEndpoint](t, h, http.StatusOK, http.MethodGet, path, "")
	require.Equal(t, 2, got.Pending)
	require.Equal(t, at, got.OldestPendingAt)

	disabled := call[api.WebhookEndpoint](t, h, http.StatusOK, http.MethodPatch, path, `{"enabled":false,"eventTypes":[],"url":"https://analytics.example/other"}`)
	require.False(t, disabled.Enabled)
	require.NotEmpty(t, disabled.DisabledReason)
	require.Equal(t, h.clock.Now(), disabled.DisabledAt)
	require.Equal(t, "https://analytics.example/other", disabled.URL)
	require.Empty(t, disabled.EventTypes)
	require.Equal(t, "analytics", disabled.Description, "what is left out stays")
	require.Equal(t, "endpoint_disabled", call[api.Failure](t, h, http.StatusConflict, http.MethodPost, path+"/ping", "").Code)
	rung := h.news.Load()
	require.True(t, call[api.WebhookEndpoint](t, h, http.StatusOK, http.MethodPatch, path, `{"enabled":true}`).Enabled)
	require.Greater(t, h.news.Load(), rung, "what was held goes out at once")

	ping := call[api.WebhookDelivery](t, h, http.StatusAccepted, http.MethodPost, path+"/ping", "")
	require.Equal(t, "ping", ping.Type)
	require.Equal(t, ping.ID, call[api.WebhookDelivery](t, h, http.StatusOK, http.MethodGet, "/webhooks/deliveries/"+ping.ID, "").ID)

	rotated := call[api.RotatedWebhookSecret](t, h, http.StatusCreated, http.MethodPost, path+"/secrets/rotate", `{"overlapSeconds":3600}`)
	require.NotEqual(t, added.Secret, rotated.Secret)
	require.Equal(t, h.clock.Now().Add(time.Hour), rotated.OldExpiresAt)
	pair := call[api.RotatedWebhookSecret](t, h, http.StatusCreated, http.MethodPost, path+"/secrets/rotate", `{"asymmetric":true}`)
	require.True(t, strings.HasPrefix(pair.Secret, "whpk_"), "the private half stays here")
	h.clock.Advance(time.Hour)
	secrets := call[api.WebhookSecrets](t, h, http.StatusOK, http.MethodGet, path+"/secrets", "").Secrets
	require.Len(t, secrets, 3)
	active := map[string]bool{}
	for _, s := range secrets {
		active[s.Fingerprint] = s.Active
	}
	require.False(t, active[secret.Fingerprint()])
	for _, text := range []string{rotated.Secret, pair.Secret} {
		s, err := webhook.ParseSecret(text)
		require.NoError(t, err)
		require.True(t, active[s.Fingerprint()], "a rotation is of its own kind alone")
	}

	require.Equal(t, http.StatusNoContent, h.ask(t, http.MethodDelete, path, "", withKey).status)
	require.Equal(t, "unknown_endpoint", call[api.Failure](t, h, http.StatusNotFound, http.MethodGet, path, "").Code)
	given := call[api.WebhookDelivery](t, h, http.StatusOK, http.MethodGet, "/webhooks/deliveries/"+ping.ID, "")
	require.Equal(t, "dead", given.State, "the log stays")
	require.Equal(t, "unknown_endpoint", call[api.Failure](t, h, http.StatusNotFound, http.MethodPost, "/webhooks/deliveries/"+ping.ID+"/replay", "").Code)
	for _, text := range []string{added.Secret, rotated.Secret} {
		require.NotContains(t, h.lines.String(), strings.TrimPrefix(text, "whsec_"))
	}
}

func TestWebhookEndpoints_WhatIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	const all, one, own = "/webhooks/endpoints", "/webhooks/endpoints/01KAR0000000000000000000EE", "/webhooks/endpoints/marketplace"
	for _, c := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"POST", all, `{}`, 400, "invalid_endpoint"},
		{"POST", all, `{"url":"ftp://shop.example/"}`, 400, "invalid_endpoint"},
		{"POST", all, `{"url":"https://user:word@shop.example/"}`, 400, "invalid_endpoint"},
		{"POST", all, `{"url":"https://shop.example/#part"}`, 400, "invalid_endpoint"},
		{"POST", all, `{"url":"http://shop.example/"}`, 400, "invalid_endpoint"},              // not encrypted
		{"POST", all, `{"url":"https://127.0.0.1/"}`, 400, "invalid_endpoint"},                // ourselves
		{"POST", all, `{"url":"https://[::ffff:169.254.169.254]/"}`, 400, "invalid_endpoint"}, // a cloud's metadata
		{"POST", all, `{"url":"https://10.0.0.8/hook"}`, 400, "invalid_endpoint"},
		{"POST", all, `{"url":"https://shop.example/` + strings.Repeat("x", 2000) + `"}`, 400, "invalid_endpoint"},
		{"POST", all, `{"url":"https://shop.example/","eventTypes":["payment.started"]}`, 400, "invalid_endpoint"},
		{"POST", all, `{"url":"https://shop.example/","eventTypes":["ping"]}`, 400, "invalid_endpoint"},
		{"POST", all, `{"url":"https://shop.example/","eventTypes":"payment.failed"}`, 400, "invalid_request"},
		{"POST", all, `{"url":"https://shop.example/","secret":"whsec_c2hvcnQ="}`, 400, "invalid_endpoint"},
		{"POST", all, `{"url":"https://shop.example/","secret":"whpk_` + strings.Repeat("A", 43) + `="}`, 400, "invalid_endpoint"}, // cannot sign
		{"POST", all, `{"url":"https://shop.example/","description":"two\nlines"}`, 400, "invalid_endpoint"},
		{"POST", all, `[]`, 400, "invalid_request"},
		{"GET", one, "", 404, "unknown_endpoint"},
		{"PATCH", one, `{"enabled":false}`, 404, "unknown_endpoint"},
		{"DELETE", one, "", 404, "unknown_endpoint"},
		{"POST", one + "/ping", "", 404, "unknown_endpoint"},
		{"GET", one + "/secrets", "", 404, "unknown_endpoint"},
		{"POST", one + "/secrets/rotate", `{}`, 404, "unknown_endpoint"},
		{"PATCH", own, `{"url":"https://thief.example/"}`, 409, "configured_endpoint"},
		{"DELETE", own, "", 409, "configured_endpoint"},
		{"PATCH", own, `{"enabled":"no"}`, 400, "invalid_request"},
		{"PATCH", own, `{"enable":false}`, 400, "invalid_request"},
		{"POST", own + "/secrets/rotate", `{"overlap":0}`, 400, "invalid_request"},
		{"POST", all, `{"url":"https://shop.example/","eventType":["payment.failed"]}`, 400, "invalid_request"},
		{"POST", all, `{"url":"https://shop.example:99999/"}`, 400, "invalid_endpoint"},
		{"POST", own + "/secrets/rotate", `{"overlapSeconds":-1}`, 400, "invalid_request"},
		{"POST", own + "/secrets/rotate", `{"overlapSeconds":9223372036854775807}`, 400, "invalid_request"},
		{"POST", own + "/secrets/rotate", `{"overlapSeconds":1.5}`, 400, "invalid_request"},
		{"GET", "/webhooks/endpoints/%00", "", 400, "invalid_request"},
	} {
		failure := call[api.Failure](t, h, c.status, c.method, c.path, c.body)
		require.Equal(t, c.code, failure.Code, "%s %s %s", c.method, c.path, c.body)
		require.NotEmpty(t, failure.Error)
	}
	left := call[api.WebhookEndpoints](t, h, http.StatusOK, http.MethodGet, all, "")
	require.Len(t, left.Endpoints, 1, "nothing was changed")
	require.True(t, left.Endpoints[0].Enabled)

	call[api.AddedWebhookEndpoint](t, h, http.StatusCreated, http.MethodPost, all, `{"url":"http://127.0.0.1:9000/hook"}`) // allowed by name
	for range outbox.MaxEndpoints - 2 {
		call[api.AddedWebhookEndpoint](t, h, http.StatusCreated, http.MethodPost, all, `{"url":"https://shop.example/"}`)
	}
	require.Equal(t, "too_many_endpoints", call[api.Failure](t, h, http.StatusConflict, http.MethodPost, all, `{"url":"https://shop.example/"}`).Code)
}

func TestWebhookDeliveries_AreFoundByPageAndFilter(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	h.failedPayments(t, 7)

	find := func(query string) api.WebhookDeliveries {
		return call[api.WebhookDeliveries](t, h, http.StatusOK, http.MethodGet, "/webhooks/deliveries"+query, "")
	}
	var offers []string
	page := find("?limit=3")
	for {
		for _, d := range page.Deliveries {
			offers = append(offers, d.OfferID)
			require.Empty(t, d.Body)
		}
		if page.NextCursor == "" {
			break
		}
		page = find("?limit=3&cursor=" + page.NextCursor)
	}
	require.Equal(t, []string{"106", "105", "104", "103", "102", "101", "100"}, offers, "each once, the newest first")

	one := find("?offerId=103").Deliveries
	require.Len(t, one, 1)
	for query, n := range map[string]int{
		"":                                7,
		"?state=pending":                  7,
		"?state=dead":                     0,
		"?type=payment.failed":            7,
		"?type=payment.completed":         0,
		"?endpointId=marketplace":         7,
		"?endpointId=nobody":              0,
		"?pendingId=" + one[0].PendingID:  1,
		"?since=2026-11-23T12:00:05Z":     2,
		"?until=2026-11-23T12:00:05Z":     5,
		"?since=2s":                       2,
		"?offerId=103&state=pending":      1,
		"?offerId=&state=&since=&cursor=": 7,
	} {
		require.Len(t, find(query).Deliveries, n, query)
	}
	for query, code := range map[string]string{
		"?state=lost": "invalid_request", "?stat=dead": "invalid_request", "?limit=0": "invalid_request", "?limit=101": "invalid_request", "?limit=x": "invalid_request",
		"?cursor=x": "invalid_request", "?since=tomorrow": "invalid_request", "?until=-1h": "invalid_request", "?type=x": "invalid_request",
		"?state=dead&state=pending": "invalid_request", "?pendingId=1": "not_found", "?offerId=%00": "invalid_request", "?endpointId=%ff": "invalid_request",
	} {
		got := h.ask(t, http.MethodGet, "/webhooks/deliveries"+query, "", withKey)
		require.Equal(t, 4, got.status/100, "%s: %s", query, got.body)
		require.Equal(t, code, got.failure(t).Code, query)
	}
}

func TestWebhookDeliveries_OneWithItsAttempts(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	h.failedPayments(t, 1)
	claimed, err := h.store.ClaimDeliveries(t.Context(), outbox.Configured, 1, h.clock.Now(), h.clock.Now().Add(time.Minute))
	require.NoError(t, err)
	require.Len(t, claimed, 1)
	d := claimed[0]
	attempt := outbox.Attempt{
		DeliveryID: d.ID, Number: 1, At: h.clock.Now(), URL: "http://127.0.0.1:8000/api/webhooks/payments", Status: 503, Duration: 1500 * time.Millisecond,
		Excerpt: "<b>not now</b>", NextAt: h.clock.Now().Add(5 * time.Second),
	}
	lease := d.NextAt
	d.Attempts, d.Failures, d.NextAt = 1, 1, attempt.NextAt
	require.NoError(t, h.store.RecordAttempts(t.Context(), []outbox.Outcome{{Delivery: d, Attempt: attempt, Lease: lease}}))

	got := call[api.WebhookDelivery](t, h, http.StatusOK, http.MethodGet, "/webhooks/deliveries/"+strings.ToLower(d.ID), "")
	wire := api.WebhookAttempt{
		Number: 1, At: attempt.At, URL: attempt.URL, Status: 503, DurationMS: 1500, Answer: "<b>not now</b>", NextAt: attempt.NextAt,
	}
	require.Equal(t, []api.WebhookAttempt{wire}, got.Attempts)
	require.Equal(t, string(d.Body), got.Body)
	require.Equal(t, 1, got.Tried)
	require.Equal(t, attempt.NextAt, got.NextAt)
	listed := call[api.WebhookDeliveries](t, h, http.StatusOK, http.MethodGet, "/webhooks/deliveries", "").Deliveries
	require.Len(t, listed, 1)
	require.Equal(t, &wire, listed[0].LastAttempt)

	require.Equal(t, "unknown_delivery", call[api.Failure](t, h, http.StatusNotFound, http.MethodGet, "/webhooks/deliveries/01KAR0000000000000000000WW", "").Code)
	require.Equal(t, "unknown_delivery", call[api.Failure](t, h, http.StatusNotFound, http.MethodPost, "/webhooks/deliveries/x/replay", "").Code)
	rung := h.news.Load()
	again := call[api.WebhookDelivery](t, h, http.StatusAccepted, http.MethodPost, "/webhooks/deliveries/"+d.ID+"/replay", "")
	require.Equal(t, h.clock.Now(), again.NextAt)
	require.Equal(t, d.ID, again.ID, "the same id, so that a receiver that has it already knows it")
	require.Greater(t, h.news.Load(), rung)
}

func TestWebhookReplay_TakesTheDeadUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	h.failedPayments(t, 5)
	claimed, err := h.store.ClaimDeliveries(t.Context(), outbox.Configured, 5, h.clock.Now(), h.clock.Now().Add(time.Minute))
	require.NoError(t, err)
	var outcomes []outbox.Outcome
	for i, d := range claimed {
		lease := d.NextAt
		d.Attempts, d.Failures, d.NextAt, d.EndedAt, d.State = 1, 1, time.Time{}, h.clock.Now(), outbox.Dead
		if i == 0 {
			d.State = outbox.Delivered
		}
		outcomes = append(outcomes, outbox.Outcome{Delivery: d, Lease: lease, Attempt: outbox.Attempt{DeliveryID: d.ID, Number: 1, At: h.clock.Now()}})
	}
	require.NoError(t, h.store.RecordAttempts(t.Context(), outcomes))
	replay := func(body string) int {
		return call[api.ReplayedWebhooks](t, h, http.StatusAccepted, http.MethodPost, "/webhooks/replay", body).Replayed
	}
	require.Equal(t, 2, replay(`{"since":"2026-11-23T12:00:03Z"}`))
	require.Equal(t, 2, replay(`{"endpointId":"marketplace"}`))
	require.Equal(t, 0, replay(`{"endpointId":"marketplace","state":""}`), "they are due already")
	require.Equal(t, 1, replay(`{"endpointId":"marketplace","state":"delivered"}`))
	for body, status := range map[string]int{
		`{}`: 400, `{"state":"dead"}`: 400, `{"since":"never"}`: 400, `{"endpointId":"01KAR0000000000000000000EE"}`: 404, `{"since":5}`: 400, `{"endpointId":"marketplace","offer":"101"}`: 400, `{"endpointId":"marketplace","unitl":"2h"}`: 400, `{"endpointId":"marketplace","state":"lost"}`: 400, `[]`: 400, ``: 415,
	} {
		require.Equal(t, status, h.ask(t, http.MethodPost, "/webhooks/replay", body, withKey).status, body)
	}
}
