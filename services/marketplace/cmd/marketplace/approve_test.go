package main

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/chassis/turnstile"
	"tianguis.example/marketplace"
)

func TestApprove_WalletAddressIsNone(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser().signIn(demoFunder)
	for _, address := range []string{"", "alice", "javascript:alert(1)", `"><script>alert(1)</script>`, "https://nobody.example/x"} {
		answer := b.submit(b.get("/jobs/1/pay"), "pay", map[string]string{"wallet_address": address})
		require.Equal(t, http.StatusUnprocessableEntity, answer.StatusCode, address)
		require.NotEmpty(t, answer.has(t, "#wallet-error").Text())
		require.Equal(t, "true", answer.has(t, "#wallet_address").AttrOr("aria-invalid", ""))
		require.Equal(t, address, answer.has(t, "#wallet_address").AttrOr("value", ""), "what was typed is still there")
		require.NotContains(t, answer.text, "<script>alert")
		require.NotContains(t, answer.text, "internal words")
	}
	require.Equal(t, marketplace.Reviewing, m.job(1).State)
	b.approve("1")
}

func TestApprove_PaymentsServiceSaysNo(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser().signIn(demoFunder)
	for code, want := range map[string]struct{ upstream, status int }{
		"wallet_unavailable": {502, 503},
		"wallet_refused":     {502, 502},
		"wallet_timeout":     {504, 503},
		"internal":           {500, 503},
		"invalid_amount":     {400, 502},
		"not_found":          {404, 502},
	} {
		m.payments.answerWith("POST /offers/{offerId}/quotes/start", want.upstream, code)
		answer := b.submit(b.get("/jobs/1/pay"), "pay", nil)
		require.Equal(t, want.status, answer.StatusCode, code)
		require.Contains(t, answer.has(t, "#pay-error").Text(), "Nothing was paid")
		require.NotContains(t, answer.text, "internal words")
	}
	m.payments.breakRoute("POST /offers/{offerId}/quotes/start", false, nil)
	m.payments.answerWith("POST /sellers", 422, "invalid_wallet_address")
	answer := b.submit(b.get("/jobs/1/pay"), "pay", nil)
	require.Equal(t, http.StatusConflict, answer.StatusCode)
	require.Contains(t, answer.has(t, "#pay-error").Text(), "worker's wallet address does not work")
	require.Empty(t, m.payments.payments)
}

// TestApprove_PaymentsServiceIsBusy: nothing was begun, so that the try is over at once, and the payer is told when to come back.
func TestApprove_PaymentsServiceIsBusy(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser().signIn(demoFunder)
	const route = "POST /offers/{offerId}/quotes/start"
	m.payments.breakRoute(route, false, func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Retry-After", "4")
		m.payments.refuse(w, http.StatusServiceUnavailable, "busy")
		return true
	})
	answer := b.submit(b.get("/jobs/1/pay"), "pay", nil)
	require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
	require.Equal(t, "4", answer.Header.Get("Retry-After"))
	require.Contains(t, answer.has(t, "#pay-error").Text(), "Many people are paying at the moment. Nothing was paid.")
	require.NotContains(t, answer.text, "internal words")
	require.Equal(t, 1, m.payments.called(route), "whoever is busy is not asked again")
	require.Equal(t, marketplace.AttemptFailed, m.job(1).Attempt.State)
	require.Equal(t, string(marketplace.CodeBusy), m.job(1).Attempt.Reason)

	m.payments.breakRoute(route, false, nil)
	b.approve("1")
}

// TestApprove_ManyAtOnce: beyond a bound people are sent away before anything is begun for them; whoever comes back from the wallet is let through.
func TestApprove_ManyAtOnce(t *testing.T) {
	t.Parallel()
	now := clock.NewHeld(clock.System().Now())
	m := startWith(t, databasetest.SQLiteAddress(t), now, func(c *Config) { c.StartsAtOnce, c.PaymentsTimeout = 1, time.Minute })
	b := m.browser().signIn(demoFunder)
	pendingID := b.approve("1")
	form := b.get("/jobs/1/pay")
	var once sync.Once
	begun, goOn := make(chan struct{}), make(chan struct{})
	m.payments.breakRoute("POST /sellers", false, func(http.ResponseWriter, *http.Request) bool {
		once.Do(func() { close(begun) })
		<-goOn
		return false
	})
	var first, second page
	var crowd sync.WaitGroup
	crowd.Go(func() { first = b.submit(form, "pay", nil) })
	<-begun
	tired := make(chan struct{})
	crowd.Go(func() {
		defer close(tired)
		second = b.submit(form, "pay", nil)
	})
	sentAway := func(answer page) {
		t.Helper()
		require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
		require.Equal(t, "3", answer.Header.Get("Retry-After"))
		require.Contains(t, answer.has(t, "#pay-error").Text(), "Many people are paying")
	}
	require.Eventually(t, func() bool { // the second has waited for as long as it may
		now.Advance(turnstile.Longest)
		select {
		case <-tired:
			return true
		default:
			return false
		}
	}, waitFor, every)
	sentAway(second)
	b.get("/jobs/1")
	m.payments.pay(pendingID)
	b.comeBack(pendingID)
	require.Equal(t, marketplace.Complete, m.job(1).State)
	close(goOn)
	crowd.Wait()
	require.NotEqual(t, http.StatusServiceUnavailable, first.StatusCode)
}

func TestApprove_PaymentsServiceHangs(t *testing.T) {
	t.Parallel()
	m := start(t, func(c *Config) { c.PaymentsTimeout = 300 * time.Millisecond })
	b := m.browser().signIn(demoFunder)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	m.payments.breakRoute("POST /sellers", false, func(http.ResponseWriter, *http.Request) bool { <-release; return true })
	answer := b.submit(b.get("/jobs/1/pay"), "pay", nil)
	require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
	require.Contains(t, answer.has(t, "#pay-error").Text(), "Try again")
}

func TestApprove_RedirectThatIsNoWebPage(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser().signIn(demoFunder)
	for _, to := range []string{"javascript:alert(1)", "/jobs/1", "", "data:text/html,x", "//"} {
		m.payments.redirect = func(string) string { return to }
		answer := b.submit(b.get("/jobs/1/pay"), "pay", nil)
		require.Equal(t, http.StatusBadGateway, answer.StatusCode, to)
		require.Empty(t, answer.Header.Get("Location"))
	}
}

func TestApprove_WorkersWalletOfAnotherAsset(t *testing.T) {
	t.Parallel()
	m := start(t)
	m.payments.asset = "USD" // 100.00 USD are not 100.00 MXN
	b := m.browser().signIn(demoFunder)
	for range 2 {
		answer := b.submit(b.get("/jobs/1/pay"), "pay", nil)
		require.Equal(t, http.StatusConflict, answer.StatusCode)
		require.Contains(t, answer.has(t, "#pay-error").Text(), "does not take MXN")
		require.Equal(t, marketplace.AttemptFailed, m.job(1).Attempt.State)
	}
	// What was started at the payments service ends some day, and its news finds somebody who knows of it.
	pendingID := m.payments.only().PendingID
	m.payments.fail(pendingID, "expired", "")
	require.Equal(t, 200, m.payments.notify(m.base, "m", pendingID).status)
	require.Equal(t, marketplace.Reviewing, m.job(1).State)
}

func TestApprove_OtherWalletReplacesTheLivePayment(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		b := m.browser().signIn(demoFunder)
		first := b.approve("1")
		require.Equal(t, first, b.approve("1"), "the same wallet goes on with the live payment")
		require.Equal(t, []string{"payment_started"}, m.events(1))

		answer := b.submit(b.get("/jobs/1/pay"), "pay", map[string]string{"wallet_address": "$wallet.example/fernanda-2"})
		require.Equal(t, http.StatusSeeOther, answer.StatusCode)
		second := m.job(1).Attempt.PendingID
		require.NotEqual(t, first, second)

		// The older one's end disturbs nothing, whenever it is told.
		require.Equal(t, 200, m.payments.notify(m.base, "m1", first).status)
		require.Equal(t, marketplace.AttemptAwaiting, m.job(1).Attempt.State)
		require.Equal(t, second, m.job(1).Attempt.PendingID)
		require.Equal(t, "awaiting", b.get("/jobs/1").has(t, "#payment").AttrOr("data-payment", ""))
		m.payments.pay(second)
		require.Equal(t, 200, m.payments.notify(m.base, "m2", second).status)
		require.Equal(t, marketplace.Complete, m.job(1).State)
	})
}

func TestApprove_PaidAlreadyUnnoticed(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser().signIn(demoFunder)
	form := b.get("/jobs/1/pay")
	pendingID := b.approve("1")
	m.payments.pay(pendingID) // and no webhook comes
	b.lands(b.submit(form, "pay", nil), "/jobs/1").has(t, `[data-flash="already_paid"]`)
	require.Equal(t, marketplace.Complete, m.job(1).State, "learnt from the refusal")
	require.Equal(t, []string{"payment_started", "pay"}, m.events(1))
}

func TestApprove_InFlight(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser().signIn(demoFunder)
	form := b.get("/jobs/1/pay")
	b.comeBack(b.approve("1"))
	b.lands(b.submit(form, "pay", nil), "/jobs/1").has(t, `[data-flash="payment_in_flight"]`)
	require.Len(t, m.payments.payments, 1)
}

func TestApprove_WhoMayNot(t *testing.T) {
	t.Parallel()
	m := start(t)
	stranger, err := marketplace.NewUser("zoe@example.com", "Zoe", demoPassword, marketplace.Both, "https://w.example/zoe", m.seeding.clock.Now())
	require.NoError(t, err)
	_, err = m.store.CreateUser(t.Context(), stranger)
	require.NoError(t, err)

	worker := m.browser().signIn(demoWorker)
	require.Empty(t, worker.get("/jobs/1").doc.Find("#approve").Nodes)
	require.Equal(t, http.StatusForbidden, worker.get("/jobs/1/pay").StatusCode)

	zoe := m.browser().signIn("zoe@example.com")
	for _, path := range []string{"/jobs/1", "/jobs/1/pay", "/jobs/1/status", "/jobs/999", "/jobs/01", "/jobs/+1", "/jobs/1.5", "/jobs/abc"} {
		require.Equal(t, http.StatusNotFound, zoe.get(path).StatusCode, path)
	}
	require.Equal(t, http.StatusOK, zoe.get("/jobs/4").StatusCode, "who recruits is open to all")
	require.Equal(t, 1, zoe.get("/").doc.Find("[data-job]").Length())

	// With a form of their own, they still may not.
	csrf := zoe.get("/").has(t, `#logout input[name="csrf"]`).AttrOr("value", "")
	answer := zoe.do(http.MethodPost, "/jobs/1/pay", map[string][]string{"csrf": {csrf}, "wallet_address": {"https://w.example/zoe"}})
	require.Equal(t, http.StatusNotFound, answer.StatusCode)
	funder := m.browser().signIn(demoFunder)
	for _, id := range []string{"3", "4", "5", "6", "7", "8"} {
		funder.lands(funder.get("/jobs/"+id+"/pay"), "/jobs/"+id).has(t, `[data-flash="wrong_state"]`)
	}
	require.Empty(t, m.payments.payments)
}

func TestApprove_WorkerWithoutWallet(t *testing.T) {
	t.Parallel()
	m := start(t)
	require.NoError(t, m.store.SetWallet(t.Context(), m.seeding.worker, ""))
	b := m.browser().signIn(demoFunder)
	b.lands(b.get("/jobs/1/pay"), "/jobs/1").has(t, `[data-flash="worker_unpayable"]`)
}

func TestApprove_PlatformsWallet(t *testing.T) {
	t.Parallel()
	m := start(t, func(c *Config) { c.SellerID = "platform" })
	m.payments.sellers["platform"] = "https://wallet.example/platform"
	m.browser().signIn(demoFunder).approve("1")
	require.Equal(t, "platform", m.payments.only().SellerID)
	require.Zero(t, m.payments.called("POST /sellers"))
}
