package systemtest

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"tianguis.example/stack"
	"tianguis.example/stack/person"
)

// TestPeople is a new person, from sign-up to a wallet address that a real wallet has answered for.
func TestPeople(t *testing.T) {
	t.Parallel()
	onOwn(t, func(t *testing.T, database string) {
		w := newWorld(t, database, nil)
		email := "zoe-" + strings.ToLower(rand.Text()) + "@example.com"
		const password = "four stalls and a parrot"
		browser := person.NewBrowser()
		open := func(path string) *person.Page {
			page, err := browser.Open(t.Context(), w.Marketplace.Address+path)
			require.NoError(t, err)
			return page
		}
		click := func(page *person.Page, button string, fill url.Values) *person.Page {
			page, err := page.Click(t.Context(), button, fill)
			require.NoError(t, err)
			return page
		}

		// A wallet that is none is told before there is an account.
		form := url.Values{"name": {"Zoé"}, "email": {email}, "password": {password}, "role": {"worker"}, "wallet_address": {w.Sandbox.Address + "/no-such-wallet"}}
		page := click(open("/signup"), "form#signup button", form)
		require.Equal(t, http.StatusUnprocessableEntity, page.Status)
		require.Contains(t, page.Text("#wallet-error"), "No Open Payments wallet answers at this address")

		form.Set("password", password) // it is not sent back
		form.Set("wallet_address", w.Sandbox.Address+stack.WorkerWallet)
		page = click(page, "form#signup button", form)
		require.Equal(t, "/login", page.URL.Path)
		page = click(page, "form#login button", url.Values{"email": {email}, "password": {password}})
		require.Equal(t, "/", page.URL.Path)
		page = open("/profile")
		require.Contains(t, page.Text("#wallet-now"), w.Sandbox.Address+stack.WorkerWallet)
		require.Contains(t, page.Text("#wallet-now"), "Beto Hernández, holds MXN, with 2 decimals")

		// What is no address is told from one at which no wallet answers. That an address is one of this network, which nobody may have asked, is not told:
		// what answers there is nothing for strangers to find out.
		for address, says := range map[string]string{
			"wallet":                              "This is not a wallet address",
			w.Sandbox.Address + "/no-such-wallet": "No Open Payments wallet answers at this address",
			"https://no-such-host.invalid/alice":  "No Open Payments wallet answers at this address",
			"$no-such-host.invalid/alice":         "No Open Payments wallet answers at this address",
			w.Payments.Address + "/health":        "No Open Payments wallet answers at this address",
			w.Marketplace.Address + "/login":      "No Open Payments wallet answers at this address",
		} {
			wrong := click(page, "form#wallet #look", url.Values{"wallet_address": {address}})
			require.Contains(t, wrong.Text("#wallet-error"), says, address)
		}
		looked := click(page, "form#wallet #look", url.Values{"wallet_address": {w.Sandbox.Address + stack.FunderWallet}})
		require.Contains(t, looked.Text("#wallet-looked"), "USD")
		saved := click(looked, "form#wallet button[value=save]", url.Values{"current_password": {password}})
		require.Equal(t, http.StatusOK, saved.Status)
		require.Contains(t, saved.Text("#wallet-now"), stack.FunderWallet)
		require.Contains(t, saved.Text("#wallet-now"), "USD")
		require.Contains(t, saved.Text("#account-events"), "Wallet address changed")

		// When the payments service is away, that is said, and nothing is saved.
		require.NoError(t, w.Payments.Stop())
		away := click(saved, "form#wallet button[value=save]", url.Values{"wallet_address": {w.Sandbox.Address + stack.WorkerWallet}, "current_password": {password}})
		require.Equal(t, http.StatusServiceUnavailable, away.Status)
		require.Contains(t, away.Text("#wallet-error"), "cannot be checked right now")
		require.Contains(t, away.Text("#wallet-now"), stack.FunderWallet)
		require.NoError(t, w.Payments.Start(t.Context()))
	})
}

// TestBrowser_People makes an account and a profile by clicks in a real browser: the focus goes to the first field that is wrong.
func TestBrowser_People(t *testing.T) {
	t.Parallel()
	chromium := need(t, "chromium", "chromium-browser", "google-chrome", "chrome")
	w := newWorld(t, "sqlite", nil)
	b := newBrowser(t, chromium)
	focused := func(id string) {
		t.Helper()
		eventually(t, "the focus is on "+id, func() bool {
			at, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.activeElement.id`))
			return err == nil && at == id
		})
	}
	const email, secret = "zoe@example.com", "four stalls and a parrot"

	b.do(open(w.Marketplace.Address+"/signup"), see("form#signup"))
	b.picture("30-sign-up")
	b.do(fill("#name", "Zoé Pérez"), fill("#email", "zoe"), fill("#password", "short"), click("form#signup button"), see("#email-error"))
	focused("email")
	b.pictures("31-sign-up-wrong")
	b.do(fill("#email", email), fill("#password", secret), click("#role-worker"), fill("#wallet_address", w.Sandbox.Address+"/nobody"), click("form#signup button"), see("#wallet-error"))
	focused("wallet_address")
	b.do(fill("#password", secret), fill("#wallet_address", w.Sandbox.Address+stack.WorkerWallet), click("form#signup button"), see(`[data-flash="account_made"]`))
	b.picture("32-account-made")
	b.do(fill("#email", email), fill("#password", secret), click("form#login button"), see("[data-user]"), click("a[data-user]"), see("form#profile"))
	b.pictures("33-profile")
	b.do(fill("#wallet_address", w.Sandbox.Address+stack.FunderWallet), click("#look"), see("#wallet-looked"))
	focused("wallet-password")
	b.picture("34-wallet-looked-at")
	b.do(fill("#wallet-password", "not this one"), click(`form#wallet button[value="save"]`), see("#wallet-password-error"))
	focused("wallet-password")
	b.picture("35-wallet-wrong-password")
	b.do(fill("#wallet-password", secret), click(`form#wallet button[value="save"]`), see(`[data-flash="wallet_saved"]`))
	b.do(open(w.Marketplace.Address+"/language/es?next=/profile"), see("form#profile"))
	b.picture("36-profile-es")
	b.do(click("form#end-all button"), see(`[data-flash="signed_out"]`), click(`a[href="/forgot"]`), see("#ask-the-operator"))
	b.picture("37-forgot")
	b.do(open(w.Marketplace.Address+"/reset?token=x"), see("#dead-link"))
	b.picture("38-dead-link")
}
