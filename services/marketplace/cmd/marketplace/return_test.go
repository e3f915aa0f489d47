package main

import (
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/marketplace"
)

// TestReturn_DoubleClick: two forms at once are one payment, and both go on to it.
func TestReturn_DoubleClick(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		b := m.browser().signIn(demoFunder)
		token := b.token()
		var both sync.WaitGroup
		answers := make([]page, 2)
		for i := range answers {
			both.Go(func() {
				answers[i] = b.do(http.MethodPost, "/jobs/1/pay", url.Values{"csrf": {token}, "wallet_address": {"https://wallet.example/fernanda"}})
			})
		}
		both.Wait()
		for _, answer := range answers {
			b.lands(answer, "/jobs/1/pay/consent").has(t, "a#to-wallet")
		}
		pendingID := m.payments.only().PendingID
		m.payments.pay(pendingID)
		b.lands(b.comeBack(pendingID), "/jobs/1").has(t, `[data-flash="paid"]`)
	})
}

// TestReturn_TwoTabsAndBack: what was drawn before does no harm, and says how things stand.
func TestReturn_TwoTabsAndBack(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser().signIn(demoFunder)
	one, other := b.get("/jobs/1/pay"), b.get("/jobs/1/pay")
	for _, tab := range []page{one, other} {
		b.lands(b.submit(tab, "pay", nil), "/jobs/1/pay/consent").has(t, "a#to-wallet")
	}
	pendingID := m.payments.only().PendingID

	for range 2 { // the address of the return, loaded again
		page := b.lands(b.comeBack(pendingID), "/jobs/1")
		page.has(t, `[data-flash="confirming"]`)
		require.Zero(t, page.doc.Find("#approve").Length(), "there is nothing to do but to wait")
	}
	b.lands(b.get("/jobs/1/pay/consent"), "/jobs/1").has(t, `[data-flash="no_consent"]`) // back to where one left
	b.lands(b.submit(other, "pay", nil), "/jobs/1").has(t, `[data-flash="payment_in_flight"]`)

	m.payments.pay(pendingID)
	for range 2 {
		b.lands(b.comeBack(pendingID), "/jobs/1").has(t, `[data-flash="paid"]`)
	}
	b.lands(b.get("/jobs/1/pay/consent"), "/jobs/1").has(t, `[data-flash="already_paid"]`)
	b.lands(b.submit(one, "pay", nil), "/jobs/1").has(t, `[data-flash="already_paid"]`)
	require.Equal(t, []string{"payment_started", "pay"}, m.events(1))
}

// TestReturn_ElsewhereSaysHowToGoOn: in another browser of the payer, in somebody else's, and where the session has ended meanwhile.
func TestReturn_ElsewhereSaysHowToGoOn(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		b := m.browser().signIn(demoFunder)
		pendingID := b.approve("1")

		elsewhere := m.browser().signIn(demoFunder)
		page := elsewhere.comeBack(pendingID)
		require.Equal(t, http.StatusForbidden, page.StatusCode)
		require.Equal(t, "Go on to your wallet", elsewhere.get(page.has(t, "#to-job").AttrOr("href", "")).has(t, "#approve").Text())

		for _, email := range []string{demoWorker, demoOperator} {
			page = m.browser().signIn(email).comeBack(pendingID)
			require.Equal(t, http.StatusForbidden, page.StatusCode)
			require.Contains(t, page.has(t, `#finish[data-ending="other_session"]`).Text(), "by somebody else")
			require.Zero(t, page.doc.Find("#to-job").Length(), "not theirs to pay")
			require.NotContains(t, page.text, "/jobs/1")
		}

		require.NoError(t, m.db.Read(t.Context()).Exec("DELETE FROM sessions").Error)
		page = b.comeBack(pendingID)
		page.has(t, `#finish[data-ending="signed_out"]`)
		signIn := page.has(t, "#sign-in").AttrOr("href", "")
		require.NotContains(t, page.text, "RightHash", "what proves an approval stays in the address that the wallet made")
		answer := b.submit(b.get(signIn), "login", map[string]string{"email": demoFunder, "password": demoPassword})
		page = b.get(answer.Header.Get("Location"))
		page.has(t, `#finish[data-ending="other_session"]`)
		page = b.get(page.has(t, "#to-job").AttrOr("href", ""))
		require.Equal(t, "Go on to your wallet", page.has(t, "#approve").Text())
		require.Equal(t, pendingID, b.approve("1"), "the same payment goes on")
		m.payments.pay(pendingID)
		b.lands(b.comeBack(pendingID), "/jobs/1").has(t, `[data-flash="paid"]`)
		require.Contains(t, m.browser().get("/payments/finish?pendingId="+pendingID).has(t, "#finish").Text(), "nobody is signed in")
	})
}

// TestReturn_NotPaidSaysWhyAndOffersToTryAgain: at the end of the time to consent, and after each failure.
func TestReturn_NotPaidSaysWhyAndOffersToTryAgain(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		b, worker := m.browser().signIn(demoFunder), m.browser().signIn(demoWorker)
		pendingID := b.approve("1")
		waiting := b.get("/jobs/1")
		require.Equal(t, "Go on to your wallet", waiting.has(t, "#approve").Text())
		require.NoError(t, m.db.Read(t.Context()).Exec("UPDATE payment_attempts SET expires_at = ?", clock.System().Now().Add(-time.Second)).Error)
		page := b.lands(b.get("/jobs/1/pay/consent"), "/jobs/1")
		page.has(t, `[data-flash="no_consent"]`)
		require.Contains(t, page.has(t, "#payment-status").Text(), "time to approve at the wallet is over")
		require.Equal(t, "Try again", page.has(t, "#approve").Text())
		require.NotEqual(t, waiting.has(t, "#job").AttrOr("data-revision", ""), page.has(t, "#job").AttrOr("data-revision", ""), "a page that waits is told to look again")
		require.Contains(t, worker.get("/jobs/1").has(t, "#payment-status").Text(), "The funder can start again")

		for reason, words := range map[string]string{
			"expired": "not approved in time", "insufficient_funds": "not enough money", "payment_failed": "could not complete the payment",
			"authorization_lost": "took its approval back", "something_new": "What the wallet said",
		} {
			m.payments.fail(pendingID, reason, "What the wallet said.")
			page = b.lands(b.comeBack(pendingID), "/jobs/1")
			page.has(t, `[data-flash="failed"]`)
			require.Contains(t, page.has(t, "#payment-status").Text(), words, reason)
			require.Equal(t, "Try again", page.has(t, "#approve").Text())
			require.Equal(t, marketplace.Reviewing, m.job(1).State)
			b.lands(b.comeBack(pendingID), "/jobs/1").has(t, `[data-flash="failed"]`)
			pendingID = b.approve("1")
		}
		m.payments.pay(pendingID)
		b.lands(b.comeBack(pendingID), "/jobs/1").has(t, `[data-flash="paid"]`)
	})
}

// TestReturn_GuessesAreLimited: who tries returns that are not theirs is told to wait; the payer, at the same address, is not.
func TestReturn_GuessesAreLimited(t *testing.T) {
	t.Parallel()
	m := start(t, func(c *Config) { c.RateLimitFinish = 3 })
	b := m.browser().signIn(demoFunder)
	pendingID := b.approve("1")
	for _, guesser := range []*browser{m.browser(), m.browser().signIn(demoWorker)} {
		for range 3 {
			require.Contains(t, []int{http.StatusOK, http.StatusForbidden}, guesser.comeBack(pendingID).StatusCode)
		}
		refused := guesser.comeBack(pendingID)
		require.Equal(t, http.StatusTooManyRequests, refused.StatusCode)
		require.Contains(t, refused.has(t, "#error").Text(), "Too many requests")
		require.NotEmpty(t, refused.Header.Get("Retry-After"))
	}
	require.Contains(t, m.logs.String(), `"security":"too_many_tries"`)
	m.payments.pay(pendingID)
	b.lands(b.comeBack(pendingID), "/jobs/1").has(t, `[data-flash="paid"]`)
}

// TestLimit_OfOneAddress: too many requests are refused with a page; health is always told, and webhooks are always heard.
func TestLimit_OfOneAddress(t *testing.T) {
	t.Parallel()
	m := start(t, func(c *Config) { c.RateLimitAddress = 1 })
	b := m.browser()
	var refused page
	for range 30 {
		if refused = b.get("/jobs"); refused.StatusCode == http.StatusTooManyRequests {
			break
		}
	}
	require.Equal(t, http.StatusTooManyRequests, refused.StatusCode)
	require.Equal(t, "1", refused.Header.Get("Retry-After"))
	require.Contains(t, refused.has(t, "#error").Text(), "Too many requests")
	for range 5 {
		require.Equal(t, http.StatusOK, b.get("/health").StatusCode)
		require.Equal(t, http.StatusUnauthorized, deliver(t, m.base, []byte("{}"), http.Header{}).status)
	}
}
