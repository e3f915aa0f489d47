package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/logging"
	"tianguis.example/marketplace"
	"tianguis.example/payments/webhook"
)

// seedsCurl is the body of the curl in the document that the marketplace's wire comes from, to the byte.
const seedsCurl = `{
    "type": "payment.completed",
    "pendingId": "test-123",
    "offerId": "1",
    "status": "paid",
    "outgoingPaymentId": "https://ilp.interledger-test.dev/outgoing/xyz",
    "timestamp": "2025-01-09T12:00:00Z"
  }`

// ping is what an operator tries the way with.
var ping = []byte(`{"type":"ping","pendingId":"","offerId":"","status":"","outgoingPaymentId":"","timestamp":"2026-11-23T12:00:00Z"}`)

func unsigned(c *Config) { c.AllowUnsigned = true }

func TestWebhook_SeedsCurl(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		for range 3 {
			require.Equal(t, answered{200, `{"success":true,"message":"Payment confirmed","job_id":1,"job_status":"complete"}`},
				deliver(t, m.base, []byte(seedsCurl), http.Header{}))
		}
		require.Equal(t, "https://ilp.interledger-test.dev/outgoing/xyz", m.job(1).PaymentID)
		require.True(t, m.job(1).ContractCompleted)
		require.Equal(t, []string{"pay"}, m.events(1))
		require.Contains(t, m.logs.String(), "payment news applied without a signature")
		require.Contains(t, m.logs.String(), "[webhook]")

		failed := strings.NewReplacer("payment.completed", "payment.failed", `"paid"`, `"failed"`).Replace(seedsCurl)
		require.Equal(t, answered{200, `{"success":true,"message":"Payment failure recorded","job_id":1,"job_status":"complete"}`},
			deliver(t, m.base, []byte(failed), http.Header{}), "a failure after the end changes nothing")
		require.True(t, m.job(1).ContractCompleted)
		require.Equal(t, []string{"pay"}, m.events(1))
	}, unsigned, func(c *Config) { c.WebhookSecret = "" })
}

func TestWebhook_UnsignedIsRefusedUnlessAllowedByName(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){"with a secret": func(*Config) {}, "without one": func(c *Config) { c.WebhookSecret = "" }} {
		m := start(t, change)
		require.Equal(t, answered{401, `{"success":false,"error":"The webhook's signature is missing or does not fit."}`},
			deliver(t, m.base, []byte(seedsCurl), http.Header{}), name)
		require.Equal(t, marketplace.Reviewing, m.job(1).State)
	}
}

func TestWebhook_ForgedChangesNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){"strict": func(*Config) {}, "unsigned allowed": unsigned} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := start(t, change)
			b := m.browser().signIn(demoFunder)
			pendingID := b.approve("1")
			m.payments.pay(pendingID)
			body := m.payments.event(pendingID)
			now := clock.System().Now()
			others, err := webhook.ParseSecrets(webhook.GenerateSecret())
			require.NoError(t, err)
			sign := func(secrets webhook.Secrets, id string, at time.Time, signedBody []byte) http.Header {
				h := http.Header{}
				secrets.Sign(h, id, at, signedBody)
				return h
			}
			swapped := sign(m.payments.secrets, "msg_1", now, body)
			swapped.Set(webhook.HeaderID, "msg_2")
			later := sign(m.payments.secrets, "msg_1", now, body)
			later.Set(webhook.HeaderTimestamp, fmt.Sprint(now.Unix()+1))
			noID := sign(m.payments.secrets, "msg_1", now, body)
			noID.Del(webhook.HeaderID)
			garbage := sign(m.payments.secrets, "msg_1", now, body)
			garbage.Set(webhook.HeaderSignature, "v1,!!!! v2,aaaa nonsense")
			for name, forged := range map[string]http.Header{
				"another secret":  sign(others, "msg_1", now, body),
				"another body":    sign(m.payments.secrets, "msg_1", now, append([]byte(" "), body...)),
				"stale":           sign(m.payments.secrets, "msg_1", now.Add(-6*time.Minute), body),
				"from the future": sign(m.payments.secrets, "msg_1", now.Add(6*time.Minute), body),
				"another id":      swapped,
				"another time":    later,
				"without an id":   noID,
				"garbage":         garbage,
				"signature only":  {"Webhook-Signature": {"v1,AAAA"}},
			} {
				require.Equal(t, 401, deliver(t, m.base, body, forged).status, name)
			}
			require.False(t, m.job(1).ContractCompleted)
			require.Equal(t, 200, m.payments.notify(m.base, "msg_1", pendingID).status, "the true one still works")
		})
	}
}

// TestWebhook_FiveMinutes: both ways, in seconds. The margin is for a slow machine.
func TestWebhook_FiveMinutes(t *testing.T) {
	t.Parallel()
	m := start(t)
	const tolerance, margin = 5 * time.Minute, 20 * time.Second
	for away, want := range map[time.Duration]int{
		-tolerance + margin: 200, -tolerance - time.Second: 401,
		tolerance: 200, tolerance + margin: 401,
	} {
		h := http.Header{}
		m.payments.secrets.Sign(h, "msg_1", clock.System().Now().Add(away), ping)
		require.Equal(t, want, deliver(t, m.base, ping, h).status, away)
	}
	h := m.payments.signed("msg_1", ping)
	h.Set(webhook.HeaderTimestamp, h.Get(webhook.HeaderTimestamp)+"000")
	require.Equal(t, 401, deliver(t, m.base, ping, h).status, "milliseconds")
}

// TestWebhook_SecretIsReplaced: the marketplace takes the new one beside the old, the sender changes over, the old one is taken away. No
// webhook is refused on the way.
func TestWebhook_SecretIsReplaced(t *testing.T) {
	t.Parallel()
	m := start(t)
	newer := webhook.GenerateSecret()
	older := m.payments.secret
	status := func(signedWith ...string) int {
		secrets, err := webhook.ParseSecrets(strings.Join(signedWith, " "))
		require.NoError(t, err)
		h := http.Header{}
		secrets.Sign(h, "msg_1", clock.System().Now(), ping)
		return deliver(t, m.base, ping, h).status
	}
	require.Equal(t, []int{200, 401, 200}, []int{status(older), status(newer), status(newer, older)})
	for have, want := range map[string][]int{newer + " " + older: {200, 200, 200}, newer: {401, 200, 200}} {
		m.stop()
		m.config.WebhookSecret = logging.Secret(have)
		m.boot()
		require.Equal(t, want, []int{status(older), status(newer), status(newer, older)})
	}
}

func TestWebhook_ReplayAnswersTheSame(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser().signIn(demoFunder)
	pendingID := b.approve("1")
	m.payments.pay(pendingID)
	body := m.payments.event(pendingID)
	headers := m.payments.signed("msg_1", body)
	first := deliver(t, m.base, body, headers.Clone())
	require.Equal(t, first, deliver(t, m.base, body, headers.Clone()))
	require.Equal(t, []string{"payment_started", "pay"}, m.events(1))
	var seen int64
	require.NoError(t, m.db.Read(t.Context()).Raw("SELECT COUNT(*) FROM webhooks_seen WHERE webhook_id = 'msg_1' AND job_id = 1").Scan(&seen).Error)
	require.EqualValues(t, 1, seen)
}

// TestWebhook_ReplayAfterTheJobMovedOn: the sender's answer was lost. It gets the same one, to the byte, whatever has happened since.
func TestWebhook_ReplayAfterTheJobMovedOn(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		b := m.browser().signIn(demoFunder)
		first := b.approve("1")
		m.payments.fail(first, "expired", "")
		failed := m.payments.event(first)
		said := deliver(t, m.base, failed, m.payments.signed("msg_1", failed))
		require.Equal(t, answered{200, `{"success":true,"message":"Payment failure recorded","job_id":1,"job_status":"reviewing"}`}, said)

		second := b.approve("1")
		m.payments.pay(second)
		require.Equal(t, 200, m.payments.notify(m.base, "msg_2", second).status)
		require.Equal(t, marketplace.Complete, m.job(1).State)

		require.Equal(t, said, deliver(t, m.base, failed, m.payments.signed("msg_1", failed)))
		require.Equal(t, []string{"payment_started", "payment_failed", "payment_started", "pay"}, m.events(1))
	})
}

// TestWebhook_IDWithAnotherBody: an id is one event's. What comes under it and is another one is refused, though it is signed.
func TestWebhook_IDWithAnotherBody(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		b := m.browser().signIn(demoFunder)
		first, second := b.approve("1"), b.approve("2")
		m.payments.pay(first)
		m.payments.pay(second)
		body := m.payments.event(first)
		require.Equal(t, 200, deliver(t, m.base, body, m.payments.signed("msg_1", body)).status)

		other := m.payments.event(second)
		require.Equal(t, answered{409, `{"success":false,"error":"This webhook id was another event's. Nothing was changed."}`},
			deliver(t, m.base, other, m.payments.signed("msg_1", other)))
		require.False(t, m.job(2).ContractCompleted)
		require.Contains(t, m.logs.String(), "webhook_id_reused")
		require.Equal(t, 200, deliver(t, m.base, body, m.payments.signed("msg_1", body)).status, "the event itself still is what it was")
		require.Equal(t, 200, deliver(t, m.base, other, m.payments.signed("msg_2", other)).status, "so is the other, under its own id")
		require.True(t, m.job(2).ContractCompleted)

		long := strings.Repeat("m", 256)
		require.Equal(t, 400, deliver(t, m.base, other, m.payments.signed(long, other)).status)
	})
}

// TestWebhook_AnyOrder: the events of a payment that failed, was paid late, and was paid beyond what was asked, in every order and each
// of them twice. The job, and what its people read, is the same.
func TestWebhook_AnyOrder(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		const all = 3
		require.NoError(t, m.seeding.toPay(t.Context(), 6))
		b := m.browser().signIn(demoFunder)
		worker := m.browser().signIn(demoWorker)
		var reports []string
		for i, order := range [][all]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
			job := marketplace.JobID(len(samples) + 1 + i)
			pendingID := b.approve(job.String())
			event := func(kind, status, outgoing, more string, sequence int) []byte {
				return fmt.Appendf(nil, `{"type":"payment.%s","pendingId":"%s","offerId":"%s","status":"%s","outgoingPaymentId":"%s","timestamp":"2026-11-23T12:00:00Z","sequence":%d%s}`,
					kind, pendingID, job, status, outgoing, sequence, more)
			}
			events := [all][]byte{
				event("failed", "failed", "", `,"reason":"outcome_unknown"`, 3),
				event("completed", "paid", "https://wallet.example/o/1", "", 5),
				event("completed", "paid", "https://wallet.example/o/1", `,"overpaidAmount":{"value":"500","assetCode":"MXN","assetScale":2}`, 8),
			}
			for _, n := range append(order[:], order[:]...) {
				got := deliver(t, m.base, events[n], m.payments.signed(fmt.Sprintf("msg_%s_%d", job, n), events[n]))
				require.Equal(t, 200, got.status, got.body)
			}
			view := m.job(job)
			require.Equal(t, marketplace.AttemptPaid, view.Attempt.State)
			require.Equal(t, "5.00 MXN", view.Attempt.Overpaid.String())
			for _, person := range []*browser{b, worker} {
				page := person.get("/jobs/" + job.String())
				require.Contains(t, page.has(t, `#odd [data-odd="overpaid"]`).Text(), "5.00 MXN")
				require.Contains(t, page.has(t, `#history [data-event="overpaid"]`).Text(), "5.00 MXN")
			}
			reports = append(reports, fmt.Sprintf("%s %t %s", view.State, view.ContractCompleted, view.PaymentID))
		}
		for _, report := range reports {
			require.Equal(t, "complete true https://wallet.example/o/1", report)
		}
	})
}

func TestWebhook_NotAnEvent(t *testing.T) {
	t.Parallel()
	m := start(t)
	for body, want := range map[string]int{
		"":                        400,
		"null":                    400,
		"[]":                      400,
		"{}":                      400,
		"{":                       400,
		`"payment.completed"`:     400,
		"\xff\xfe":                400,
		strings.Repeat("[", 9000): 400,
		strings.Replace(seedsCurl, `"1"`, `1`, 1):                      400,
		strings.Replace(seedsCurl, `"1"`, `null`, 1):                   400,
		strings.Replace(seedsCurl, `"1"`, `1.5`, 1):                    400,
		strings.Replace(seedsCurl, `"1"`, `true`, 1):                   400,
		strings.Replace(seedsCurl, `"1"`, `["1"]`, 1):                  400,
		strings.Replace(seedsCurl, `"1"`, `""`, 1):                     400,
		strings.Replace(seedsCurl, `"test-123"`, `""`, 1):              400,
		strings.Replace(seedsCurl, `"paid"`, `"failed"`, 1):            400,
		strings.Replace(seedsCurl, `"1"`, `"1.5"`, 1):                  404,
		strings.Replace(seedsCurl, `"1"`, `"+1"`, 1):                   404,
		strings.Replace(seedsCurl, `"1"`, `" +1 "`, 1):                 404,
		strings.Replace(seedsCurl, `"1"`, `"true"`, 1):                 404,
		strings.Replace(seedsCurl, `"1"`, `"0"`, 1):                    404,
		strings.Replace(seedsCurl, `"1"`, `"0x1"`, 1):                  404,
		strings.Replace(seedsCurl, `"1"`, `"1e0"`, 1):                  404,
		strings.Replace(seedsCurl, `"1"`, `"１"`, 1):                    404,
		strings.Replace(seedsCurl, `"1"`, `" 1 "`, 1):                  404,
		strings.Replace(seedsCurl, `"1"`, `"01"`, 1):                   404,
		strings.Replace(seedsCurl, `"1"`, `"999"`, 1):                  404,
		strings.Replace(seedsCurl, `"1"`, `"-1"`, 1):                   404,
		strings.Replace(seedsCurl, `"1"`, `"99999999999999999999"`, 1): 404,
		strings.Replace(seedsCurl, `"1"`, `"1 OR 1=1"`, 1):             404,
		seedsCurl: 409, // signed, and about a payment that was not started here
		strings.Replace(seedsCurl, `https://ilp.interledger-test.dev/outgoing/xyz`, "", 1): 409, // likewise: whose money it was need not be known
		strings.Replace(seedsCurl, "payment.completed", "payment.noted", 1):                200, // newer than this program
	} {
		got := deliver(t, m.base, []byte(body), m.payments.signed("msg", []byte(body)))
		require.Equal(t, want, got.status, "%q: %s", body, got.body)
		require.Contains(t, got.body, fmt.Sprintf(`"success":%t`, want == 200))
		if want == 404 {
			require.Equal(t, `{"success":false,"error":"Job not found"}`, got.body)
		}
		require.Equal(t, 401, deliver(t, m.base, []byte(body), http.Header{}).status, "nothing in it is looked at before its signature: %q", body)
	}
	require.Equal(t, marketplace.Reviewing, m.job(1).State)
	require.Empty(t, m.events(1))
}

// The payments service gave a start up before it had told its id: that changes nothing, and need not be told again.
func TestWebhook_FailureOfAnUnknownPayment(t *testing.T) {
	t.Parallel()
	m := start(t)
	body := []byte(strings.NewReplacer("payment.completed", "payment.failed", `"paid"`, `"failed"`).Replace(seedsCurl))
	require.Equal(t, answered{200, `{"success":true,"message":"Payment failure recorded","job_id":1,"job_status":"reviewing"}`},
		deliver(t, m.base, body, m.payments.signed("m", body)))
	require.Empty(t, m.events(1))
	require.Nil(t, m.job(1).Attempt)
}

func TestWebhook_TextThatPostgresCannotHold(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		b := m.browser().signIn(demoFunder)
		pendingID := b.approve("1")
		event := func(pending, reason, outgoing, kind, status string) []byte {
			return []byte(`{"type":"payment.` + kind + `","pendingId":"` + pending + `","offerId":"1","status":"` + status + `","outgoingPaymentId":"` + outgoing +
				`","timestamp":"2026-01-09T12:00:00Z","reason":"` + reason + `","message":"` + reason + `"}`)
		}
		for name, bad := range map[string][]byte{
			"pendingId":         event(`test\u0000`, "", "https://w.example/o", "completed", "paid"),
			"long pendingId":    event(strings.Repeat("a", 65), "", "https://w.example/o", "completed", "paid"),
			"outgoingPaymentId": event(pendingID, "", `https://w.example/\u0000`, "completed", "paid"),
		} {
			require.Equal(t, 400, deliver(t, m.base, bad, m.payments.signed("bad", bad)).status, name)
			require.Equal(t, 400, deliver(t, m.base, bad, http.Header{}).status, name)
		}
		failed := event(pendingID, `wallet\u0000_error \ud800 `+strings.Repeat("ñ", 3000), "", "failed", "failed")
		require.Equal(t, 200, deliver(t, m.base, failed, m.payments.signed("m", failed)).status, "a word for people is cut to what can be kept")
		require.Equal(t, marketplace.AttemptFailed, m.job(1).Attempt.State)
		require.Contains(t, m.job(1).Attempt.Reason, "wallet_error")
	}, unsigned)
}

func TestWebhook_PaymentOfAnotherJob(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){"strict": func(*Config) {}, "unsigned allowed": unsigned} {
		m := start(t, change)
		b := m.browser().signIn(demoFunder)
		pendingID := b.approve("2") // 19.99, to pay for the job of 100.00
		m.payments.pay(pendingID)
		body := bytes.Replace(m.payments.event(pendingID), []byte(`"offerId":"2"`), []byte(`"offerId":"1"`), 1)
		refused := answered{409, `{"success":false,"error":"This payment was not started for this job here."}`}
		require.Equal(t, refused, deliver(t, m.base, body, m.payments.signed("m", body)), name)
		if m.config.AllowUnsigned {
			require.Equal(t, refused, deliver(t, m.base, body, http.Header{}), name)
		}
		require.False(t, m.job(1).ContractCompleted)
		require.False(t, m.job(2).ContractCompleted)
		require.Contains(t, m.logs.String(), "[webhook] not applied")
		require.Contains(t, m.logs.String(), "foreign_payment")
	}
}

func TestWebhook_TooLarge(t *testing.T) {
	t.Parallel()
	m := start(t, unsigned)
	padded := func(size int) []byte {
		return append([]byte(seedsCurl), bytes.Repeat([]byte(" "), size-len(seedsCurl))...)
	}
	require.Equal(t, answered{413, `{"success":false,"error":"The body is larger than an event can be."}`}, deliver(t, m.base, padded(webhook.MaxBody+1), http.Header{}))
	huge := deliver(t, m.base, padded(1<<20), http.Header{})
	require.Equal(t, 413, huge.status)
	require.Contains(t, huge.body, `"success":false`)
	require.False(t, m.job(1).ContractCompleted)
	require.Equal(t, 200, deliver(t, m.base, padded(webhook.MaxBody), http.Header{}).status)
}

func TestWebhook_WrongMethod(t *testing.T) {
	t.Parallel()
	m := start(t)
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"} {
		ctx, cancel := context.WithTimeout(t.Context(), waitFor)
		request, err := http.NewRequestWithContext(ctx, method, m.base+webhook.Path, nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		cancel()
		require.Equal(t, 405, response.StatusCode, method)
		require.Equal(t, []string{"POST"}, response.Header.Values("Allow"), method)
	}
}

func TestWebhook_FailedBeforeCompleted(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser().signIn(demoFunder)
	pendingID := b.approve("1")
	m.payments.fail(pendingID, "insufficient_funds", "")
	require.Equal(t, 200, m.payments.notify(m.base, "m1", pendingID).status)
	require.Contains(t, b.get("/jobs/1").has(t, "#payment-status").Text(), "not enough money")
	m.payments.pay(pendingID)
	require.Equal(t, 200, m.payments.notify(m.base, "m2", pendingID).status, "money that arrived is believed over an earlier failure")
	require.Equal(t, marketplace.Complete, m.job(1).State)
}

// TestWebhook_Ping: an operator tries the way. It is about no payment, and counts as much as any other event: only when it is signed.
func TestWebhook_Ping(t *testing.T) {
	t.Parallel()
	m := start(t)
	for range 2 {
		require.Equal(t, answered{200, `{"success":true,"message":"pong"}`}, deliver(t, m.base, ping, m.payments.signed("msg_ping", ping)))
	}
	require.Contains(t, m.logs.String(), `"msg":"[webhook] ping","source":"webhook","webhook_id":"msg_ping"`)
	require.Equal(t, 401, deliver(t, m.base, ping, http.Header{}).status)
	require.Equal(t, 401, deliver(t, m.base, ping, m.payments.signed("msg_ping", append([]byte(" "), ping...))).status)
	require.Equal(t, 405, m.browser().get(webhook.Path).StatusCode)
	var seen int64
	require.NoError(t, m.db.Read(t.Context()).Raw("SELECT COUNT(*) FROM webhooks_seen").Scan(&seen).Error)
	require.Zero(t, seen)
	require.Empty(t, m.events(1))

	open := start(t, unsigned)
	require.Equal(t, answered{200, `{"success":true,"message":"pong"}`}, deliver(t, open.base, ping, http.Header{}))
}
