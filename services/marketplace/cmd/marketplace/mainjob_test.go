package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/marketplace"
)

const waitFor, every = 10 * time.Second, 10 * time.Millisecond

func TestMainJob_ApproveFinishWebhook(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		b := m.browser().signIn(demoFunder)
		list := b.get("/")
		require.Equal(t, "Hand-lettered sign for a juice stand", list.has(t, `#waiting [data-job="1"] a`).Text())

		job := b.get("/jobs/1")
		require.Equal(t, "due", job.has(t, "#payment").AttrOr("data-payment", ""))
		require.Equal(t, "100.00 MXN", job.has(t, "#budget").Text())
		form := b.get(job.has(t, "#approve").AttrOr("href", ""))
		require.Equal(t, "https://wallet.example/fernanda", form.has(t, "#wallet_address").AttrOr("value", ""))
		require.Contains(t, form.has(t, ".receipt").Text(), "Beto Hernández receives")

		pendingID := b.approve("1")
		asked := m.payments.only()
		require.Equal(t, "100.00", asked.Amount)
		require.Equal(t, fmt.Sprintf("worker-%d", m.seeding.worker), asked.SellerID)
		require.Equal(t, "https://wallet.example/fernanda", asked.Buyer)
		waiting := b.get("/jobs/1")
		require.Equal(t, "awaiting", waiting.has(t, "#payment").AttrOr("data-payment", ""))
		require.Contains(t, waiting.has(t, "#payment").Text(), "At most 5.61 USD leave your wallet")

		confirming := b.lands(b.comeBack(pendingID), "/jobs/1")
		confirming.has(t, `[data-flash="confirming"]`)
		confirming.has(t, `#job[data-pending]`)
		require.Equal(t, "confirming", confirming.has(t, "#payment").AttrOr("data-payment", ""))
		require.Contains(t, confirming.text, `<noscript><meta http-equiv="refresh" content="5"></noscript>`)
		require.Empty(t, b.get("/jobs/1").doc.Find("[data-flash]").Nodes, "a message shows once")

		m.payments.pay(pendingID)
		require.Equal(t, answered{200, `{"success":true,"message":"Payment confirmed","job_id":1,"job_status":"complete"}`}, m.payments.notify(m.base, "msg_1", pendingID))

		paid := b.get("/jobs/1")
		require.Equal(t, "paid", paid.has(t, "#payment").AttrOr("data-payment", ""))
		require.Equal(t, "complete", paid.has(t, "#job .meta [data-job-state]").AttrOr("data-job-state", ""))
		require.Equal(t, "https://wallet.example/outgoing-payments/"+pendingID, paid.has(t, "#payment-id a").AttrOr("href", ""))
		require.Empty(t, paid.doc.Find("[data-pending], #approve").Nodes)

		view := m.job(1)
		require.Equal(t, marketplace.Complete, view.State)
		require.True(t, view.ContractCompleted)
		require.Equal(t, "https://wallet.example/outgoing-payments/"+pendingID, view.PaymentID)
		require.Equal(t, []string{"payment_started", "pay"}, m.events(1))

		b.lands(b.comeBack(pendingID), "/jobs/1").has(t, `[data-flash="paid"]`)
		b.lands(b.get("/jobs/1/pay"), "/jobs/1").has(t, `[data-flash="already_paid"]`)
	})
}

func TestFinish_PaidInItsAnswer(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser().signIn(demoFunder)
	pendingID := b.approve("2")
	m.payments.pay(pendingID)
	b.lands(b.comeBack(pendingID), "/jobs/2").has(t, `[data-flash="paid"]`)
	require.Equal(t, marketplace.Complete, m.job(2).State)

	require.Equal(t, 200, m.payments.notify(m.base, "msg_1", pendingID).status)
	calls := m.payments.called("GET /payments/finish")
	b.lands(b.comeBack(pendingID), "/jobs/2").has(t, `[data-flash="paid"]`)
	require.Equal(t, calls, m.payments.called("GET /payments/finish"), "what is known is not asked again")
	require.Equal(t, []string{"payment_started", "pay"}, m.events(2))
	require.Equal(t, "19.99", m.payments.only().Amount)
}

func TestStatus_ForThePagesOwnPolling(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser().signIn(demoFunder)
	revision := func(want string) string {
		answer := b.get("/jobs/1/status")
		require.Equal(t, "application/json", strings.Split(answer.Header.Get("Content-Type"), ";")[0])
		var now map[string]any
		require.NoError(t, json.Unmarshal([]byte(answer.text), &now))
		require.Equal(t, want, now["payment"])
		require.Equal(t, b.get("/jobs/1").has(t, "#job").AttrOr("data-revision", ""), now["revision"])
		return now["revision"].(string)
	}
	seen := []string{revision("due")}
	pendingID := b.approve("1")
	seen = append(seen, revision("awaiting"))
	b.comeBack(pendingID)
	seen = append(seen, revision("confirming"))
	m.payments.pay(pendingID)
	m.payments.notify(m.base, "m", pendingID)
	for i, r := range append(seen, revision("paid")) {
		require.NotContains(t, seen[:min(i, len(seen))], r)
	}
	require.Equal(t, http.StatusUnauthorized, m.browser().get("/jobs/1/status").StatusCode)
	require.Equal(t, http.StatusNotFound, b.get("/jobs/999/status").StatusCode)
}

func TestFinish_Declined(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		b := m.browser().signIn(demoFunder)
		pendingID := b.approve("1")
		decline := "/payments/finish?pendingId=" + pendingID + "&result=grant_rejected"

		other := m.browser().signIn(demoFunder) // the same person, in another browser
		answer := other.get(decline)
		require.Equal(t, http.StatusForbidden, answer.StatusCode)
		answer.has(t, `#finish[data-ending="other_session"]`)
		answer = m.browser().get(decline)
		require.Equal(t, http.StatusOK, answer.StatusCode)
		answer.has(t, `#finish[data-ending="signed_out"]`)
		require.Zero(t, m.payments.called("GET /payments/finish"), "nothing is asked of the payments service")
		require.Equal(t, marketplace.AttemptAwaiting, m.job(1).Attempt.State)

		page := b.lands(b.get(decline), "/jobs/1")
		page.has(t, `[data-flash="declined"]`)
		require.Contains(t, page.has(t, "#payment-status").Text(), "declined at the wallet")
		require.Equal(t, "Try again", page.has(t, "#approve").Text())
		require.Equal(t, marketplace.Reviewing, m.job(1).State)
		require.Equal(t, []string{"payment_started", "payment_failed"}, m.events(1))
		require.Equal(t, answered{200, `{"success":true,"message":"Payment failure recorded","job_id":1,"job_status":"reviewing"}`}, m.payments.notify(m.base, "m", pendingID))
		require.Len(t, m.events(1), 2)
		b.lands(b.get(decline), "/jobs/1").has(t, `[data-flash="declined"]`)

		again := b.approve("1")
		require.NotEqual(t, pendingID, again)
		m.payments.pay(again)
		b.lands(b.comeBack(again), "/jobs/1").has(t, `[data-flash="paid"]`)
	})
}

func TestFinish_OtherSessionCannotFinish(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser().signIn(demoFunder)
	pendingID := b.approve("1")
	for name, stranger := range map[string]*browser{"worker": m.browser().signIn(demoWorker), "funder elsewhere": m.browser().signIn(demoFunder)} {
		answer := stranger.comeBack(pendingID)
		require.Equal(t, http.StatusForbidden, answer.StatusCode, name)
		answer.has(t, `#finish[data-ending="other_session"]`)
	}
	require.Equal(t, http.StatusOK, m.browser().comeBack(pendingID).StatusCode)
	require.Zero(t, m.payments.called("GET /payments/finish"))

	// The person approves again in the other browser: the live payment is that browser's now.
	here := m.browser().signIn(demoFunder)
	require.Equal(t, pendingID, here.approve("1"))
	require.Equal(t, http.StatusForbidden, b.comeBack(pendingID).StatusCode)
	m.payments.pay(pendingID)
	here.lands(here.comeBack(pendingID), "/jobs/1").has(t, `[data-flash="paid"]`)
}

func TestFinish_WrongHashThenRightOne(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser().signIn(demoFunder)
	pendingID := b.approve("1")
	for _, query := range []string{"&interact_ref=r&hash=wrong", "&hash=wrong", "&interact_ref=r", "", "&interact_ref=&hash=", "&hash=" + strings.Repeat("a", 5000)} {
		b.lands(b.get("/payments/finish?pendingId="+pendingID+query), "/jobs/1").has(t, `[data-flash="unverified"]`)
		require.Equal(t, marketplace.AttemptAwaiting, m.job(1).Attempt.State)
	}
	m.payments.pay(pendingID)
	b.lands(b.comeBack(pendingID), "/jobs/1").has(t, `[data-flash="paid"]`)
}

func TestFinish_NoSuchPayment(t *testing.T) {
	t.Parallel()
	m := start(t)
	for _, id := range []string{"", "test-123", "01JDD0000000000000000000AA", "../../etc", "<script>alert(1)</script>", strings.Repeat("0", 5000)} {
		answer := m.browser().get("/payments/finish?interact_ref=abc&hash=xyz&pendingId=" + strings.ReplaceAll(id, "<", "%3C"))
		require.Equal(t, http.StatusNotFound, answer.StatusCode, id)
		answer.has(t, `#finish[data-ending="unknown"]`)
		require.NotContains(t, answer.text, "<script>alert")
	}
	require.Equal(t, 1, m.payments.called("GET /payments/finish"), "only what can be an id is asked about")
}

// A payment that somebody started at the payments service itself, for an offer that is no job here.
func TestFinish_NoSuchJob(t *testing.T) {
	t.Parallel()
	m := start(t)
	p := &fakePayment{PendingID: "01JDD0000000000000000000AA", OfferID: "elsewhere", Status: "pending", State: "awaiting_approval"}
	m.payments.payments[p.PendingID] = p
	answer := m.browser().get("/payments/finish?pendingId=" + p.PendingID + "&result=grant_rejected")
	require.Equal(t, http.StatusNotFound, answer.StatusCode)
	require.Equal(t, "pending", m.payments.only().Status, "a rejection that no session stands for")
	answer = m.browser().get("/payments/finish?interact_ref=a&hash=wrong&pendingId=" + p.PendingID)
	require.Equal(t, http.StatusForbidden, answer.StatusCode)
	answer.has(t, `#finish[data-ending="unverified"]`)

	m.browser().comeBack(p.PendingID).has(t, `#finish[data-ending="confirming"]`)
	m.payments.pay(p.PendingID)
	for range 2 {
		m.browser().comeBack(p.PendingID).has(t, `#finish[data-ending="paid"]`)
	}
}

func TestFinish_PaymentsServiceDown(t *testing.T) {
	t.Parallel()
	m := start(t, func(c *Config) { c.PaymentsTimeout = time.Second })
	b := m.browser().signIn(demoFunder)
	pendingID := b.approve("1")
	for name, down := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"cut": func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) },
		"500": func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusInternalServerError)
			return true
		},
		"503": func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		},
		"not json": func(w http.ResponseWriter, _ *http.Request) bool { _, _ = w.Write([]byte("<html>")); return true },
		"401": func(w http.ResponseWriter, _ *http.Request) bool {
			m.payments.refuse(w, 401, "unauthorized")
			return true
		},
	} {
		m.payments.breakRoute("GET /payments/finish", false, down)
		answer := b.comeBack(pendingID)
		require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode, name)
		answer.has(t, `#finish[data-ending="unreachable"]`)
		require.NotContains(t, answer.text, m.payments.Listener.Addr().String())
		require.Equal(t, marketplace.AttemptAwaiting, m.job(1).Attempt.State)
	}
	m.payments.breakRoute("GET /payments/finish", false, nil)
	m.payments.pay(pendingID)
	again := b.comeBack(pendingID)
	b.lands(again, "/jobs/1").has(t, `[data-flash="paid"]`)
}

// In the original the finish waits for the webhook, which waits for the worker that serves the finish.
func TestFinish_HangsWhileTheWebhookComes(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		b := m.browser().signIn(demoFunder)
		pendingID := b.approve("1")
		entered := make(chan struct{})
		release := make(chan struct{})
		m.payments.breakRoute("GET /payments/finish", true, func(http.ResponseWriter, *http.Request) bool {
			close(entered)
			<-release
			return false
		})
		landed := make(chan page, 1)
		go func() { landed <- b.comeBack(pendingID) }()
		<-entered
		m.payments.pay(pendingID)
		require.Equal(t, 200, m.payments.notify(m.base, "msg_1", pendingID).status, "while the finish is in hand")
		require.Equal(t, marketplace.Complete, m.job(1).State)
		close(release)
		answer := <-landed
		page := b.lands(answer, "/jobs/1")
		require.Equal(t, "paid", page.has(t, "#payment").AttrOr("data-payment", ""))
		require.Equal(t, []string{"payment_started", "pay"}, m.events(1))
	}, func(c *Config) { c.MaxConns = 1 })
}

func TestPaid_EveryoneAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		b := m.browser().signIn(demoFunder)
		pendingID := b.approve("1")
		b.comeBack(pendingID)
		attempt := *m.job(1).Attempt
		m.payments.pay(pendingID)
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				// Half of them the same delivery, half of them others.
				got := m.payments.notify(m.base, fmt.Sprintf("msg_%d", i/2), pendingID)
				if got.status != 200 || !strings.Contains(got.body, `"job_status":"complete"`) {
					t.Errorf("answered %+v", got)
				}
			})
			if i%4 == 0 {
				all.Go(func() { b.comeBack(pendingID) })
				all.Go(func() {
					if err := m.poller.Market.Ask(t.Context(), attempt); err != nil {
						t.Errorf("ask: %v", err)
					}
				})
			}
		}
		all.Wait()
		require.Equal(t, []string{"payment_started", "pay"}, m.events(1))
	})
}

func TestRestart_SessionAndPaymentLiveOn(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser().signIn(demoFunder)
	pendingID := b.approve("1")
	m.stop()
	m.boot()
	b2 := &browser{t, m.base, b.client}
	m.payments.pay(pendingID)
	require.Equal(t, http.StatusSeeOther, b2.comeBack(pendingID).StatusCode, "cookies know no port")
	require.Equal(t, marketplace.Complete, m.job(1).State)
}
