package rest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments"
	"tianguis.example/payments/api"
)

func TestEvents_TellTheStory(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	p := aPayment(t)
	h.keep(t, p)
	require.Equal(t, http.StatusNotFound, h.ask(t, http.MethodGet, "/payments/"+string(pendingID)+"/events", "", withKey).status, "a story without a beginning is none")
	for i, audit := range []payments.AuditEvent{
		{At: at, Actor: payments.ByMarketplace, To: payments.Created, Detail: "100.00 MXN"},
		{At: at, Actor: payments.ByWorker, From: payments.AwaitingApproval, To: payments.Failed, Reason: payments.Expired, Detail: "not approved in time"},
	} {
		audit.PaymentID = p.ID
		next := p
		next.Version++
		require.NoError(t, h.store.Record(t.Context(), payments.Change{Before: p, After: next, Audit: &audit}), i)
		p = next
	}
	got := h.ask(t, http.MethodGet, "/payments/"+string(pendingID)+"/events", "", withKey)
	require.Equal(t, http.StatusOK, got.status)
	require.JSONEq(t, `{"pendingId":"`+string(pendingID)+`","events":[
		{"number":1,"at":"2026-11-23T12:00:00Z","actor":"marketplace","from":"","to":"created","reason":"","detail":"100.00 MXN"},
		{"number":2,"at":"2026-11-23T12:00:00Z","actor":"worker","from":"awaiting_approval","to":"failed","reason":"expired","detail":"not approved in time"}]}`, got.body)

	told, err := api.NewClient(h.url, theKey, nil).Events(t.Context(), string(pendingID))
	require.NoError(t, err)
	require.Equal(t, string(pendingID), told.PendingID)
	require.Equal(t, api.Event{Number: 2, At: at, Actor: "worker", From: "awaiting_approval", To: "failed", Reason: "expired", Detail: "not approved in time"}, told.Events[1])

	for _, id := range []string{"01KAR0000000000000000000ZZ", "test-123", "%20", "%2e%2e"} {
		got := h.ask(t, http.MethodGet, "/payments/"+id+"/events", "", withKey)
		require.Equal(t, http.StatusNotFound, got.status, id)
		require.Equal(t, "not_found", got.failure(t).Code, id)
	}
}
