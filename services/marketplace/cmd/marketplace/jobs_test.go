package main

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/marketplace"
	"tianguis.example/payments/money"
)

// people of the tests beside the demo's.
const (
	anaEmail    = "ana@example.com"    // applies
	carlosEmail = "carlos@example.com" // does not
)

func (m *running) joins(email, name, wallet string, role marketplace.Role) marketplace.UserID {
	m.t.Helper()
	u, err := marketplace.NewUser(email, name, demoPassword, role, wallet, clock.System().Now())
	require.NoError(m.t, err)
	id, err := m.store.CreateUser(m.t.Context(), u)
	require.NoError(m.t, err)
	return id
}

// jobIn is a new job in a state. From the applications on, the demo's worker and Ana have applied; later the worker is chosen.
func (m *running) jobIn(state marketplace.State, ana marketplace.UserID) marketplace.JobID {
	m.t.Helper()
	funder, worker, err := m.seeding.doers(m.t.Context())
	require.NoError(m.t, err)
	rival, err := m.store.User(m.t.Context(), ana)
	require.NoError(m.t, err)
	return m.jobOf(state, funder, worker, rival)
}

// jobOf is jobIn with other people. What each of them writes tells who wrote it.
func (m *running) jobOf(state marketplace.State, funder, worker, rival marketplace.User) marketplace.JobID {
	m.t.Helper()
	budget, err := money.ParseDecimal("35.00", "MXN", 2)
	require.NoError(m.t, err)
	steps := []marketplace.Command{
		{Action: marketplace.Publish, By: funder}, {Action: marketplace.Apply, By: rival, Text: "Says the rival"}, {Action: marketplace.Apply, By: worker, Text: "Says the worker"},
		{Action: marketplace.Close, By: funder}, {Action: marketplace.Select, By: funder, Worker: worker.ID}, {Action: marketplace.Submit, By: worker, Text: "The work itself"},
	}
	switch state {
	case marketplace.Draft:
		steps = nil
	case marketplace.Recruiting:
		steps = steps[:2] // the worker has not applied, and is anybody
	case marketplace.Selecting:
		steps = []marketplace.Command{steps[0], steps[1], steps[3]}
	case marketplace.Submitting:
		steps = steps[:5]
	case marketplace.Reviewing, marketplace.Complete:
	case marketplace.Canceled:
		steps = append(steps[:5], marketplace.Command{Action: marketplace.Cancel, By: funder, Text: "The rain came"})
	case marketplace.Expired:
		steps = steps[:5]
	}
	now := clock.System().Now()
	draft, history := marketplace.NewJob(funder.ID, marketplace.Terms{
		Title: "Job in " + string(state), Description: "D", Budget: budget, MaxApplications: 10, RecruitDays: 7, SubmitDays: 7,
	}, now)
	draft.Version = 1
	c := marketplace.Case{Job: draft}
	var life []marketplace.Change
	record := func(change marketplace.Change, err error) {
		m.t.Helper()
		require.NoError(m.t, err)
		c, life = c.With(change), append(life, change)
	}
	for _, step := range steps {
		record(c.Decide(step, now))
	}
	switch state {
	case marketplace.Complete:
		record(c.Do(marketplace.Pay, 0, "", now))
	case marketplace.Expired:
		record(c.RunOut(c.Deadline))
	default:
	}
	require.Equal(m.t, state, c.State)
	id, err := m.store.ImportJob(m.t.Context(), draft, history, life)
	require.NoError(m.t, err)
	return id
}

// token is what the browser's forms carry.
func (b *browser) token() string {
	b.t.Helper()
	return b.get("/").has(b.t, "form#logout input[name=csrf]").AttrOr("value", "")
}

// TestJob_EveryStateActionAndPersonThroughHTTP posts every form to a job in every state, as everybody. What the table does not name is refused,
// and changes nothing.
func TestJob_EveryStateActionAndPersonThroughHTTP(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		ana := m.joins(anaEmail, "Ana", "https://w.example/ana", marketplace.Both)
		m.joins(carlosEmail, "Carlos", "https://w.example/carlos", marketplace.Both)
		_, err := m.store.User(t.Context(), ana)
		require.NoError(t, err)
		browsers := map[string]*browser{
			"funder": m.browser().signIn(demoFunder), "worker": m.browser().signIn(demoWorker), "applicant": m.browser().signIn(anaEmail),
			"other": m.browser().signIn(carlosEmail), "operator": m.browser().signIn(demoOperator), "nobody": m.browser(),
		}
		tokens := map[string]string{}
		for part, b := range browsers {
			if part != "nobody" {
				tokens[part] = b.token()
			}
		}
		nobody := browsers["nobody"].get("/login")
		tokens["nobody"] = nobody.has(t, "form#login input[name=csrf]").AttrOr("value", "")

		allowed := map[marketplace.State]map[string]string{
			"draft":      {"funder": "edit publish cancel", "operator": "cancel"},
			"recruiting": {"funder": "edit close cancel", "worker": "apply", "applicant": "withdraw", "other": "apply", "operator": "cancel"},
			"selecting":  {"funder": "select cancel", "applicant": "withdraw", "operator": "cancel"},
			"submitting": {"funder": "cancel", "worker": "submit", "operator": "cancel"},
			"reviewing":  {"funder": "accept reject cancel", "operator": "cancel"},
		}
		sees := map[marketplace.State]string{
			"draft": "funder operator", "recruiting": "funder worker applicant other operator", "selecting": "funder applicant operator",
		}
		owner := map[string]string{"apply": "other", "withdraw": "applicant", "submit": "worker", "cancel": "funder operator"}
		combinations := 0
		for _, state := range marketplace.States {
			refusedBy := m.jobIn(state, ana)
			before := m.job(refusedBy)
			for part, b := range browsers {
				for _, action := range marketplace.Actions {
					combinations++
					name := fmt.Sprintf("%s: %s by %s", state, action, part)
					is := slices.Contains(strings.Fields(allowed[state][part]), string(action))
					id := refusedBy
					if is {
						id = m.jobIn(state, ana)
					}
					form := url.Values{
						"csrf": {tokens[part]}, "text": {"Because."}, "worker": {ana.String()}, "version": {"1"},
						"title": {"T2"}, "description": {"D2"}, "amount": {"12.50"}, "asset": {"EUR"}, "max_applications": {"3"}, "recruit_days": {"2"}, "submit_days": {"2"},
					}
					answer := b.do(http.MethodPost, fmt.Sprintf("/jobs/%s/%s", id, action), form)
					if is {
						require.Equal(t, http.StatusSeeOther, answer.StatusCode, "%s: %s", name, answer.text)
						to := "/jobs/" + id.String()
						if action == marketplace.Withdraw {
							to = "/"
						}
						require.Equal(t, to, answer.Header.Get("Location"), name)
						require.Greater(t, m.job(id).Version, int64(1), name)
						require.True(t, slices.ContainsFunc(m.job(id).History[1:], func(e marketplace.EntryView) bool { return e.Event == string(action) }), name)
						continue
					}
					canSee, common := sees[state]
					if !common {
						canSee = "funder worker applicant operator"
					}
					may, specific := owner[string(action)]
					if !specific {
						may = "funder"
					}
					actual := part
					if state == marketplace.Draft && part == "applicant" || part == "worker" && slices.Contains([]marketplace.State{"draft", "recruiting", "selecting"}, state) {
						actual = "other" // has not applied, and is not chosen
					}
					want := http.StatusConflict
					switch {
					case action == marketplace.Expire:
						want = http.StatusNotFound // nobody asks for that
					case action == marketplace.Pay && part != "nobody": // to ask for it; that it is paid is the marketplace's to say: see below
						want = payAsked(state, part)
						if state == marketplace.Reviewing && part == "funder" { // so the job is another one
							answer = b.do(http.MethodPost, fmt.Sprintf("/jobs/%s/pay", m.jobIn(state, ana)), url.Values{"csrf": {tokens[part]}, "wallet_address": {"https://w.example/f"}})
							require.Contains(t, answer.Header.Get("Location"), "/pay/consent", name)
						}
					case part == "nobody":
						want = http.StatusSeeOther
						require.Equal(t, "/login", answer.Header.Get("Location"), name)
					case !slices.Contains(strings.Fields(canSee), part):
						want = http.StatusNotFound
					case !slices.Contains(strings.Fields(may), actual):
						want = http.StatusForbidden
					}
					require.Equal(t, want, answer.StatusCode, "%s: %s", name, answer.text)
				}
			}
			require.Equal(t, before, m.job(refusedBy), "%s: nothing changed", state)
		}
		require.Equal(t, len(marketplace.States)*len(browsers)*len(marketplace.Actions), combinations)

		for _, form := range []url.Values{nil, {"csrf": {"wrong"}, "text": {"x"}}, {"csrf": {tokens["worker"]}, "text": {"x"}}} {
			id := m.jobIn(marketplace.Recruiting, ana)
			before := m.job(id)
			for _, action := range []string{"edit", "cancel", "close", "duplicate"} {
				answer := browsers["funder"].do(http.MethodPost, "/jobs/"+id.String()+"/"+action, form)
				require.Equal(t, http.StatusForbidden, answer.StatusCode, "a form that is not ours: %s", action)
			}
			require.Equal(t, before, m.job(id))
		}
	})
}

// payAsked is what somebody is answered who asks to pay a job.
func payAsked(state marketplace.State, part string) int {
	switch {
	case part == "funder":
		return http.StatusSeeOther // on to the wallet, or back to the job, which says why not
	case part == "operator", part == "worker" && !slices.Contains([]marketplace.State{"draft", "selecting"}, state), state == marketplace.Recruiting:
		return http.StatusForbidden
	default:
		return http.StatusNotFound
	}
}

// TestJob_EveryStateAndWhatTheMarketplaceDoes is the part of nobody in person: news of a payment, and time that runs out, for a job in every state.
func TestJob_EveryStateAndWhatTheMarketplaceDoes(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		ana := m.joins(anaEmail, "Ana", "https://w.example/ana", marketplace.Both)
		became := map[marketplace.State][2]marketplace.State{ // when it is paid; when its time is over
			"draft":      {"draft", "draft"},
			"recruiting": {"recruiting", "selecting"}, // somebody has applied
			"selecting":  {"selecting", "expired"},
			"submitting": {"submitting", "expired"},
			"reviewing":  {"complete", "reviewing"},
			"complete":   {"complete", "complete"},
			"canceled":   {"canceled", "canceled"},
			"expired":    {"expired", "expired"},
		}
		require.Len(t, became, len(marketplace.States))
		late := map[marketplace.JobID]marketplace.State{}
		for i, state := range marketplace.States {
			paid := m.jobIn(state, ana)
			body := fmt.Appendf(nil, `{"type":"payment.completed","pendingId":"01JDD000000000000000000%03d","offerId":"%s","status":"paid","outgoingPaymentId":"https://wallet.example/o/%d","timestamp":"2026-11-23T12:00:00Z"}`, i, paid, i)
			got := deliver(t, m.base, body, http.Header{}) // the documented service's, which starts payments without us
			require.Equal(t, http.StatusOK, got.status, "%s: %s", state, got.body)
			require.Equal(t, became[state][0], m.job(paid).State, "%s, paid", state)
			require.Equal(t, state != marketplace.Complete || m.job(paid).PaymentID != "", m.job(paid).ContractCompleted, "%s: money that arrived is not denied", state)
			late[m.jobIn(state, ana)] = became[state][1]
		}
		past := clock.System().Now().Add(-time.Second)
		for id := range late { // also those that wait for nothing: nobody may take them for overdue
			require.NoError(t, m.db.Read(t.Context()).Exec("UPDATE jobs SET deadline = ?, next_at = ? WHERE id = ?", past, past, int64(id)).Error)
		}
		for id, want := range late {
			require.Eventually(t, func() bool { return m.job(id).State == want }, waitFor, every, "job %s: %s", id, want)
		}
		require.Eventually(t, func() bool { // all of them have been looked at
			var waiting int64
			require.NoError(t, m.db.Read(t.Context()).Raw("SELECT COUNT(*) FROM jobs WHERE next_at <= ?", clock.System().Now()).Scan(&waiting).Error)
			return waiting == 0
		}, waitFor, every)
		for id, want := range late {
			require.Equal(t, want, m.job(id).State)
		}
	}, unsigned, func(c *Config) { c.DeadlineEvery = 20 * time.Millisecond })
}

// TestJob_ItsWholeLifeOnItsPages is a job from the draft to the payment, with a rejection on the way, by the forms that its pages offer.
func TestJob_ItsWholeLifeOnItsPages(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		m.joins(anaEmail, "Ana", "https://w.example/ana", marketplace.Worker)
		funder, worker, ana := m.browser().signIn(demoFunder), m.browser().signIn(demoWorker), m.browser().signIn(anaEmail)
		form := funder.get(funder.get("/").has(t, "a#new-job").AttrOr("href", ""))
		require.Equal(t, "7", form.has(t, "#recruit_days").AttrOr("value", ""))
		require.Equal(t, "10", form.has(t, "#max_applications").AttrOr("value", ""))
		answer := funder.submit(form, "job-form", map[string]string{"title": "Weave a basket", "description": "Of palm.", "amount": "12,50", "asset": "JPY", "recruit_days": "0"})
		require.Equal(t, http.StatusUnprocessableEntity, answer.StatusCode)
		require.Equal(t, "Weave a basket", answer.has(t, "#title").AttrOr("value", ""), "what was written is still there")
		answer.has(t, "#amount-error")
		answer.has(t, "#recruit-error")
		require.Zero(t, answer.doc.Find("#title-error").Length())
		answer = funder.submit(answer, "job-form", map[string]string{"amount": "12.50", "asset": "MXN", "recruit_days": "3", "max_applications": "2", "submit_days": "1"})
		address := answer.Header.Get("Location")
		draft := funder.lands(answer, address)
		draft.has(t, `[data-flash="created"]`)
		require.Equal(t, "12.50 MXN", draft.has(t, "#budget").Text())
		require.Equal(t, http.StatusNotFound, worker.get(address).StatusCode)

		old := funder.get(draft.has(t, "a#edit").AttrOr("href", ""))
		funder.lands(funder.submit(old, "job-form", map[string]string{"title": "Weave two baskets"}), address).has(t, `[data-flash="edit"]`)
		stale := funder.submit(old, "job-form", map[string]string{"title": "Weave three"})
		require.Equal(t, http.StatusConflict, stale.StatusCode, "another tab's form")
		require.Contains(t, stale.has(t, "#form-error").Text(), "has changed this job")

		published := funder.lands(funder.submit(funder.get(address), "publish", nil), address)
		require.Contains(t, published.has(t, "#deadline").Text(), "Until")
		require.Zero(t, published.doc.Find("#close, #apply").Length(), "nobody to choose among yet")
		addition := funder.get(published.has(t, "a#edit").AttrOr("href", ""))
		require.Zero(t, addition.doc.Find("#title").Length(), "the terms stay")
		funder.lands(funder.submit(addition, "job-addition", map[string]string{"text": "With lids."}), address)
		require.Contains(t, worker.get(address).has(t, "#about .addition").Text(), "With lids.")

		require.Equal(t, "Weave two baskets", worker.get("/?role=open&q=basket").has(t, "#found .job-title").Text())
		refused := worker.submit(worker.get(address), "apply", map[string]string{"text": " "})
		require.Equal(t, http.StatusUnprocessableEntity, refused.StatusCode)
		require.Contains(t, refused.has(t, "#apply-error").Text(), "message")
		applied := worker.lands(worker.submit(refused, "apply", map[string]string{"text": "I weave."}), address)
		applied.has(t, `[data-flash="apply"]`)
		require.Zero(t, applied.doc.Find("form#apply").Length())
		require.Contains(t, worker.get("/").has(t, "#going").Text(), "Weave two baskets")
		require.Zero(t, ana.get(address).doc.Find("#applications").Length(), "whoever applies is the funder's to know")
		answer = ana.submit(ana.get(address), "apply", map[string]string{"text": "I weave faster."})
		selecting := ana.lands(answer, address)
		require.Equal(t, "selecting", selecting.has(t, ".meta .state").AttrOr("data-job-state", ""), "two may apply")
		require.Equal(t, 1, selecting.doc.Find("#applications li").Length())

		choosing := funder.get(address)
		require.Equal(t, 2, choosing.doc.Find("#applications li").Length())
		require.Contains(t, choosing.has(t, "#applications").Text(), "I weave faster.")
		funder.lands(funder.submit(choosing, fmt.Sprintf("select-%d", m.seeding.worker), nil), address).has(t, `[data-flash="select"]`)
		again := funder.submit(choosing, fmt.Sprintf("select-%d", m.seeding.worker), nil)
		require.Equal(t, http.StatusConflict, again.StatusCode, "a double click")
		require.Contains(t, again.has(t, "#applications .form-error").Text(), "In the works")
		require.Equal(t, "/language/es?next=%2fjobs%2f"+strings.TrimPrefix(address, "/jobs/"), again.has(t, ".languages a").AttrOr("href", ""))
		passed := ana.get(address)
		require.Contains(t, passed.has(t, "#next").Text(), "Somebody else was chosen")
		require.NotContains(t, passed.text, "Beto")

		require.Contains(t, worker.get("/").has(t, "#waiting").Text(), "Weave two baskets")
		worker.lands(worker.submit(worker.get(address), "submit", map[string]string{"text": "Here is <one> basket."}), address)
		review := funder.get(address)
		require.Contains(t, review.has(t, "#submission").Text(), "Here is <one> basket.")
		refused = funder.submit(review, "reject", nil)
		require.Equal(t, http.StatusUnprocessableEntity, refused.StatusCode)
		refused.has(t, "details[open] #reject-error")
		funder.lands(funder.submit(review, "reject", map[string]string{"text": "I asked for two."}), address)
		back := worker.get(address)
		require.Contains(t, back.has(t, "#submission [data-rejected]").Text(), "I asked for two.")
		worker.lands(worker.submit(back, "submit", map[string]string{"text": "Here are two."}), address)
		review = funder.get(address)
		require.Contains(t, review.has(t, "#submission > .quote").Text(), "Here are two.")
		require.Contains(t, review.has(t, "#submission details").Text(), "I asked for two.")
		require.NotContains(t, ana.get(address).text, "Here are two.")
		accepted := funder.lands(funder.submit(review, "accept", nil), address)
		require.Zero(t, accepted.doc.Find("form#reject, form#accept").Length())
		require.Contains(t, worker.get(address).has(t, "#next").Text(), "accepted the work")

		job := strings.TrimPrefix(address, "/jobs/")
		pendingID := funder.approve(job)
		m.payments.pay(pendingID)
		done := funder.lands(funder.comeBack(pendingID), address)
		require.Equal(t, "complete", done.has(t, ".meta .state").AttrOr("data-job-state", ""))
		id, err := marketplace.ParseJobID(job)
		require.NoError(t, err)
		var events []string
		for _, e := range m.job(id).History {
			events = append(events, e.Event)
			require.NotZero(t, e.At)
			require.Equal(t, e.Event == "pay" || e.Event == "close", e.ByName == "", e.Event)
		}
		require.Equal(t, []string{
			"created", "edit", "publish", "edit", "apply", "apply", "close", "select", "submit", "reject", "submit", "accept", "payment_started", "pay",
		}, events)

		copied := funder.submit(done, "duplicate", nil)
		edited := funder.lands(copied, copied.Header.Get("Location"))
		require.Equal(t, "Weave two baskets", edited.has(t, "#title").AttrOr("value", ""))
		require.Equal(t, "1", edited.has(t, "#submit_days").AttrOr("value", ""))
	})
}

func TestApply_SaysEarlyWhoCannot(t *testing.T) {
	t.Parallel()
	m := start(t)
	m.joins(anaEmail, "Ana", "", marketplace.Worker)
	m.joins(carlosEmail, "Carlos", "https://w.example/carlos", marketplace.Funder)
	const recruits = "/jobs/4"
	b := m.browser().signIn(anaEmail)
	page := b.get(recruits)
	require.Zero(t, page.doc.Find("form#apply").Length())
	require.Contains(t, page.has(t, "#needs-wallet").Text(), "wallet address")
	answer := b.do(http.MethodPost, recruits+"/apply", url.Values{"csrf": {b.token()}, "text": {"Me"}})
	require.Equal(t, http.StatusConflict, answer.StatusCode)
	b = m.browser().signIn(carlosEmail)
	require.Zero(t, b.get(recruits).doc.Find("form#apply").Length())
	require.Equal(t, http.StatusForbidden, b.do(http.MethodPost, recruits+"/apply", url.Values{"csrf": {b.token()}, "text": {"Me"}}).StatusCode)
	require.Empty(t, m.job(4).Applications)
	worker := m.browser().signIn(demoWorker)
	require.Zero(t, worker.get("/").doc.Find("#new-job").Length())
	require.Equal(t, http.StatusForbidden, worker.get("/jobs/new").StatusCode)
	require.Equal(t, http.StatusForbidden, worker.do(http.MethodPost, "/jobs/new", url.Values{
		"csrf": {worker.token()}, "title": {"T"}, "description": {"D"}, "amount": {"1"}, "asset": {"MXN"}, "max_applications": {"1"}, "recruit_days": {"1"}, "submit_days": {"1"},
	}).StatusCode)
	require.Equal(t, http.StatusForbidden, worker.do(http.MethodPost, recruits+"/duplicate", url.Values{"csrf": {worker.token()}}).StatusCode)
	require.Equal(t, http.StatusNotFound, worker.do(http.MethodPost, "/jobs/6/duplicate", url.Values{"csrf": {worker.token()}}).StatusCode, "a draft of somebody else")
}

// TestCancel_CallsThePaymentOffThatWaits: no money comes for a job that was canceled while its payment waited to be approved.
func TestCancel_CallsThePaymentOffThatWaits(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		b := m.browser().signIn(demoFunder)
		pendingID := b.approve("1")
		page := b.get("/jobs/1")
		require.Contains(t, page.has(t, "form#reject").Text(), "is called off first")
		require.Contains(t, page.has(t, "form#cancel").Text(), "is called off first")
		answer := b.submit(page, "cancel", nil)
		require.Equal(t, http.StatusUnprocessableEntity, answer.StatusCode, "without a reason nothing is called off")
		require.Equal(t, "pending", m.payments.known(pendingID).Status)

		m.payments.answerWith("POST /payments/{pendingId}/cancel", http.StatusGatewayTimeout, "wallet_timeout")
		answer = b.submit(page, "cancel", map[string]string{"text": "The stall is closed."})
		require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
		require.Equal(t, marketplace.Reviewing, m.job(1).State)
		require.Equal(t, "The stall is closed.", answer.has(t, "#cancel-text").Text(), "what was written is still there")
		m.payments.breakRoute("POST /payments/{pendingId}/cancel", false, nil)

		b.lands(b.submit(page, "cancel", map[string]string{"text": "The stall is closed."}), "/jobs/1").has(t, `[data-flash="cancel"]`)
		require.Equal(t, "canceled", m.payments.known(pendingID).Reason)
		require.Equal(t, []string{"payment_started", "payment_failed", "cancel"}, m.events(1))
		require.Equal(t, "The stall is closed.", m.job(1).History[len(m.job(1).History)-1].Detail)
		require.Contains(t, m.browser().signIn(demoWorker).get("/jobs/1").has(t, "#history").Text(), "The stall is closed.")

		// Approved in the meantime: it is too late.
		pendingID = b.approve("2")
		page = b.get("/jobs/2")
		m.payments.mu.Lock()
		m.payments.payments[pendingID].State = "sending"
		m.payments.mu.Unlock()
		answer = b.submit(page, "cancel", map[string]string{"text": "No"})
		require.Equal(t, http.StatusConflict, answer.StatusCode)
		require.Equal(t, marketplace.Reviewing, m.job(2).State)
		b.comeBack(pendingID)
		require.Zero(t, b.get("/jobs/2").doc.Find("form#cancel, form#reject").Length(), "the money is on its way")
		answer = b.submit(page, "cancel", map[string]string{"text": "No"})
		require.Equal(t, http.StatusConflict, answer.StatusCode)
		m.payments.pay(pendingID)
		require.Equal(t, http.StatusOK, m.payments.notify(m.base, "msg_1", pendingID).status)
		require.Equal(t, marketplace.Complete, m.job(2).State)
	})
}

func TestJobList_FindsAndPages(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		require.NoError(t, m.seeding.toPay(t.Context(), 2*marketplace.JobLines+5))
		b := m.browser().signIn(demoFunder)
		home := b.get("/")
		require.Equal(t, marketplace.JobLines, home.doc.Find("#waiting li").Length())
		require.Equal(t, "/?role=funder", home.has(t, "#waiting .more a").AttrOr("href", ""))
		seen := map[string]bool{}
		pages := 0
		for address := "/?q=price+tag&state=reviewing&role=funder"; address != ""; pages++ {
			page := b.get(address)
			require.Equal(t, "price tag", page.has(t, "#q").AttrOr("value", ""))
			require.Equal(t, "funder", page.has(t, "#role option[selected]").AttrOr("value", ""))
			require.Equal(t, "reviewing", page.has(t, "#state option[selected]").AttrOr("value", ""))
			page.doc.Find("#found li").Each(func(_ int, line *goquery.Selection) { seen[line.AttrOr("data-job", "")] = true })
			address = page.doc.Find("a#next-page").AttrOr("href", "")
		}
		require.Equal(t, 3, pages)
		require.Len(t, seen, 2*marketplace.JobLines+5)
		b.get("/?q=nothing+like+this").has(t, "#nothing-found")
		require.Equal(t, http.StatusNotFound, b.get("/?page=x").StatusCode)
		for _, odd := range []string{"/?q=%00%22%27*&role=x&state=x", "/?q=" + strings.Repeat("%C3%A9", 500), "/?page=9223372036854775807", "/?role=open"} {
			require.Equal(t, http.StatusOK, b.get(odd).StatusCode, odd)
		}
		require.Zero(t, m.browser().signIn(demoWorker).get("/?q=neighbours").doc.Find("#found li").Length(), "a draft of somebody else")
	})
}

// TestDeadline_KeptByTheProgram: nobody need come by.
func TestDeadline_KeptByTheProgram(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		past := clock.System().Now().Add(-time.Second)
		require.NoError(t, m.db.Read(t.Context()).Exec("UPDATE jobs SET deadline = ?, next_at = ? WHERE id IN (3, 4, 5)", past, past).Error)
		for _, id := range []marketplace.JobID{3, 4, 5} { // submitting, recruiting without applications, selecting
			require.Eventually(t, func() bool { return m.job(id).State == marketplace.Expired }, waitFor, every)
			history := m.job(id).History
			require.Equal(t, "expire", history[len(history)-1].Event)
			require.Empty(t, history[len(history)-1].ByName)
		}
	}, func(c *Config) { c.DeadlineEvery = 20 * time.Millisecond })
}
