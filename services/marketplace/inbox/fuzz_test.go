package inbox

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/marketplace"
	"tianguis.example/payments/money"
	"tianguis.example/payments/webhook"
)

const pendingID = "01KAR0000000000000000000AA"

// oneJob is a store of one job that waits for its payment. It keeps what is recorded.
type oneJob struct {
	marketplace.Store
	job      marketplace.Job
	recorded []marketplace.Change
	asked    []string // texts that a database was asked for
}

func (s *oneJob) Told(_ context.Context, id string) (*marketplace.Told, error) {
	s.asked = append(s.asked, id)
	return nil, nil //nolint:nilnil // as the store has it: none was told
}

func (s *oneJob) JobAndAttempt(_ context.Context, id marketplace.JobID, pending string) (marketplace.Job, *marketplace.Attempt, error) {
	s.asked = append(s.asked, pending)
	switch {
	case id != s.job.ID:
		return marketplace.Job{}, nil, marketplace.NotFound("There is no such job.")
	case pending != pendingID:
		return s.job, nil, nil
	}
	return s.job, &marketplace.Attempt{ID: pendingID, JobID: id, PendingID: pending, State: marketplace.AttemptConfirming}, nil
}

func (s *oneJob) Record(_ context.Context, c marketplace.Change) error {
	s.recorded = append(s.recorded, c)
	return nil
}

// FuzzReceive: whatever comes to the door of webhooks, signed or not, it is answered in the documented form, by a status that says whether to send it again;
// nothing is recorded of what was not signed; the one job is paid by its own payment only; and no text reaches the database that Postgres does not take.
func FuzzReceive(f *testing.F) {
	secrets, err := webhook.ParseSecrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	require.NoError(f, err)
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	budget, err := money.New(10_000, "MXN", 2)
	require.NoError(f, err)
	for _, seed := range []string{
		`{"type":"payment.completed","pendingId":"` + pendingID + `","offerId":"7","status":"paid","outgoingPaymentId":"https://w.example/o/1","timestamp":"2026-11-23T12:00:00Z"}`,
		`{"type":"payment.failed","pendingId":"` + pendingID + `","offerId":"7","status":"failed","outgoingPaymentId":"","reason":"expired","message":"Too late."}`,
		`{"type":"payment.completed","pendingId":"` + pendingID + `","offerId":"8","status":"paid"}`, `{"type":"payment.completed","pendingId":"test-123","offerId":"7","status":"paid"}`,
		`{"type":"payment.completed","pendingId":"` + pendingID + `","offerId":"7","status":"paid","overpaidAmount":{"value":"5","assetCode":"MXN","assetScale":2}}`,
		`{"type":"payment.completed","pendingId":"` + pendingID + `","offerId":"7","status":"paid","outgoingPaymentId":"a\u0000b","message":"\u0000"}`,
		`{"type":"payment.failed","pendingId":"another","offerId":"7","status":"failed"}`,
		`{"type":"ping"}`, `{"type":"payment.refunded","pendingId":"a","offerId":"7"}`, `{}`, ``, `[]`, "\xff", `{"type":"payment.completed","pendingId":"x","offerId":"01","status":"paid"}`,
	} {
		f.Add("w1", true, []byte(seed))
		f.Add("w1", false, []byte(seed))
	}
	f.Add("w\x00", true, []byte(`{"type":"payment.completed","pendingId":"`+pendingID+`","offerId":"7","status":"paid"}`))
	f.Fuzz(func(t *testing.T, id string, signed bool, body []byte) {
		store := &oneJob{job: marketplace.Job{ID: 7, State: marketplace.Reviewing, Budget: budget, Funder: 1, Worker: 2, Version: 1}}
		log := slog.New(slog.DiscardHandler)
		market := marketplace.New(store, nil, clock.NewHeld(now), log, marketplace.Options{})
		e := echo.New()
		e.HTTPErrorHandler = Error
		NewReceiver(market, secrets, false, clock.NewHeld(now), log).Register(e)
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, webhook.Path, strings.NewReader(string(body)))
		if signed {
			secrets.Sign(request.Header, id, now, body)
		} else {
			request.Header.Set(webhook.HeaderID, id)
		}
		recorder := httptest.NewRecorder()
		e.ServeHTTP(recorder, request)

		var said struct {
			Success *bool  `json:"success"`
			Error   string `json:"error"`
		}
		require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &said), recorder.Body)
		require.NotNil(t, said.Success)
		require.Equal(t, recorder.Code == http.StatusOK, *said.Success)
		require.Contains(t, []int{200, 400, 401, 404, 409, 413}, recorder.Code, recorder.Body)
		if !signed || id == "" {
			require.NotEqual(t, http.StatusOK, recorder.Code)
			require.Empty(t, store.recorded)
		}
		for _, text := range store.asked {
			kept(t, text)
		}
		for _, change := range store.recorded {
			kept(t, change.After.PaymentID)
			kept(t, change.Told.WebhookID)
			for _, entry := range change.Entries {
				kept(t, entry.Detail)
			}
			if change.Attempt == nil { // a failure of what we know nothing of: only that it was told is kept
				require.Equal(t, change.Before, change.After)
				require.Empty(t, change.Entries)
				continue
			}
			require.Equal(t, pendingID, change.Attempt.PendingID, "paid by another payment")
			kept(t, change.Attempt.OutgoingPaymentID)
			kept(t, change.Attempt.Reason)
			if event, err := webhook.Parse(body); err != nil || event.Type != webhook.Completed {
				require.False(t, change.After.ContractCompleted)
			}
		}
	})
}

// kept is text that Postgres takes.
func kept(t *testing.T, text string) {
	t.Helper()
	require.True(t, utf8.ValidString(text) && !strings.Contains(text, "\x00"), "%q", text)
}
