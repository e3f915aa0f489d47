package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/marketplace"
)

// onPage sends the mails to the development's page, at once.
func onPage(c *Config) { c.MailDelivery, c.MessagesEvery = mailPage, 20*time.Millisecond }

// bell is the count in the layout.
func bell(t *testing.T, p page) string {
	t.Helper()
	return p.has(t, "#to-notifications").AttrOr("data-unread", "")
}

func TestNotifications_FromThePaymentToTheBell(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		funder, worker := m.browser().signIn(demoFunder), m.browser().signIn(demoWorker)
		read := worker.submit(worker.get("/notifications"), "read-all", nil) // what the samples' life has told
		worker.lands(read, "/notifications")
		require.Equal(t, "0", bell(t, worker.get("/")))
		require.Zero(t, worker.get("/").doc.Find("#to-notifications .count").Length())

		pendingID := funder.approve("1")
		m.payments.pay(pendingID)
		for _, id := range []string{"msg_1", "msg_2"} { // twice, as happens
			require.Equal(t, 200, m.payments.notify(m.base, id, pendingID).status)
		}
		require.Equal(t, "1", bell(t, worker.get("/")))
		list := worker.get("/notifications")
		told := list.has(t, "#notifications li.unread")
		require.Equal(t, 1, told.Length())
		require.Contains(t, told.Text(), "You have been paid 100.00 MXN for “Hand-lettered sign for a juice stand”")

		// In the reader's language, without JavaScript.
		require.Equal(t, http.StatusSeeOther, worker.get("/language/es?next=/notifications").StatusCode)
		require.Contains(t, worker.get("/notifications").has(t, "#notifications li.unread").Text(), "Recibiste 100.00 MXN por «Hand-lettered")

		// Opening it marks it; it is nobody else's to open.
		link := told.Find("a").AttrOr("href", "")
		require.Equal(t, http.StatusNotFound, funder.get(link).StatusCode)
		require.Equal(t, "1", bell(t, worker.get("/")))
		worker.lands(worker.get(link), "/jobs/1")
		require.Equal(t, "0", bell(t, worker.get("/")))
		require.Zero(t, worker.get("/notifications").doc.Find("#read-all").Length())

		mine := funder.get("/notifications").has(t, "[data-kind=payment_arrived]")
		require.Equal(t, 1, mine.Length())
		require.Equal(t, http.StatusSeeOther, m.browser().get("/notifications").StatusCode, "nobody is told without signing in")
	})
}

func TestNotifications_Pages(t *testing.T) {
	t.Parallel()
	m := start(t)
	now := clock.System().Now()
	for range 60 {
		require.NoError(t, m.store.Notify(t.Context(), marketplace.Notification{To: m.seeding.worker, Kind: marketplace.NotifyPasswordChanged, At: now}))
	}
	worker := m.browser().signIn(demoWorker)
	first := worker.get("/notifications")
	require.Equal(t, 50, first.doc.Find("#notifications li").Length())
	second := worker.get(first.has(t, "#older").AttrOr("href", ""))
	require.GreaterOrEqual(t, second.doc.Find("#notifications li").Length(), 10)
	for _, wrong := range []string{"x", "-1", "0", "1;DROP TABLE users"} {
		require.Equal(t, http.StatusNotFound, worker.get("/notifications?before="+url.QueryEscape(wrong)).StatusCode, wrong)
		require.Equal(t, http.StatusNotFound, worker.get("/notifications/"+url.PathEscape(wrong)).StatusCode, wrong)
	}
	require.Equal(t, http.StatusForbidden, worker.do(http.MethodPost, "/notifications/read", url.Values{"up_to": {"1"}}).StatusCode, "no form of ours")
	require.Equal(t, "99+", strings.TrimSpace(strings.TrimSuffix(bellAfter(t, m, worker, now), "not read")))
}

// bellAfter is the bell's text when there is more than it counts.
func bellAfter(t *testing.T, m *running, b *browser, now time.Time) string {
	t.Helper()
	for range 50 {
		require.NoError(t, m.store.Notify(t.Context(), marketplace.Notification{To: m.seeding.worker, Kind: marketplace.NotifyPasswordChanged, At: now}))
	}
	return strings.TrimSpace(b.get("/").has(t, "#to-notifications .count").Text())
}

func TestPreferences_ChosenAndKept(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		worker := m.browser().signIn(demoWorker)
		form := worker.get("/notifications/preferences")
		require.Zero(t, form.doc.Find("#phone, [id^=sms_]").Length(), "no SMS are sent here")
		require.Equal(t, 1, form.doc.Find("#email_security[disabled][checked]").Length())
		wanted := func() marketplace.Preferences {
			p, err := m.store.PreferencesOf(t.Context(), m.seeding.worker)
			require.NoError(t, err)
			return p
		}
		values := url.Values{"csrf": {form.has(t, "#preferences input[name=csrf]").AttrOr("value", "")}, "email_applications": {"on"}}
		answer := worker.do(http.MethodPost, "/notifications/preferences", values)
		saved := worker.lands(answer, "/notifications/preferences")
		saved.has(t, "[data-flash=preferences_saved]")
		require.Equal(t, 1, saved.doc.Find("#email_applications[checked]").Length())
		require.Zero(t, saved.doc.Find("#email_payments[checked]").Length())
		require.False(t, wanted().Wants(marketplace.Email, marketplace.NotifyPaid))
		require.True(t, wanted().Wants(marketplace.Email, marketplace.NotifyPasswordChanged))
		values.Set("csrf", "forged")
		require.Equal(t, http.StatusForbidden, worker.do(http.MethodPost, "/notifications/preferences", values).StatusCode)
	})
}

func TestPreferences_TelephoneWhereSMSAreSent(t *testing.T) {
	t.Parallel()
	m := start(t, func(c *Config) { c.SMSURL = "http://127.0.0.1:1/send" })
	worker := m.browser().signIn(demoWorker)
	form := worker.get("/notifications/preferences")
	values := url.Values{"csrf": {form.has(t, "#preferences input[name=csrf]").AttrOr("value", "")}, "sms_payments": {"on"}, "phone": {"5512345678"}}
	wrong := worker.do(http.MethodPost, "/notifications/preferences", values)
	require.Equal(t, http.StatusUnprocessableEntity, wrong.StatusCode)
	require.Contains(t, wrong.has(t, "#phone-error").Text(), "country's code")
	require.Equal(t, "5512345678", wrong.has(t, "#phone").AttrOr("value", ""))
	require.Equal(t, 1, wrong.doc.Find("#sms_payments[checked]").Length(), "what was chosen is still there")
	values.Set("phone", "+52 55 1234-5678")
	require.Equal(t, http.StatusSeeOther, worker.do(http.MethodPost, "/notifications/preferences", values).StatusCode)
	kept, err := m.store.PreferencesOf(t.Context(), m.seeding.worker)
	require.NoError(t, err)
	require.Equal(t, "+525512345678", kept.Phone)
	require.True(t, kept.Wants(marketplace.SMS, marketplace.NotifyPaid))
	require.False(t, kept.Wants(marketplace.SMS, marketplace.NotifyApplication))
}

func TestDevMail_ShowsWhatWouldBeSent(t *testing.T) {
	t.Parallel()
	m := start(t, onPage)
	now := clock.System().Now()
	require.NoError(t, m.store.Notify(t.Context(), marketplace.Notification{
		To: m.seeding.worker, Kind: marketplace.NotifyPasswordReset, At: now, Until: now.Add(time.Hour), Facts: marketplace.Facts{Path: "/reset?token=s3cret"},
	}))
	anybody := m.browser()
	var mails page
	require.Eventually(t, func() bool {
		mails = anybody.get("/dev/mail")
		return mails.doc.Find("[data-kind=password_reset]").Length() == 1
	}, waitFor, every)
	one := mails.has(t, "[data-kind=password_reset]")
	require.Contains(t, one.Find("pre").Text(), m.config.BaseURL+"/reset?token=s3cret")
	html := anybody.get(one.Find("a").AttrOr("href", ""))
	require.Equal(t, http.StatusOK, html.StatusCode)
	require.Contains(t, html.Header.Get("Content-Security-Policy"), "sandbox")
	require.Equal(t, m.config.BaseURL+"/reset?token=s3cret", html.has(t, "a.button").AttrOr("href", ""))
	require.Equal(t, http.StatusNotFound, anybody.get("/dev/mail/nothing").StatusCode)
	require.NotContains(t, m.logs.String(), "s3cret")

	// What was sent is known, and what it said is not.
	var kept string
	require.Eventually(t, func() bool {
		require.NoError(t, m.db.Read(t.Context()).Raw("SELECT facts FROM messages WHERE kind = 'password_reset'").Scan(&kept).Error)
		return kept == "{}"
	}, waitFor, every)
}

func TestDevMail_IsNotThereUnlessAskedFor(t *testing.T) {
	t.Parallel()
	m := start(t)
	for _, b := range []*browser{m.browser(), m.browser().signIn(demoOperator)} {
		require.Equal(t, http.StatusNotFound, b.get("/dev/mail").StatusCode)
		require.Equal(t, http.StatusNotFound, b.get("/dev/mail/1").StatusCode)
	}
}

func TestConfig_MailAndSMS(t *testing.T) {
	t.Parallel()
	good := start(t).config
	for name, change := range map[string]func(*Config){
		"MAIL_DELIVERY":    func(c *Config) { c.MailDelivery = "yes" },
		"MAIL_DELIVERY is": func(c *Config) { c.MailDelivery, c.BaseURL = mailPage, "https://market.example" },
		"SMTP_ADDRESS":     func(c *Config) { c.MailDelivery, c.MailFrom, c.SMTPAddress = mailSMTP, "a@market.example", "mail" },
		"MAIL_FROM":        func(c *Config) { c.MailDelivery, c.SMTPAddress = mailSMTP, "mail:25" },
		"MAIL_FROM must":   func(c *Config) { c.MailFrom = "a@market.example\r\nBcc: b@example.com" },
		"MAIL_REPLY_TO":    func(c *Config) { c.MailReplyTo = "nobody" },
		"SMTP_TLS":         func(c *Config) { c.SMTPSecurity = "ssl" },
		"SMTP_PASSWORD": func(c *Config) {
			c.MailDelivery, c.MailFrom, c.SMTPAddress, c.SMTPUsername = mailSMTP, "a@market.example", "mail:587", "me"
		},
		"SMS_GATEWAY_URL":    func(c *Config) { c.SMSURL = "sms.example" },
		"SMS_GATEWAY_SECRET": func(c *Config) { c.SMSSecret = "secret" },
		"MESSAGES_WORKERS":   func(c *Config) { c.MessagesWorkers = 0 },
		"SMTP_TLS is none": func(c *Config) {
			c.MailDelivery, c.MailFrom, c.SMTPAddress, c.SMTPSecurity = mailSMTP, "a@market.example", "mail:587", "none"
			c.SMTPUsername, c.SMTPPassword = "me", "p4ss"
		},
		"one with http":          func(c *Config) { c.SMSURL, c.SMSAuthorization = "http://sms.example/send", "Bearer p4ss" },
		"MESSAGES_POLL_INTERVAL": func(c *Config) { c.MessagesEvery = 0 },
	} {
		c := good
		change(&c)
		err := c.Validate()
		require.ErrorContains(t, err, name)
		require.NotContains(t, err.Error(), "p4ss")
	}
	for _, change := range []func(*Config){
		func(c *Config) {
			c.MailDelivery, c.MailFrom, c.SMTPAddress = mailSMTP, "Tianguis <a@market.example>", "mail:587"
		},
		func(c *Config) { c.SMSURL, c.SMSAuthorization = "https://sms.example/send", "Bearer p4ss" },
		onPage,
	} {
		c := good
		change(&c)
		require.NoError(t, c.Validate())
	}
}

func TestMessageCommands(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		require.NoError(t, m.db.Read(t.Context()).Exec("UPDATE messages SET state = 'dead', error = '550 no such user', ended_at = at").Error)
		file := settingsFile(t, `DATABASE_URL="`+m.config.DatabaseURL+`"`)
		out, err := run(t, file, "", "message", "list", "--state", "dead", "--json")
		require.NoError(t, err)
		var dead []struct{ ID, State, Error, To string }
		require.NoError(t, json.Unmarshal([]byte(out), &dead))
		require.NotEmpty(t, dead)
		require.Equal(t, "550 no such user", dead[0].Error)
		table, err := run(t, file, "", "message", "list", "--channel", "email")
		require.NoError(t, err)
		require.Contains(t, table, dead[0].ID)
		for _, wrong := range [][]string{{"list", "--state", "lost"}, {"list", "--channel", "fax"}, {"retry"}, {"retry", "--all", dead[0].ID}, {"retry", "nothing"}} {
			_, err := run(t, file, "", append([]string{"message"}, wrong...)...)
			require.Error(t, err, wrong)
		}
		out, err = run(t, file, "", "message", "retry", dead[0].ID)
		require.NoError(t, err)
		require.Contains(t, out, "1 of them")
		out, err = run(t, file, "", "message", "retry", "--all")
		require.NoError(t, err)
		require.NotContains(t, out, "0 of them")
		out, err = run(t, file, "", "message", "list", "--state", "dead", "--json")
		require.NoError(t, err)
		require.Equal(t, "[]\n", out)
	})
}

// TestPaymentLate_ToldOnce: an hour after it was approved, both are told that it takes long, however often it is asked about.
func TestPaymentLate_ToldOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		b := m.browser().signIn(demoFunder)
		pendingID := b.approve("1")
		b.comeBack(pendingID)
		require.Equal(t, marketplace.AttemptConfirming, m.job(1).Attempt.State)
		require.NoError(t, m.db.Read(t.Context()).Exec("UPDATE payment_attempts SET created_at = ?", clock.System().Now().Add(-2*time.Hour)).Error)
		for range 2 {
			asked := m.payments.called("GET /payments/{pendingId}/status")
			m.due()
			require.Eventually(t, func() bool { return m.payments.called("GET /payments/{pendingId}/status") > asked && m.polled(1) }, waitFor, every)
		}
		require.Equal(t, []string{"payment_started", "payment_late"}, m.events(1))
		require.Equal(t, 1, b.get("/notifications").doc.Find("[data-kind=payment_late]").Length())
		require.Equal(t, 1, m.browser().signIn(demoWorker).get("/notifications").doc.Find("[data-kind=payment_late]").Length())
		require.Contains(t, b.get("/jobs/1").has(t, "[data-event=payment_late]").Text(), "longer than it should")
	}, polling)
}
