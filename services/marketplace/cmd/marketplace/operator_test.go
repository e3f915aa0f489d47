package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
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
				require.Contains(t, page.has(t, `#history [data-event="paid_out_of_turn"]`).Text(), "Money arrived although the job was Canceled")
			}
			for _, person := range []*browser{funder, worker} {
				require.Equal(t, "Paid out of turn", person.get("/").has(t, `#ended li[data-job="`+job+`"] .job-odd`).Text())
			}
			line := operator.get("/operator").has(t, `#odd li[data-job="`+job+`"][data-event="paid_out_of_turn"]`)
			require.Equal(t, "/jobs/"+job, line.Find("a").AttrOr("href", ""))
			require.Contains(t, line.Text(), "Money arrived although the job was Canceled")
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
