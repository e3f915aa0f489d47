package systemtest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/api"
	"tianguis.example/stack"
	"tianguis.example/stack/person"
)

// TestDocumentedMarketplace pairs the payments service with the marketplace that the original's document describes, which knows the six fields
// of the webhook and no more: neither its signature, nor its id, nor the fields that were added. It is configured in the document's words.
func TestDocumentedMarketplace(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, database string) {
		django := newDjango(t, 123, 124)
		w := newWorld(t, database, env{stack.Payments: {"MARKETPLACE_BASE_URL": "", "DJANGO_BASE_URL": django.URL, "BASE_URL": django.URL}})
		var err error
		django.payments = w.Payments.Address
		django.key, err = stack.ReadSecret(w.Secrets.APIKey)
		require.NoError(t, err)
		_, err = w.payments.RegisterSeller(t.Context(), api.RegisterSeller{ID: "django", WalletAddressURL: w.Sandbox.Address + stack.WorkerWallet})
		require.NoError(t, err)
		start := func(offer string) api.Started {
			started, err := w.payments.Start(t.Context(), offer, api.Start{SellerID: "django", BuyerWalletAddressURL: w.Sandbox.Address + "/buyer-mxn", Amount: "7.77"})
			require.NoError(t, err)
			return started
		}

		if there == nil { // on compose, the settings of the payments service are not ours
			x := examine(t, w.Payments, nil)
			require.Zero(t, x.code, x.text)
			x.names(t, "marketplace", stateOK, "need not be", "")
			x.names(t, "finish", stateOK, "answers 302", "")
			x.names(t, "webhooks", stateWarning, "does not know test events", "answer 2xx")
		}

		started := start("123")
		consent, err := person.NewBrowser().Open(t.Context(), started.RedirectURL)
		require.NoError(t, err)
		page, err := consent.Click(t.Context(), person.Approve, nil)
		require.NoError(t, err)
		require.Contains(t, page.Text("h1"), "Job 123", "the wallet's redirect, through the marketplace, to the job")
		eventually(t, "the job is complete", func() bool { return django.job(123).Status == "complete" })
		job := django.job(123)
		require.True(t, job.ContractCompleted)
		require.Equal(t, w.payment(t, started.PendingID).OutgoingPaymentID, job.PaymentID)
		eventually(t, "the webhook is delivered", func() bool { return w.delivered(t, started.PendingID) })

		// A failure is an event that the document does not have. Its receiver says so, and completes nothing.
		_, err = w.payments.Cancel(t.Context(), start("124").PendingID)
		require.NoError(t, err)
		eventually(t, "the failure is told", func() bool { return django.seen("payment.failed") > 0 })
		require.Equal(t, djangoJob{ID: 124, Status: "reviewing"}, django.job(124))
	})
}

// django is the documented marketplace, as far as the document says what it does.
type django struct {
	*httptest.Server
	payments, key string

	mu    sync.Mutex
	jobs  map[int64]djangoJob
	types map[string]int // what came, by type
}

type djangoJob struct {
	ID                int64
	Status, PaymentID string
	ContractCompleted bool
}

func newDjango(t *testing.T, jobs ...int64) *django {
	t.Helper()
	d := &django{jobs: map[int64]djangoJob{}, types: map[string]int{}}
	for _, id := range jobs {
		d.jobs[id] = djangoJob{ID: id, Status: "reviewing"}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/webhooks/payments", d.webhook)
	mux.HandleFunc("GET /payments/finish", d.finish)
	mux.HandleFunc("GET /jobs/{id}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<h1>Job "+r.PathValue("id")+"</h1>")
	})
	d.Server = httptest.NewServer(mux)
	t.Cleanup(d.Close)
	return d
}

func (d *django) job(id int64) djangoJob {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.jobs[id]
}

func (d *django) seen(eventType string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.types[eventType]
}

// webhook does what section 1, "What it does", lists, and answers as under "Test webhook locally".
func (d *django) webhook(w http.ResponseWriter, r *http.Request) {
	var event struct {
		Type, PendingID, OfferID, Status, OutgoingPaymentID, Timestamp string
	}
	if json.NewDecoder(r.Body).Decode(&event) != nil {
		answerJSON(w, http.StatusBadRequest, map[string]any{"success": false, "error": "Invalid JSON"})
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.types[event.Type]++
	id, err := strconv.ParseInt(event.OfferID, 10, 64)
	job, known := d.jobs[id]
	switch {
	case event.Type != "payment.completed":
		answerJSON(w, http.StatusBadRequest, map[string]any{"success": false, "error": "Unknown event"})
		return
	case err != nil || !known:
		answerJSON(w, http.StatusNotFound, map[string]any{"success": false, "error": "Job not found"})
		return
	}
	job.PaymentID, job.ContractCompleted = event.OutgoingPaymentID, true
	if job.Status == "reviewing" {
		job.Status = "complete"
	}
	d.jobs[id] = job
	answerJSON(w, http.StatusOK, map[string]any{"success": true, "message": "Payment confirmed", "job_id": job.ID, "job_status": job.Status})
}

// finish does what section 2, "What it does", lists.
func (d *django) finish(w http.ResponseWriter, r *http.Request) {
	var payment struct{ OfferID string }
	if err := d.get(r, "/payments/finish?"+r.URL.RawQuery, nil); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	if err := d.get(r, "/payments/"+url.PathEscape(r.URL.Query().Get("pendingId"))+"/status", &payment); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	http.Redirect(w, r, "/jobs/"+payment.OfferID, http.StatusFound)
}

// get asks the payments service; its key is what whoever installs this pair adds.
func (d *django) get(r *http.Request, path string, into any) error {
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, d.payments+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+d.key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if into == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(into)
}

func answerJSON(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
