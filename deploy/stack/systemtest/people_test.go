package systemtest

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"

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
