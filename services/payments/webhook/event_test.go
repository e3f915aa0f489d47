package webhook_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/webhook"
)

// documented is the body of the documented curl.
const documented = `{
    "type": "payment.completed",
    "pendingId": "test-123",
    "offerId": "1",
    "status": "paid",
    "outgoingPaymentId": "https://ilp.interledger-test.dev/outgoing/xyz",
    "timestamp": "2025-01-09T12:00:00Z"
  }`

func TestParse_Documented(t *testing.T) {
	t.Parallel()
	e, err := webhook.Parse([]byte(documented))
	require.NoError(t, err)
	require.Equal(t, webhook.Event{
		Type: webhook.Completed, PendingID: "test-123", OfferID: "1", Status: "paid",
		OutgoingPaymentID: "https://ilp.interledger-test.dev/outgoing/xyz", Timestamp: time.Date(2025, 1, 9, 12, 0, 0, 0, time.UTC),
	}, e)
}

func TestParse_Table(t *testing.T) {
	t.Parallel()
	for body, wrong := range map[string]string{
		`{"type":"payment.completed","pendingId":"a","offerId":"1","status":"paid"}`:                                            "",
		`{"type":"payment.failed","pendingId":"a","offerId":"1","status":"failed","outgoingPaymentId":null,"reason":"expired"}`: "",
		`{"type":"ping","pendingId":"","offerId":"","status":"","outgoingPaymentId":"","timestamp":"2026-11-25T12:00:00Z"}`:     "",
		`{"type":"ping"}`: "",
		`{"type":"payment.refunded","pendingId":"a","offerId":"1","status":"refunded","more":{"x":[1]}}`: "",
		`{"type":"payment.completed","pendingId":"a","offerId":"1","status":"failed"}`:                   "status",
		`{"type":"payment.completed","pendingId":"a","offerId":"1"}`:                                     "status",
		`{"type":"payment.failed","pendingId":"a","offerId":"1","status":"paid"}`:                        "status",
		`{"pendingId":"a","offerId":"1","status":"paid"}`:                                                "type",
		`{"type":"payment.completed","offerId":"1","status":"paid"}`:                                     "pendingId",
		`{"type":"payment.completed","pendingId":"a","status":"paid"}`:                                   "offerId",
		`{"type":"payment.completed","pendingId":"a","offerId":1,"status":"paid"}`:                       "JSON",
		`{"type":"payment.completed","pendingId":"a","offerId":"1","status":"paid","timestamp":"noon"}`:  "JSON",
		`{"type":"payment.completed","pendingId":"a","offerId":"1","status":"paid"} {}`:                  "JSON",
		`{"type":"payment.completed"`:                                                                    "JSON",
		`[]`:                                                                                             "JSON",
		`null`:                                                                                           "type",
		`{}`:                                                                                             "type",
		``:                                                                                               "JSON",
		`type=payment.completed`:                                                                         "JSON",
	} {
		_, err := webhook.Parse([]byte(body))
		if wrong == "" {
			require.NoError(t, err, body)
			continue
		}
		require.ErrorIs(t, err, webhook.ErrMalformed, body)
		require.ErrorContains(t, err, wrong, body)
	}
}

// What we send has the documented fields always, and the others only when there is something to say.
func TestEvent_JSON(t *testing.T) {
	t.Parallel()
	body, err := json.Marshal(webhook.Event{Type: webhook.Failed, PendingID: "a", OfferID: "1", Status: "failed", Timestamp: at, Reason: "expired", Message: "Too late."})
	require.NoError(t, err)
	require.JSONEq(t, `{"type":"payment.failed","pendingId":"a","offerId":"1","status":"failed","outgoingPaymentId":"",
		"timestamp":"2026-11-23T12:00:00Z","reason":"expired","message":"Too late."}`, string(body))
	body, err = json.Marshal(webhook.Event{Type: webhook.Completed, PendingID: "a", OfferID: "1", Status: "paid", OutgoingPaymentID: "u", Timestamp: at})
	require.NoError(t, err)
	require.JSONEq(t, `{"type":"payment.completed","pendingId":"a","offerId":"1","status":"paid","outgoingPaymentId":"u","timestamp":"2026-11-23T12:00:00Z"}`, string(body))
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{documented, `{}`, `null`, `{"type":"x","pendingId":"a","offerId":"b"}`, `{"Type":"payment.failed"}`, "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := webhook.Parse(body)
		if err != nil {
			if !errors.Is(err, webhook.ErrMalformed) || e != (webhook.Event{}) {
				t.Fatalf("%v, %v", e, err)
			}
			return
		}
		if e.Type == "" || e.PendingID == "" || e.OfferID == "" {
			t.Fatalf("accepted %+v", e)
		}
		again, err := json.Marshal(e)
		if err != nil {
			return // a year that JSON cannot write
		}
		if twice, err := webhook.Parse(again); err != nil || twice.OfferID != e.OfferID || !twice.Timestamp.Equal(e.Timestamp) {
			t.Fatalf("%s came back as %+v, %v", again, twice, err)
		}
	})
}

// A wallet's id of any length, in any characters, keeps no payment from its end.
func TestBody_FitsWhateverIsInIt(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"https://w.example/o/1?a=1&b=2", "https://w.example/" + strings.Repeat("&", 4000), "https://w.example/" + strings.Repeat("\u2028", 9000), strings.Repeat("<", 30_000)} {
		body, err := webhook.Body(webhook.Event{
			Type: webhook.Failed, PendingID: "01", OfferID: "7", Status: "failed", OutgoingPaymentID: id, Message: strings.Repeat("&", 1000), Reason: "expired",
		})
		require.NoError(t, err)
		require.LessOrEqual(t, len(body), webhook.MaxBody)
		event, err := webhook.Parse(body)
		require.NoError(t, err)
		if len(id) < 5000 {
			require.Equal(t, id, event.OutgoingPaymentID)
		}
	}
}
