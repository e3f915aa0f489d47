package main

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/marketplace"
)

func TestOperator_PageIsForOperators(t *testing.T) {
	t.Parallel()
	m := start(t)
	nobody := m.browser().get("/operator")
	require.Equal(t, http.StatusSeeOther, nobody.StatusCode)
	require.Contains(t, nobody.Header.Get("Location"), "/login")
	for _, email := range []string{demoFunder, demoWorker} {
		b := m.browser().signIn(email)
		require.Equal(t, http.StatusNotFound, b.get("/operator").StatusCode, "for others there is nothing")
		require.Zero(t, b.get("/").doc.Find("#to-operator").Length())
	}
	b := m.browser().signIn(demoOperator)
	require.Equal(t, "/operator", b.get("/").has(t, "#to-operator").AttrOr("href", ""))
	page := b.get("/operator")
	require.Equal(t, http.StatusOK, page.StatusCode)
	require.Zero(t, page.doc.Find("#unsigned, main li").Length())
	for _, job := range []string{"1", "7"} {
		require.Equal(t, http.StatusOK, b.get("/jobs/"+job).StatusCode, "every job")
	}
	require.Equal(t, http.StatusForbidden, b.get("/jobs/1/pay").StatusCode, "to look, and not to pay")
}

// TestOperator_WarnedOfUnsignedWebhooks: at start, and wherever the operator looks.
func TestOperator_WarnedOfUnsignedWebhooks(t *testing.T) {
	t.Parallel()
	const line = `"level":"WARN","msg":"WEBHOOK_ALLOW_UNSIGNED is set`
	open := start(t, unsigned)
	require.Contains(t, open.logs.String(), line)
	require.Contains(t, open.browser().signIn(demoOperator).get("/operator").has(t, "#unsigned").Text(), "WEBHOOK_SECRET")
	closed := start(t)
	require.NotContains(t, closed.logs.String(), line)
	require.Zero(t, closed.browser().signIn(demoOperator).get("/operator").doc.Find("#unsigned").Length())
}

// callOff cancels a job, as its funder will be able to.
func (m *running) callOff(id marketplace.JobID) {
	m.t.Helper()
	job, err := m.store.Job(m.t.Context(), id)
	require.NoError(m.t, err)
	change, err := job.Do(marketplace.Cancel, job.Funder, "", clock.System().Now())
	require.NoError(m.t, err)
	require.NoError(m.t, m.store.Record(m.t.Context(), change))
}

// TestOperator_CanceledJobGetsPaid: a job is called off while its payment is at the wallet, and the money comes. It stays canceled, and
// everybody whom it concerns is told, whichever way the news came.
func TestOperator_CanceledJobGetsPaid(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		funder, worker, operator := m.browser().signIn(demoFunder), m.browser().signIn(demoWorker), m.browser().signIn(demoOperator)
		for job, told := range map[string]func(pendingID string){
			"1": func(pendingID string) {
				require.Equal(t, answered{200, `{"success":true,"message":"Payment confirmed","job_id":1,"job_status":"canceled"}`},
					m.payments.notify(m.base, "msg_1", pendingID))
			},
			"2": func(string) { m.due() },
		} {
			pendingID := funder.approve(job)
			id, err := marketplace.ParseJobID(job)
			require.NoError(t, err)
			m.callOff(id)
			m.payments.pay(pendingID)
			told(pendingID)
			require.Eventually(t, func() bool { return m.job(id).ContractCompleted }, waitFor, every)
			require.Equal(t, marketplace.Canceled, m.job(id).State)
			require.Equal(t, []string{"payment_started", "cancel", "paid_out_of_turn"}, m.events(id))

			for _, person := range []*browser{funder, worker, operator} {
				page := person.get("/jobs/" + job)
				require.Contains(t, page.has(t, `#odd [data-odd="paid_out_of_turn"]`).Text(), "although this job was Canceled")
				require.Contains(t, page.has(t, "#odd").Text(), "Fernanda Ruiz and Beto Hernández agree how it is returned")
				require.Contains(t, page.has(t, `#history [data-event="paid_out_of_turn"]`).Text(), "Money arrived although the job was “Canceled”")
			}
			for _, person := range []*browser{funder, worker} {
				require.Equal(t, "Paid out of turn", person.get("/").has(t, `#ended li[data-job="`+job+`"] .job-odd`).Text())
			}
			line := operator.get("/operator").has(t, `#odd li[data-job="`+job+`"][data-event="paid_out_of_turn"]`)
			require.Equal(t, "/jobs/"+job, line.Find("a").AttrOr("href", ""))
			require.Contains(t, line.Text(), "Money arrived although the job was “Canceled”")
			require.Regexp(t, `"level":"ERROR","msg":"payment news applied".*"job_id":"`+job+`".*"event":"paid_out_of_turn"`, m.logs.String())
		}
	}, polling)
}

// TestOperator_OpenForLong: a payment whose end nobody learns of is not forgotten.
func TestOperator_OpenForLong(t *testing.T) {
	t.Parallel()
	m := start(t)
	pendingID := m.browser().signIn(demoFunder).approve("1")
	operator := m.browser().signIn(demoOperator)
	require.Zero(t, operator.get("/operator").doc.Find("#open li").Length(), "it has just begun")
	require.NoError(t, m.db.Read(t.Context()).Exec("UPDATE payment_attempts SET created_at = ?", clock.System().Now().Add(-2*marketplace.OpenForLong)).Error)
	require.Contains(t, operator.get("/operator").has(t, `#open li[data-job="1"][data-attempt="awaiting"]`).Text(), pendingID)
	m.payments.pay(pendingID)
	require.Equal(t, 200, m.payments.notify(m.base, "msg_1", pendingID).status)
	page := operator.get("/operator")
	require.Zero(t, page.doc.Find("#open li, #odd li").Length())
	page.has(t, `#news li[data-job="1"][data-event="pay"]`)
}

const reason = "Asked for by phone."

// operates does something to a person on the operator's pages, and returns the answer.
func (b *browser) operates(id marketplace.UserID, act marketplace.PersonAct, why string) page {
	b.t.Helper()
	return b.submit(b.get("/operator/people/"+id.String()+"/"+string(act)), "act", map[string]string{"reason": why})
}

// actions are what operators did, the newest first.
func (m *running) actions(f marketplace.ActionsFilter) []marketplace.OperatorAction {
	m.t.Helper()
	all, err := m.store.OperatorActions(m.t.Context(), f, 100)
	require.NoError(m.t, err)
	return all
}

func (m *running) person(email string) marketplace.User {
	m.t.Helper()
	u, err := m.store.UserByEmail(m.t.Context(), email)
	require.NoError(m.t, err)
	return u
}

// TestOperator_ListsAreForOperators: each page as an operator, and as somebody for whom there is nothing.
func TestOperator_ListsAreForOperators(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		operator, stranger := m.browser().signIn(demoOperator), m.browser().signIn(demoFunder)
		worker := m.person(demoWorker).ID.String()
		for _, path := range []string{
			"/operator", "/operator/people", "/operator/people?q=bet&role=worker&state=enabled", "/operator/people?state=disabled", "/operator/people/" + worker,
			"/operator/jobs", "/operator/jobs?q=a&state=reviewing&person=" + worker + "&asset=MXN&payment=paid", "/operator/payments",
			"/operator/payments?state=open&person=" + worker + "&job=1", "/operator/actions", "/operator/actions?event=exported&by=1&on=people",
			"/operator/people.csv", "/operator/jobs.csv", "/operator/payments.csv", "/operator/actions.csv", "/operator/people/" + worker + "/disable",
		} {
			require.Equal(t, http.StatusOK, operator.get(path).StatusCode, path)
			require.Equal(t, http.StatusNotFound, stranger.get(path).StatusCode, path)
			require.Equal(t, http.StatusSeeOther, m.browser().get(path).StatusCode, path)
		}
		token := stranger.token()
		for _, path := range []string{"/operator/people/" + worker + "/disable", "/operator/news/1/looked-into"} {
			require.Equal(t, http.StatusNotFound, stranger.do(http.MethodPost, path, url.Values{"csrf": {token}, "reason": {"x"}}).StatusCode, path)
			require.Equal(t, http.StatusForbidden, operator.do(http.MethodPost, path, url.Values{"reason": {"x"}}).StatusCode, "not our form")
		}
		for _, path := range []string{
			"/operator/people?role=king", "/operator/people?state=dead", "/operator/people?before=x", "/operator/people.csv?role=king", "/operator/jobs?state=x",
			"/operator/jobs?person=-1", "/operator/jobs?asset=ZZZ", "/operator/jobs?payment=x", "/operator/payments?q=short", "/operator/payments?state=x", "/operator/payments?job=a",
			"/operator/actions?event=x", "/operator/actions?by=x", "/operator/actions?on=person:x", "/operator/people?q=%00", "/operator/people?q=%ff",
		} {
			answer := operator.get(path)
			require.Equal(t, http.StatusBadRequest, answer.StatusCode, path)
			require.NotEmpty(t, answer.has(t, ".field-error, .form-error").Text(), path)
		}
		for _, path := range []string{"/operator/people/0", "/operator/people/x", "/operator/people/999", "/operator/people/999/disable", "/operator/people/" + worker + "/dance"} {
			require.Equal(t, http.StatusNotFound, operator.get(path).StatusCode, path)
		}
		found := operator.get("/operator/people?q=HERNANDEZ")
		require.Equal(t, 1, found.doc.Find("#found li").Length(), "whatever the accents and the case")
		require.Contains(t, found.has(t, `li[data-person="`+worker+`"]`).Text(), "Beto Hernández")
		require.Equal(t, "Nothing fits this. Show everything", strings.TrimSpace(operator.get("/operator/people?q=nobodyatall").has(t, "#nothing-found").Text()))
		require.NotContains(t, operator.get("/operator/people/"+worker).text, "argon2")
		looks := m.actions(marketplace.ActionsFilter{Event: marketplace.OperatorLooked})
		require.Len(t, looks, 1, "looked at twice within the hour")
		require.Len(t, m.actions(marketplace.ActionsFilter{Event: marketplace.OperatorExported}), 4)
	})
}

// TestOperator_DisablesAPerson: the session dies on the next click, the sign-in says why, and both trails tell it.
func TestOperator_DisablesAPerson(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		operator, worker := m.browser().signIn(demoOperator), m.browser().signIn(demoWorker)
		id := m.person(demoWorker).ID
		page := "/operator/people/" + id.String()

		refused := operator.operates(id, marketplace.DisablePerson, " ")
		require.Equal(t, http.StatusUnprocessableEntity, refused.StatusCode)
		require.Contains(t, refused.has(t, "#reason-error").Text(), "Give a reason")
		require.False(t, m.person(demoWorker).Disabled())

		operator.lands(operator.operates(id, marketplace.DisablePerson, reason), page).has(t, `[data-flash="person_disable"]`)
		require.Contains(t, worker.get("/profile").Header.Get("Location"), "/login", "the next click")
		signIn := worker.submit(worker.get("/login"), "login", map[string]string{"email": demoWorker, "password": demoPassword})
		require.Equal(t, http.StatusForbidden, signIn.StatusCode)
		require.Contains(t, signIn.text, "This account was disabled")
		wrong := worker.submit(worker.get("/login"), "login", map[string]string{"email": demoWorker, "password": "not the password"})
		require.NotContains(t, wrong.text, "disabled", "told to whoever knows the password alone")
		require.Equal(t, http.StatusConflict, operator.get(page+"/disable").StatusCode, "it is so already")

		did := m.actions(marketplace.ActionsFilter{Event: marketplace.AccountDisabled, Subject: marketplace.AboutPerson(id)})[0]
		require.Equal(t, marketplace.AccountDisabled, did.Event)
		require.Equal(t, reason, did.Reason)
		require.Equal(t, m.person(demoOperator).Actor(), did.By)
		require.Contains(t, operator.get("/operator/actions").has(t, `li[data-action="disabled"]`).Text(), reason)

		operator.lands(operator.operates(id, marketplace.EnablePerson, reason), page)
		worker.signIn(demoWorker)
		events := worker.get("/profile").has(t, "#account-events").Text()
		require.Contains(t, events, "Account disabled")
		require.Contains(t, events, "by an operator")
		require.NotContains(t, events, reason)

		operator.lands(operator.operates(id, marketplace.SignPersonOut, reason), page)
		require.Contains(t, worker.get("/profile").Header.Get("Location"), "/login")
	})
}

// TestOperator_TheLastOneStays: nobody does it to themselves, and nobody can leave the marketplace without an operator.
func TestOperator_TheLastOneStays(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		operator, own := m.browser().signIn(demoOperator), m.person(demoOperator).ID
		require.Equal(t, http.StatusForbidden, operator.get("/operator/people/"+own.String()+"/disable").StatusCode)
		require.Zero(t, operator.get("/operator/people/"+own.String()).doc.Find("#acts a").Length())
		change, err := m.person(demoOperator).Operate(marketplace.UnmakeOperator, marketplace.AtCommandLine, "", clock.System().Now())
		require.NoError(t, err)
		require.ErrorIs(t, m.store.ChangeAccount(t.Context(), change), marketplace.ErrLastOperator)
		change, err = m.person(demoOperator).Operate(marketplace.DisablePerson, marketplace.AtCommandLine, "", clock.System().Now())
		require.NoError(t, err)
		require.ErrorIs(t, m.store.ChangeAccount(t.Context(), change), marketplace.ErrLastOperator)

		worker := m.person(demoWorker).ID
		operator.lands(operator.operates(worker, marketplace.MakeOperator, reason), "/operator/people/"+worker.String())
		second := m.browser().signIn(demoWorker)
		second.lands(second.operates(own, marketplace.UnmakeOperator, reason), "/operator/people/"+own.String())
		require.Equal(t, http.StatusNotFound, operator.get("/operator").StatusCode, "at once")
	})
}

// TestOperator_CancelsAJob: with a reason, which its people are told; the history says that an operator did it.
func TestOperator_CancelsAJob(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		operator := m.browser().signIn(demoOperator)
		refused := operator.submit(operator.get("/jobs/1"), "cancel", nil)
		require.Equal(t, http.StatusUnprocessableEntity, refused.StatusCode)
		require.Equal(t, marketplace.Reviewing, m.job(1).State)
		operator.lands(operator.submit(operator.get("/jobs/1"), "cancel", map[string]string{"text": reason}), "/jobs/1")
		for _, email := range []string{demoFunder, demoWorker} {
			b := m.browser().signIn(email)
			line := b.get("/jobs/1").has(t, `#history [data-event="cancel"]`).Text()
			require.Contains(t, line, "by an operator of the marketplace")
			require.Contains(t, line, reason)
			require.Contains(t, b.get("/notifications").text, "was canceled")
		}
		did := m.actions(marketplace.ActionsFilter{Event: marketplace.OperatorCanceled})
		require.Len(t, did, 1)
		require.Equal(t, marketplace.AboutJob(1), did[0].Subject)
	}, polling)
}

// TestOperator_LooksInto: what needed a person leaves the list once, and stays in the audit.
func TestOperator_LooksInto(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		pendingID := m.browser().signIn(demoFunder).approve("1")
		m.callOff(1)
		m.payments.pay(pendingID)
		require.Equal(t, 200, m.payments.notify(m.base, "msg_1", pendingID).status)
		operator := m.browser().signIn(demoOperator)
		page := operator.get("/operator")
		form := page.has(t, "#odd form").AttrOr("id", "")
		refused := operator.submit(page, form, nil)
		require.Equal(t, http.StatusUnprocessableEntity, refused.StatusCode)
		require.Contains(t, refused.has(t, "#reason-error").Text(), "Give a reason")
		require.Zero(t, operator.lands(operator.submit(page, form, map[string]string{"reason": reason}), "/operator").doc.Find("#odd li").Length())
		require.Equal(t, http.StatusConflict, operator.submit(page, form, map[string]string{"reason": reason}).StatusCode, "once")
		require.Len(t, m.actions(marketplace.ActionsFilter{Event: marketplace.OperatorLookedInto}), 1)
		require.Equal(t, http.StatusNotFound, operator.do(http.MethodPost, "/operator/news/1/looked-into", url.Values{"csrf": {operator.token()}, "reason": {"x"}}).StatusCode,
			"nothing odd about that line")
		payment := operator.get("/operator/payments?q="+pendingID).has(t, `li[data-payment="`+pendingID+`"]`)
		require.Equal(t, "/jobs/1", payment.Find("a").AttrOr("href", ""))
	})
}

// TestOperator_CSV: what people called themselves is no formula in a sheet.
func TestOperator_CSV(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		m.joins("evil@example.com", "=HYPERLINK(1)", "https://w.example/evil", marketplace.Both)
		answer := m.browser().signIn(demoOperator).get("/operator/people.csv?q=evil")
		require.Equal(t, "text/csv; charset=utf-8", answer.Header.Get("Content-Type"))
		rows, err := csv.NewReader(strings.NewReader(answer.text)).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 2)
		require.Equal(t, []string{"evil@example.com", "'=HYPERLINK(1)", "both", "false", "enabled", "https://w.example/evil"}, rows[1][1:7])
		require.Equal(t, "q=evil", m.actions(marketplace.ActionsFilter{Event: marketplace.OperatorExported})[0].Detail)
	})
}

// TestOperator_AuditIsAChain: a hand in the database is stopped, and, when it insists, seen.
func TestOperator_AuditIsAChain(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		operator := m.browser().signIn(demoOperator)
		operator.get("/operator/jobs.csv")
		operator.get("/operator/payments.csv")
		require.Equal(t, "true", operator.get("/operator/actions").has(t, "#chain").AttrOr("data-holds", ""))
		whole, err := m.store.VerifyActions(t.Context(), 0, "")
		require.NoError(t, err)
		require.True(t, whole.Holds())
		require.Greater(t, whole.To, int64(2))

		hand := m.db.Read(t.Context())
		require.ErrorContains(t, hand.Exec("UPDATE operator_actions SET detail = 'x' WHERE number = 2").Error, "append-only")
		require.ErrorContains(t, hand.Exec("DELETE FROM operator_actions WHERE number = 2").Error, "append-only")
		on := ""
		if m.db.Dialect() == database.Postgres {
			on = " ON operator_actions"
		} else {
			require.NoError(t, hand.Exec("DROP TRIGGER operator_actions_delete").Error)
		}
		require.NoError(t, hand.Exec("DROP TRIGGER operator_actions_update"+on).Error)
		require.NoError(t, hand.Exec("UPDATE operator_actions SET detail = 'x' WHERE number = 2").Error)
		found := func(anchor string) []marketplace.ActionFinding {
			checked, err := m.store.VerifyActions(t.Context(), 0, anchor)
			require.NoError(t, err)
			return checked.Findings
		}
		require.Equal(t, []marketplace.ActionFinding{{Number: 2, Flaw: marketplace.FlawChanged}}, found(whole.Anchor))
		operator.get("/operator/actions").has(t, `#chain[data-holds="false"] [data-finding="2"]`)
		require.NoError(t, hand.Exec("DELETE FROM operator_actions WHERE number = 2").Error)
		require.Equal(t, []marketplace.ActionFinding{{Number: 3, Flaw: marketplace.FlawMissing}}, found(whole.Anchor))
		require.NoError(t, hand.Exec("DELETE FROM operator_actions WHERE number = ?", whole.To).Error)
		require.Equal(t, []marketplace.ActionFinding{
			{Number: 3, Flaw: marketplace.FlawMissing}, {Number: whole.To, Flaw: marketplace.FlawEnd}, {Number: whole.To, Flaw: marketplace.FlawAnchor},
		}, found(whole.Anchor))
		operator.get("/operator/jobs.csv") // operators go on, and that heals nothing
		require.Contains(t, found(""), marketplace.ActionFinding{Number: whole.To + 1, Flaw: marketplace.FlawMissing})
	})
}
