package main

import (
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/marketplace"
)

func polling(c *Config) { c.PollEvery = 20 * time.Millisecond }

// due makes the attempts due now, as time would.
func (m *running) due() {
	require.NoError(m.t, m.db.Read(m.t.Context()).Exec("UPDATE payment_attempts SET next_poll_at = ? WHERE next_poll_at IS NOT NULL",
		m.seeding.clock.Now().Add(-time.Second)).Error)
}

// polled reports whether a job's payment, which was due to be asked about, has been, and nobody has it in hand.
func (m *running) polled(id marketplace.JobID) bool {
	var waiting int64
	now := clock.System().Now()
	require.NoError(m.t, m.db.Read(m.t.Context()).Raw("SELECT COUNT(*) FROM payment_attempts WHERE job_id = ? AND next_poll_at > ? AND next_poll_at < ?",
		int64(id), now, now.Add(m.config.PaymentsTimeout)).Scan(&waiting).Error) // a lease is twice as long
	return waiting == 1
}

func TestPoll_LearnsWhatNoWebhookTold(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		b := m.browser().signIn(demoFunder)
		first, second := b.approve("1"), b.approve("2")
		m.payments.pay(first)
		m.payments.fail(second, "expired", "")
		m.due()
		require.Eventually(t, func() bool { return m.job(1).State == marketplace.Complete }, waitFor, every)
		require.Eventually(t, func() bool { return m.job(2).Attempt.State == marketplace.AttemptFailed }, waitFor, every)
		require.Equal(t, []string{"payment_started", "pay"}, m.events(1))
		require.Equal(t, []string{"payment_started", "payment_failed"}, m.events(2))
		require.Contains(t, b.get("/jobs/2").has(t, "#payment-status").Text(), "not approved in time")

		// The webhooks, late: they are taken, and there is nothing left to do.
		for i, pendingID := range []string{first, second} {
			require.Equal(t, 200, m.payments.notify(m.base, fmt.Sprintf("msg_%d", i), pendingID).status)
		}
		require.Equal(t, []string{"payment_started", "pay"}, m.events(1))
		require.Equal(t, []string{"payment_started", "payment_failed"}, m.events(2))
	}, polling)
}

// TestPoll_WebhookAndReturnAtOnce: the news comes by every way at the same time, from many senders. Whoever is first applies it; the others
// find it done, and say the same.
func TestPoll_WebhookAndReturnAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		require.NoError(t, m.seeding.toPay(t.Context(), 6))
		b := m.browser().signIn(demoFunder)
		lines, err := m.store.AllJobs(t.Context())
		require.NoError(t, err)
		for _, line := range lines[len(samples):] {
			id := line.ID
			pendingID := b.approve(id.String())
			m.payments.pay(pendingID)
			var all sync.WaitGroup
			for _, webhookID := range []string{"a", "a", "b", "c"} {
				all.Go(func() {
					said := m.payments.notify(m.base, webhookID+pendingID, pendingID)
					if want := (answered{200, `{"success":true,"message":"Payment confirmed","job_id":` + id.String() + `,"job_status":"complete"}`}); said != want {
						t.Errorf("the webhook is answered with %v", said)
					}
				})
			}
			for range 2 {
				all.Go(func() {
					if landed := b.comeBack(pendingID); landed.StatusCode != http.StatusSeeOther {
						t.Errorf("the browser lands on %d: %s", landed.StatusCode, landed.text)
					}
				})
			}
			all.Go(m.due)
			all.Wait()
			require.Equal(t, marketplace.Complete, m.job(id).State)
			require.Equal(t, marketplace.AttemptPaid, m.job(id).Attempt.State)
			require.Equal(t, []string{"payment_started", "pay"}, m.events(id))
			applied := regexp.MustCompile(`"msg":"payment news applied","source":"\w+","webhook_id":"[^"]*","job_id":"` + id.String() + `"`)
			require.Len(t, applied.FindAllString(m.logs.String(), -1), 1)
		}
	}, polling)
}

// TestPoll_BacksOff: twice as long after each question that was in vain.
func TestPoll_BacksOff(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		m.browser().signIn(demoFunder).approve("1") // and nobody decides at the wallet
		var asked struct {
			Polls      int
			NextPollAt time.Time
		}
		for range 4 {
			known, before := asked.Polls, clock.System().Now().Truncate(time.Microsecond)
			m.due()
			require.Eventually(t, func() bool {
				require.NoError(t, m.db.Read(t.Context()).Raw("SELECT polls, next_poll_at FROM payment_attempts").Scan(&asked).Error)
				pause := time.Second << asked.Polls
				return asked.Polls > known && !asked.NextPollAt.Before(before.Add(pause)) && !asked.NextPollAt.After(clock.System().Now().Add(pause))
			}, waitFor, every, "begun %s", before)
		}
		require.Equal(t, marketplace.AttemptAwaiting, m.job(1).Attempt.State)
	}, polling)
}

func TestPoll_AfterAFinishThatWasLeftOnItsWay(t *testing.T) {
	t.Parallel()
	m := start(t, polling)
	b := m.browser().signIn(demoFunder)
	pendingID := b.approve("1")
	b.comeBack(pendingID)
	m.payments.pay(pendingID)
	require.Eventually(t, func() bool { return m.job(1).State == marketplace.Complete }, waitFor, every)
}

// The start takes effect, and its answer is lost: what was started is found, and paid once.
func TestPoll_StartWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		b := m.browser().signIn(demoFunder)
		m.payments.breakRoute("POST /offers/{offerId}/quotes/start", true, func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) })
		answer := b.submit(b.get("/jobs/1/pay"), "pay", nil)
		require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
		require.Equal(t, marketplace.AttemptStarting, m.job(1).Attempt.State)
		pendingID := m.payments.only().PendingID

		m.payments.pay(pendingID)
		require.Equal(t, 409, m.payments.notify(m.base, "m1", pendingID).status, "not known yet; it is delivered again")
		m.due()
		require.Eventually(t, func() bool { return m.job(1).Attempt.PendingID == pendingID }, waitFor, every)
		require.Equal(t, 200, m.payments.notify(m.base, "m1", pendingID).status)
		require.Equal(t, marketplace.Complete, m.job(1).State)
		require.Equal(t, []string{"payment_started", "pay"}, m.events(1))
	}, polling)
}

func TestPoll_StartThatNeverHappened(t *testing.T) {
	t.Parallel()
	m := start(t, polling)
	b := m.browser().signIn(demoFunder)
	m.payments.breakRoute("POST /sellers", false, func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) })
	require.Equal(t, http.StatusServiceUnavailable, b.submit(b.get("/jobs/1/pay"), "pay", nil).StatusCode)
	m.due()
	require.Eventually(t, func() bool { return m.job(1).Attempt.State == marketplace.AttemptFailed }, waitFor, every)
	page := b.get("/jobs/1")
	require.Contains(t, page.has(t, "#payment-status").Text(), "never started")
	page.has(t, "#approve")
}

func TestPoll_AnswersThatCannotBeBelieved(t *testing.T) {
	t.Parallel()
	m := start(t, polling)
	b := m.browser().signIn(demoFunder)
	first := b.approve("1")
	second := b.approve("2")
	m.payments.pay(second)
	other := m.payments.payments[second]
	m.payments.breakRoute("GET /payments/{pendingId}/status", false, func(w http.ResponseWriter, _ *http.Request) bool {
		m.payments.write(w, http.StatusOK, m.payments.wire(other)) // about another payment than was asked for
		return true
	})
	m.due()
	require.Eventually(t, func() bool { return m.payments.called("GET /payments/{pendingId}/status") >= 2 }, waitFor, every)
	require.Eventually(t, func() bool { return m.job(2).State == marketplace.Complete }, waitFor, every)
	require.Equal(t, marketplace.AttemptAwaiting, m.job(1).Attempt.State)
	require.Equal(t, first, m.job(1).Attempt.PendingID)
}

// The payments service dies in the middle of a start. It is asked again under the same Idempotency-Key, which is busy until the dead one's
// minute is over: that is no refusal, for a payment may await its buyer.
func TestPoll_StartThatWasCutByACrash(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(m *running, w http.ResponseWriter){
		"its key is busy": func(m *running, w http.ResponseWriter) {
			m.payments.refuse(w, http.StatusConflict, "idempotency_key_in_use")
		},
		"it is busy": func(m *running, w http.ResponseWriter) {
			w.Header().Set("Retry-After", "3")
			m.payments.refuse(w, http.StatusServiceUnavailable, "busy")
		},
		"a proxy answers": func(_ *running, w http.ResponseWriter) {
			w.WriteHeader(http.StatusGatewayTimeout)
			_, _ = w.Write([]byte("<h1>504 Gateway Time-out</h1>"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := start(t, polling)
			b := m.browser().signIn(demoFunder)
			m.payments.breakRoute("POST /offers/{offerId}/quotes/start", true, func(w http.ResponseWriter, _ *http.Request) bool {
				if m.payments.called("POST /offers/{offerId}/quotes/start") == 1 {
					panic(http.ErrAbortHandler)
				}
				answer(m, w)
				return true
			})
			refused := b.submit(b.get("/jobs/1/pay"), "pay", nil)
			require.Equal(t, http.StatusServiceUnavailable, refused.StatusCode)
			require.Contains(t, refused.has(t, "#pay-error").Text(), "Try again")
			require.Equal(t, marketplace.AttemptStarting, m.job(1).Attempt.State, "nobody knows yet what became of it")

			pendingID := m.payments.only().PendingID
			m.due()
			require.Eventually(t, func() bool { return m.job(1).Attempt.PendingID == pendingID }, waitFor, every)
			m.payments.pay(pendingID)
			require.Equal(t, 200, m.payments.notify(m.base, "m1", pendingID).status)
			require.Equal(t, marketplace.Complete, m.job(1).State)
		})
	}
}
