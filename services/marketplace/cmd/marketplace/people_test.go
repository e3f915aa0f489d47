package main

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/marketplace"
)

const goodPassword = "four stalls and a parrot"

// newcomer is what somebody types who wants an account.
func newcomer(changes ...string) map[string]string {
	fields := map[string]string{"name": "Zoé Pérez", "email": "zoe@example.com", "password": goodPassword, "role": "worker", "wallet_address": ""}
	for i := 0; i < len(changes); i += 2 {
		fields[changes[i]] = changes[i+1]
	}
	return fields
}

func (b *browser) signUp(fields map[string]string) page {
	b.t.Helper()
	return b.submit(b.get("/signup"), "signup", fields)
}

func (b *browser) signInAs(email, password string) page {
	b.t.Helper()
	return b.submit(b.get("/login"), "login", map[string]string{"email": email, "password": password})
}

func (m *running) user(email string) marketplace.User {
	m.t.Helper()
	u, err := m.store.UserByEmail(m.t.Context(), email)
	require.NoError(m.t, err)
	return u
}

// happened are the events of an account, oldest first.
func (m *running) happened(email string) []string {
	m.t.Helper()
	events, err := m.store.AccountEvents(m.t.Context(), m.user(email).ID, 100)
	require.NoError(m.t, err)
	var all []string
	for i := range events {
		all = append(all, events[len(events)-1-i].Event)
	}
	return all
}

// TestSignUp_WithoutMail: the account is there at once, and signing in is the next step.
func TestSignUp_WithoutMail(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		b := m.browser()
		require.Equal(t, "/signup", b.get("/login").has(t, "#to-signup").AttrOr("href", ""))
		login := b.lands(b.signUp(newcomer("wallet_address", "$wallet.example/zoe", "email", " Zoe@Example.com ")), "/login")
		login.has(t, `[data-flash="account_made"]`)
		require.Equal(t, http.StatusSeeOther, b.signInAs("zoe@example.com", goodPassword).StatusCode)

		u := m.user("zoe@example.com")
		require.Equal(t, "Zoé Pérez", u.Name)
		require.Equal(t, marketplace.Worker, u.Role)
		require.Equal(t, "https://wallet.example/zoe", u.WalletAddressURL)
		require.Equal(t, "MXN", u.Wallet.AssetCode)
		require.Equal(t, "en", u.Language)
		require.Equal(t, []string{"sign_up"}, m.happened(u.Email))
		require.Equal(t, []string{"https://wallet.example/zoe"}, m.payments.looked)
		profile := b.get("/profile")
		require.Contains(t, profile.has(t, "#wallet-now").Text(), "Wallet of zoe")
		require.Contains(t, profile.has(t, "#wallet-now").Text(), "MXN, with 2 decimals")
		require.Equal(t, "/", b.get("/signup").Header.Get("Location"), "has an account already")
		require.NotContains(t, m.logs.String(), goodPassword)
		require.NotContains(t, m.logs.String(), "zoe@example.com")
	})
}

// TestSignUp_BadInput: each field says what is wrong with it, all else that was typed is still there, the first one has the focus, and nobody is made.
func TestSignUp_BadInput(t *testing.T) {
	t.Parallel()
	m := start(t)
	for name, c := range map[string]struct {
		changes []string
		field   string
		says    string
		status  int
	}{
		"no name":                {[]string{"name", " "}, "name", "between 1 and 100 characters", 422},
		"long name":              {[]string{"name", strings.Repeat("é", 101)}, "name", "between 1 and 100 characters", 422},
		"control characters":     {[]string{"name", "\x00\x01"}, "name", "between 1 and 100 characters", 422},
		"no e-mail":              {[]string{"email", ""}, "email", "not an e-mail address", 422},
		"no e-mail address":      {[]string{"email", "zoe"}, "email", "not an e-mail address", 422},
		"e-mail with a name":     {[]string{"email", "Zoe <z@example.com>"}, "email", "not an e-mail address", 422},
		"two e-mails":            {[]string{"email", "a@example.com,b@example.com"}, "email", "not an e-mail address", 422},
		"e-mail with a new line": {[]string{"email", "a@example.com\r\nBcc: b@example.com"}, "email", "not an e-mail address", 422},
		"short password":         {[]string{"password", "short"}, "password", "between 10 and 200 characters", 422},
		"long password":          {[]string{"password", strings.Repeat("ab c", 51)}, "password", "between 10 and 200 characters", 422},
		"one character":          {[]string{"password", strings.Repeat("a", 20)}, "password", "among the first", 422},
		"a common one":           {[]string{"password", "Password123"}, "password", "among the first", 422},
		"the e-mail":             {[]string{"password", "ZOE@example.com"}, "password", "among the first", 422},
		"no role":                {[]string{"role", ""}, "role", "Choose", 422},
		"a role there is none":   {[]string{"role", "operator"}, "role", "Choose", 422},
		"no wallet address":      {[]string{"wallet_address", "wallet"}, "wallet_address", "not a wallet address", 422},
		"nobody's wallet":        {[]string{"wallet_address", "https://wallet.example/nobody"}, "wallet_address", "No Open Payments wallet answers", 422},
	} {
		b := m.browser()
		typed := newcomer(c.changes...)
		answer := b.signUp(typed)
		require.Equal(t, c.status, answer.StatusCode, name)
		invalid := answer.doc.Find("#" + c.field)
		if c.field != "role" {
			require.Equal(t, "true", invalid.AttrOr("aria-invalid", ""), name)
			_, focused := invalid.Attr("autofocus")
			require.True(t, focused, name)
		}
		words := answer.doc.Find("#" + invalid.AttrOr("aria-describedby", "-")[strings.LastIndex(invalid.AttrOr("aria-describedby", "-"), " ")+1:])
		require.Contains(t, words.Text(), c.says, name)
		require.Equal(t, 1, answer.doc.Find(".field-error").Length(), name)
		require.Equal(t, 1, answer.doc.Find("[autofocus]").Length(), name)
		for _, field := range []string{"name", "email", "wallet_address"} {
			if field != c.field {
				require.Equal(t, typed[field], answer.has(t, "#"+field).AttrOr("value", ""), "%s: kept", name)
			}
		}
		require.Empty(t, answer.has(t, "#password").AttrOr("value", ""), "%s: a password is not sent back", name)
	}
	several := m.browser().signUp(newcomer("name", "", "email", "x", "password", "y", "role", ""))
	require.Equal(t, 4, several.doc.Find(".field-error").Length(), "all at once")
	_, err := m.store.UserByEmail(t.Context(), "zoe@example.com")
	require.Equal(t, marketplace.CodeNotFound, marketplace.CodeOf(err))
}

// TestSignUp_DoesNotTellWhoHasAnAccount: with mail and without, the answer for a taken e-mail is the answer for a free one, to the last byte that is not random.
func TestSignUp_DoesNotTellWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	same := func(t *testing.T, m *running) {
		var answers []string
		for _, email := range []string{"free@example.com", demoWorker} {
			b := m.browser()
			sent := b.signUp(newcomer("email", email))
			require.Equal(t, http.StatusSeeOther, sent.StatusCode, sent.text)
			landed := b.get(sent.Header.Get("Location"))
			secret := landed.has(t, `input[name="csrf"]`).AttrOr("value", "")
			require.Len(t, secret, 64)
			headers := slicesOfNames(sent.Header)
			answers = append(answers, fmt.Sprint(sent.StatusCode, headers, sent.Header.Get("Location"), sent.text, strings.ReplaceAll(landed.text, secret, "")))
		}
		require.Equal(t, answers[0], answers[1])
	}
	onEach(t, func(t *testing.T, m *running) {
		before := m.user(demoWorker)
		same(t, m)
		require.Equal(t, before, m.user(demoWorker), "nothing of the old account is changed")
		m.browser().signIn(demoWorker)
		require.Equal(t, http.StatusUnauthorized, m.browser().signInAs(demoWorker, goodPassword).StatusCode)
	})
	onEachMailing(t, func(t *testing.T, m *running, mail letterbox, _ *clock.Held) {
		same(t, m)
		require.NotEmpty(t, mail.last(t, "free@example.com", marketplace.NotifySignUp).Token)
		owner := mail.last(t, demoWorker, marketplace.NotifyHaveAccount)
		require.Empty(t, owner.Token)
		require.NotContains(t, owner.Name, "Zo", "nobody writes into somebody else's mail")
		require.NotContains(t, mail.last(t, "free@example.com", marketplace.NotifySignUp).Name, "Zo")
	})
}

func slicesOfNames(h http.Header) []string {
	var names []string
	for name := range maps.Keys(h) {
		names = append(names, name)
	}
	return sorted(names)
}

// TestSignUp_ConfirmedByMail: the account is made by the link and the password together, once.
func TestSignUp_ConfirmedByMail(t *testing.T) {
	t.Parallel()
	onEachMailing(t, func(t *testing.T, m *running, mail letterbox, now *clock.Held) {
		b := m.browser()
		b.lands(b.signUp(newcomer("wallet_address", "$wallet.example/zoe")), "/login").has(t, `[data-flash="sign_up_sent"]`)
		require.Equal(t, http.StatusUnauthorized, b.signInAs("zoe@example.com", goodPassword).StatusCode, "not yet")
		token := mail.last(t, "zoe@example.com", marketplace.NotifySignUp).Token
		require.NotContains(t, m.logs.String(), token)
		var kept []string
		require.NoError(t, m.db.Read(t.Context()).Raw("SELECT token_hash FROM sign_ups").Scan(&kept).Error)
		require.Equal(t, []string{marketplace.HashToken(token)}, kept)

		// Somewhere else, such as on the phone that has the mail.
		phone := m.browser()
		form := phone.get("/signup/confirm?token=" + token)
		require.Equal(t, "zoe@example.com", form.has(t, "#email").AttrOr("value", ""))
		phone.get("/signup/confirm?token=" + token) // a program that looks into links uses nothing up
		wrong := phone.submit(form, "confirm", map[string]string{"password": "somebody else's guess"})
		require.Equal(t, http.StatusUnauthorized, wrong.StatusCode)
		require.Contains(t, wrong.has(t, ".form-error").Text(), "not the password")
		again := m.browser()
		other := again.get("/signup/confirm?token=" + token)

		in := phone.submit(form, "confirm", map[string]string{"password": goodPassword})
		require.NotNil(t, cookie(in, "tianguis_session"), "signed in")
		profile := phone.lands(in, "/profile")
		profile.has(t, `[data-flash="welcome"]`)
		require.Contains(t, profile.has(t, "#wallet-now").Text(), "https://wallet.example/zoe")
		require.Equal(t, []string{"sign_up"}, m.happened("zoe@example.com"))

		twice := again.submit(other, "confirm", map[string]string{"password": goodPassword})
		require.Equal(t, http.StatusGone, twice.StatusCode, "once")
		require.Equal(t, "/signup", twice.has(t, "#dead-link a").AttrOr("href", ""))
		for _, bad := range []string{token, "", "x", strings.Repeat("a", 10_000), "%00"} {
			require.Equal(t, http.StatusGone, m.browser().get("/signup/confirm?token="+bad).StatusCode, bad)
		}

		late := m.browser()
		late.signUp(newcomer("email", "late@example.com"))
		token = mail.last(t, "late@example.com", marketplace.NotifySignUp).Token
		form = late.get("/signup/confirm?token=" + token)
		now.Advance(24 * time.Hour)
		require.Equal(t, http.StatusGone, late.submit(form, "confirm", map[string]string{"password": goodPassword}).StatusCode)
		require.Equal(t, http.StatusGone, late.get("/signup/confirm?token="+token).StatusCode)
	})
}

// TestSignUp_TwoClaimsOfOneEmail: whoever proves the address has the account; the other's link is dead then.
func TestSignUp_TwoClaimsOfOneEmail(t *testing.T) {
	t.Parallel()
	onEachMailing(t, func(t *testing.T, m *running, mail letterbox, now *clock.Held) {
		squatter, owner := m.browser(), m.browser()
		squatter.signUp(newcomer("name", "Squatter", "password", "a squatter's secret", "wallet_address", "$wallet.example/squatter"))
		now.Advance(time.Second)
		owner.signUp(newcomer())
		letters := mail.all("zoe@example.com")
		require.Len(t, letters, 2)
		// The owner follows the first link, of a sign-up that was not theirs: their password does not open it.
		require.Equal(t, http.StatusUnauthorized,
			owner.submit(owner.get("/signup/confirm?token="+letters[0].Token), "confirm", map[string]string{"password": goodPassword}).StatusCode)
		require.Equal(t, http.StatusSeeOther,
			owner.submit(owner.get("/signup/confirm?token="+letters[1].Token), "confirm", map[string]string{"password": goodPassword}).StatusCode)
		require.Equal(t, "Zoé Pérez", m.user("zoe@example.com").Name)
		taken := squatter.submit(squatter.get("/signup/confirm?token="+letters[0].Token), "confirm", map[string]string{"password": "a squatter's secret"})
		require.Equal(t, http.StatusGone, taken.StatusCode)
		require.Empty(t, m.user("zoe@example.com").WalletAddressURL)
	})
}

func TestSignUp_Limits(t *testing.T) {
	t.Parallel()
	onEachMailing(t, func(t *testing.T, m *running, mail letterbox, now *clock.Held) {
		b := m.browser()
		form := b.get("/signup")
		for range 5 {
			require.Equal(t, http.StatusSeeOther, b.submit(form, "signup", newcomer()).StatusCode)
		}
		sixth := b.submit(form, "signup", newcomer())
		require.Equal(t, http.StatusTooManyRequests, sixth.StatusCode)
		require.Contains(t, sixth.has(t, ".form-error").Text(), "Wait")
		require.Len(t, mail.all("zoe@example.com"), 5, "a mailbox is not flooded")
		for i := range 24 {
			require.Equal(t, http.StatusSeeOther, b.submit(form, "signup", newcomer("email", fmt.Sprintf("z%d@example.com", i))).StatusCode, i)
		}
		require.Equal(t, http.StatusTooManyRequests, b.submit(form, "signup", newcomer("email", "one.more@example.com")).StatusCode, "from one place")
		m.browser().signIn(demoWorker)
		now.Advance(time.Hour + time.Second)
		require.Equal(t, http.StatusSeeOther, b.submit(form, "signup", newcomer()).StatusCode)
	})
}

// TestSignUp_ManyAtOnce: one e-mail, at the same time, makes one account.
func TestSignUp_ManyAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		var all sync.WaitGroup
		for range 4 {
			b := m.browser()
			form := b.get("/signup")
			all.Go(func() {
				if answer := b.submit(form, "signup", newcomer()); answer.StatusCode != http.StatusSeeOther {
					t.Errorf("%d: %s", answer.StatusCode, answer.text)
				}
			})
		}
		all.Wait()
		require.Equal(t, []string{"sign_up"}, m.happened("zoe@example.com"))
	})
}

func TestReset_WithoutMailTheOperatorIsToBeAsked(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser()
	require.Equal(t, "/forgot", b.get("/login").has(t, `a[href="/forgot"]`).AttrOr("href", ""))
	page := b.get("/forgot")
	require.Contains(t, page.has(t, "#ask-the-operator").Text(), "sends no mail")
	require.Zero(t, page.doc.Find("form#forgot").Length())
	csrf := b.get("/login").has(t, `input[name="csrf"]`).AttrOr("value", "")
	require.Equal(t, http.StatusConflict, b.do(http.MethodPost, "/forgot", url.Values{"csrf": {csrf}, "email": {demoWorker}}).StatusCode)
	require.Equal(t, http.StatusGone, b.get("/reset?token=x").StatusCode)
}

// TestReset_WholeWay: a link, once, for an hour; every session ends; and whoever guessed too often before may sign in.
func TestReset_WholeWay(t *testing.T) {
	t.Parallel()
	onEachMailing(t, func(t *testing.T, m *running, mail letterbox, now *clock.Held) {
		thief := m.browser().signIn(demoWorker)
		b := m.browser()
		for range 11 {
			b.signInAs(demoWorker, "is it this one?")
		}
		require.Equal(t, http.StatusTooManyRequests, b.signInAs(demoWorker, demoPassword).StatusCode)

		forgot := b.get("/forgot")
		b.lands(b.submit(forgot, "forgot", map[string]string{"email": " Worker@Example.com"}), "/login").has(t, `[data-flash="reset_sent"]`)
		b.submit(forgot, "forgot", map[string]string{"email": demoWorker})
		letters := mail.all(demoWorker)
		require.Len(t, letters, 2)
		token, other := letters[0].Token, letters[1].Token
		require.Equal(t, "Beto Hernández", letters[0].Name)
		var kept []string
		require.NoError(t, m.db.Read(t.Context()).Raw("SELECT token_hash FROM account_links").Scan(&kept).Error)
		require.NotContains(t, kept, token)
		require.NotContains(t, m.logs.String(), token)

		form := b.get("/reset?token=" + token)
		require.Equal(t, demoWorker, form.has(t, "#email").AttrOr("value", ""))
		tab := b.get("/reset?token=" + token)
		bad := b.submit(form, "reset", map[string]string{"password": "short"})
		require.Equal(t, http.StatusUnprocessableEntity, bad.StatusCode)
		require.Contains(t, bad.has(t, "#password-error").Text(), "between 10 and 200")
		b.lands(b.submit(bad, "reset", map[string]string{"password": goodPassword}), "/login").has(t, `[data-flash="password_reset"]`)

		require.Equal(t, "/login?next=%2Fprofile", thief.get("/profile").Header.Get("Location"), "every session ends")
		require.Equal(t, http.StatusGone, b.submit(tab, "reset", map[string]string{"password": "the other tab, later"}).StatusCode, "once")
		require.Equal(t, http.StatusGone, b.get("/reset?token="+other).StatusCode, "the other links too")
		require.Equal(t, http.StatusUnauthorized, b.signInAs(demoWorker, demoPassword).StatusCode)
		require.Equal(t, http.StatusSeeOther, b.signInAs(demoWorker, goodPassword).StatusCode)
		require.Equal(t, []string{"sign_up", "password_reset"}, m.happened(demoWorker))
		mail.last(t, demoWorker, marketplace.NotifyPasswordChanged)
		require.Contains(t, b.get("/notifications").text, "Your password was changed")
		b = m.browser()
		now.Advance(time.Second) // so that its letter is the newest
		b.submit(b.get("/forgot"), "forgot", map[string]string{"email": demoWorker})
		token = mail.last(t, demoWorker, marketplace.NotifyPasswordReset).Token
		form = b.get("/reset?token=" + token)
		now.Advance(time.Hour)
		require.Equal(t, http.StatusGone, b.submit(form, "reset", map[string]string{"password": "too late for this one"}).StatusCode)
		require.Equal(t, http.StatusGone, b.get("/reset?token="+token).StatusCode)
	})
}

func TestReset_DoesNotTellWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	onEachMailing(t, func(t *testing.T, m *running, mail letterbox, _ *clock.Held) {
		var answers []string
		for _, email := range []string{demoWorker, "nobody@example.com"} {
			b := m.browser()
			form := b.get("/forgot")
			for range 7 { // to the limit and beyond
				sent := b.submit(form, "forgot", map[string]string{"email": email})
				answers = append(answers, fmt.Sprint(sent.StatusCode, slicesOfNames(sent.Header), sent.Header.Get("Location"), sent.doc.Find(".form-error").Text()))
			}
		}
		require.Equal(t, answers[:7], answers[7:])
		require.Contains(t, answers[6], "429")
		require.Len(t, mail.all(demoWorker), 5)
		require.Empty(t, mail.all("nobody@example.com"))
		// As much is written for nobody as for somebody.
		var links int
		require.NoError(t, m.db.Read(t.Context()).Raw("SELECT COUNT(*) FROM account_links").Scan(&links).Error)
		require.Equal(t, 10, links)
		wrong := m.browser()
		answer := wrong.submit(wrong.get("/forgot"), "forgot", map[string]string{"email": "no address"})
		require.Equal(t, http.StatusUnprocessableEntity, answer.StatusCode)
		answer.has(t, `#email[aria-invalid="true"][autofocus]`)
	})
}

func TestProfile_WhatNeedsNoPassword(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		require.Equal(t, "/login?next=%2Fprofile", m.browser().get("/profile").Header.Get("Location"))
		b := m.browser().signIn(demoWorker)
		profile := b.get("/profile")
		require.Equal(t, demoWorker, profile.has(t, "#me").Text())
		require.Equal(t, "Beto Hernández", profile.has(t, "#name").AttrOr("value", ""))
		profile.has(t, "#role-worker[checked]")
		saved := b.lands(b.submit(profile, "profile", map[string]string{"name": "Beto H.", "role": "both", "language": "es"}), "/profile")
		saved.has(t, `[data-flash="profile_saved"]`)
		require.Equal(t, "Tu perfil", saved.has(t, "h1").Text(), "in the language that was chosen")
		require.Equal(t, "Beto H.", saved.has(t, "[data-user]").Text())
		require.Equal(t, "Tu perfil", m.browser().signIn(demoWorker).get("/profile").has(t, "h1").Text(), "in a browser that knows nothing of it")
		u := m.user(demoWorker)
		require.Equal(t, marketplace.Both, u.Role)
		require.Equal(t, []string{"sign_up", "name_changed", "role_changed"}, m.happened(demoWorker))
		require.Equal(t, "es", u.Language)

		bad := b.submit(saved, "profile", map[string]string{"name": "", "role": "king", "language": "no/such"})
		require.Equal(t, http.StatusUnprocessableEntity, bad.StatusCode)
		require.Equal(t, 3, bad.doc.Find(".field-error").Length())
		require.Equal(t, u, m.user(demoWorker), "nothing is changed")
	})
}

// TestProfile_Wallet: checked when it is entered, shown before it is saved, and saved with the password only.
func TestProfile_Wallet(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		b := m.browser().signIn(demoWorker)
		profile := b.get("/profile")
		require.Contains(t, profile.has(t, "#wallet-now").Text(), "not checked yet", "the seed's")
		before := m.user(demoWorker)

		looked := b.submit(profile, "wallet", map[string]string{"wallet_address": " $wallet.example/new ", "do": "look"})
		require.Equal(t, http.StatusOK, looked.StatusCode)
		require.Equal(t, "https://wallet.example/new", looked.has(t, "#wallet_address").AttrOr("value", ""), "as it will be saved")
		require.Contains(t, looked.has(t, "#wallet-looked").Text(), "Wallet of new")
		require.Contains(t, looked.has(t, "#wallet-looked").Text(), "MXN")
		require.Equal(t, before, m.user(demoWorker), "nothing is saved")

		for password, status := range map[string]int{"": 401, "wrong password": 401} {
			answer := b.submit(looked, "wallet", map[string]string{"current_password": password})
			require.Equal(t, status, answer.StatusCode)
			require.Contains(t, answer.has(t, "#wallet-password-error").Text(), "not your password")
			require.Equal(t, "https://wallet.example/new", answer.has(t, "#wallet_address").AttrOr("value", ""))
		}
		require.Equal(t, before, m.user(demoWorker), "a session alone redirects no money")

		saved := b.lands(b.submit(looked, "wallet", map[string]string{"current_password": demoPassword}), "/profile")
		saved.has(t, `[data-flash="wallet_saved"]`)
		u := m.user(demoWorker)
		require.Equal(t, "https://wallet.example/new", u.WalletAddressURL)
		require.Equal(t, "Wallet of new", u.Wallet.PublicName)
		require.Equal(t, uint8(2), u.Wallet.AssetScale)
		require.True(t, u.Wallet.Checked())
		require.Contains(t, saved.has(t, `#account-events [data-event="wallet_changed"]`).First().Text(), "https://wallet.example/beto → https://wallet.example/new")

		// Each way in which it can be wrong has words of its own, and changes nothing.
		said := map[string]bool{}
		for _, wrong := range []struct {
			address, code string
			status, want  int
		}{
			{"nonsense", "", 0, 422},
			{"https://wallet.example/nobody", "", 0, 422},
			{"https://wallet.example/x", "wallet_refused", 502, 502},
			{"https://wallet.example/x", "wallet_unavailable", 502, 503},
			{"https://wallet.example/x", "internal", 500, 503},
		} {
			m.payments.breakRoute("POST /api/wallet/profile", false, nil)
			if wrong.code != "" {
				m.payments.answerWith("POST /api/wallet/profile", wrong.status, wrong.code)
			}
			answer := b.submit(saved, "wallet", map[string]string{"wallet_address": wrong.address, "current_password": demoPassword})
			require.Equal(t, wrong.want, answer.StatusCode, wrong)
			words := answer.has(t, "#wallet-error").Text()
			require.NotContains(t, words, "internal words")
			require.False(t, said[words], words)
			said[words] = true
			require.Equal(t, wrong.address, answer.has(t, "#wallet_address").AttrOr("value", ""))
			require.Equal(t, u, m.user(demoWorker))
		}
		m.payments.breakRoute("POST /api/wallet/profile", false, nil)

		removed := b.lands(b.submit(saved, "wallet", map[string]string{"wallet_address": "", "current_password": demoPassword}), "/profile")
		require.Contains(t, removed.has(t, "#wallet-now").Text(), "nobody can pay you")
		require.False(t, m.user(demoWorker).Wallet.Checked())
	})
}

func TestProfile_WalletLimits(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser().signIn(demoWorker)
	profile := b.get("/profile")
	for range 10 {
		require.Equal(t, http.StatusUnauthorized, b.submit(profile, "wallet", map[string]string{"wallet_address": "$w.example/x", "current_password": "guess"}).StatusCode)
	}
	require.Equal(t, http.StatusTooManyRequests, b.submit(profile, "wallet", map[string]string{"wallet_address": "$w.example/x", "current_password": demoPassword}).StatusCode,
		"a stolen session guesses no password")
	require.Empty(t, m.payments.looked, "no wallet is asked before the password is right")
	for range 30 {
		require.Equal(t, http.StatusOK, b.submit(profile, "wallet", map[string]string{"wallet_address": "$w.example/x", "do": "look"}).StatusCode)
	}
	require.Equal(t, http.StatusTooManyRequests, b.submit(profile, "wallet", map[string]string{"wallet_address": "$w.example/x", "do": "look"}).StatusCode)
}

// TestProfile_Password: all other sessions end, and this one's old cookie is worth nothing.
func TestProfile_Password(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		b, other := m.browser().signIn(demoWorker), m.browser().signIn(demoWorker)
		old := cookieOf(t, b, m.base)
		profile := b.get("/profile")
		wrong := b.submit(profile, "password-form", map[string]string{"current_password": "wrong", "password": goodPassword})
		require.Equal(t, http.StatusUnauthorized, wrong.StatusCode)
		wrong.has(t, `#current_password[aria-invalid="true"][autofocus]`)
		weak := b.submit(profile, "password-form", map[string]string{"current_password": demoPassword, "password": "1234567890"})
		require.Equal(t, http.StatusUnprocessableEntity, weak.StatusCode)
		weak.has(t, `#password[aria-invalid="true"][autofocus]`)
		require.Equal(t, http.StatusOK, other.get("/").StatusCode)

		answer := b.submit(profile, "password-form", map[string]string{"current_password": demoPassword, "password": goodPassword})
		fresh := cookie(answer, "tianguis_session")
		require.NotNil(t, fresh)
		require.Greater(t, fresh.MaxAge, 6*24*3600)
		b.lands(answer, "/profile").has(t, `[data-flash="password_changed"]`)
		require.Equal(t, "/login", other.get("/").Header.Get("Location"))
		stale := m.browser()
		stale.client.Jar.SetCookies(mustURL(t, m.base), []*http.Cookie{{Name: "tianguis_session", Value: old}})
		require.Equal(t, "/login", stale.get("/").Header.Get("Location"))
		require.Equal(t, http.StatusUnauthorized, m.browser().signInAs(demoWorker, demoPassword).StatusCode)
		require.Equal(t, http.StatusSeeOther, m.browser().signInAs(demoWorker, goodPassword).StatusCode)
	})
}

// TestProfile_Email: the new address is proved by the person who asked, and the old one is told.
func TestProfile_Email(t *testing.T) {
	t.Parallel()
	onEachMailing(t, func(t *testing.T, m *running, mail letterbox, now *clock.Held) {
		b := m.browser().signIn(demoWorker)
		profile := b.get("/profile")
		ask := func(email, password string) page {
			return b.submit(profile, "email-form", map[string]string{"email": email, "current_password": password})
		}
		require.Equal(t, http.StatusUnauthorized, ask("beto@example.com", "wrong").StatusCode)
		require.Equal(t, http.StatusUnprocessableEntity, ask("nonsense", demoPassword).StatusCode)
		require.Equal(t, http.StatusUnprocessableEntity, ask(demoWorker, demoPassword).StatusCode)
		require.Equal(t, http.StatusSeeOther, ask(demoFunder, demoPassword).StatusCode, "taken, and not told")
		require.Empty(t, mail.last(t, demoFunder, marketplace.NotifyHaveAccount).Token)
		b.lands(ask("beto@example.com", demoPassword), "/profile").has(t, `[data-flash="email_sent"]`)
		token := mail.last(t, "beto@example.com", marketplace.NotifyNewEmail).Token
		require.Equal(t, demoWorker, b.get("/profile").has(t, "#me").Text(), "not yet")

		stranger := m.browser().signIn(demoFunder)
		require.Equal(t, http.StatusGone, stranger.get("/profile/email/confirm?token="+token).StatusCode, "it is nobody else's")
		form := b.get("/profile/email/confirm?token=" + token)
		b.lands(b.submit(form, "confirm-email", nil), "/profile").has(t, `[data-flash="email_changed"]`)
		require.Equal(t, http.StatusGone, b.submit(form, "confirm-email", nil).StatusCode, "once")
		require.Equal(t, "beto@example.com", mail.last(t, demoWorker, marketplace.NotifyEmailChanged).Facts.Detail, "whoever had the old address reads it")
		require.Equal(t, http.StatusSeeOther, m.browser().signInAs("beto@example.com", demoPassword).StatusCode)
		require.Equal(t, http.StatusUnauthorized, m.browser().signInAs(demoWorker, demoPassword).StatusCode)

		ask("later@example.com", demoPassword)
		token = mail.last(t, "later@example.com", marketplace.NotifyNewEmail).Token
		now.Advance(24 * time.Hour)
		require.Equal(t, http.StatusGone, b.get("/profile/email/confirm?token="+token).StatusCode)
	})
}

// TestProfile_Sessions: each is listed, and can be ended, by its person only.
func TestProfile_Sessions(t *testing.T) {
	t.Parallel()
	onEachMailing(t, func(t *testing.T, m *running, _ letterbox, now *clock.Held) {
		b, phone, stranger := m.browser().signIn(demoWorker), m.browser().signIn(demoWorker), m.browser().signIn(demoFunder)
		now.Advance(time.Hour)
		page := b.get("/profile")
		require.Equal(t, 2, page.doc.Find("#sessions li").Length(), page.text)
		require.Equal(t, 1, page.doc.Find("#sessions li[data-current]").Length())
		var seen []time.Time
		require.NoError(t, m.db.Read(t.Context()).Raw("SELECT seen_at FROM sessions ORDER BY seen_at").Scan(&seen).Error)
		require.Equal(t, now.Now(), seen[len(seen)-1].UTC(), "written down once in a while")

		other := page.has(t, "#sessions li:not([data-current])").AttrOr("data-session", "")
		csrf := stranger.get("/").has(t, `#logout input[name="csrf"]`).AttrOr("value", "")
		stranger.do(http.MethodPost, "/profile/sessions/end", url.Values{"csrf": {csrf}, "session": {other}})
		require.Equal(t, http.StatusOK, phone.get("/").StatusCode, "somebody else's session is nothing to end")
		b.lands(b.submit(page, "end-"+other, nil), "/profile").has(t, `[data-flash="session_ended"]`)
		require.Equal(t, "/login", phone.get("/").Header.Get("Location"))

		m.browser().signIn(demoWorker)
		page = b.get("/profile")
		require.Equal(t, 2, page.doc.Find("#sessions li").Length())
		b.lands(b.submit(page, "end-all", nil), "/login").has(t, `[data-flash="signed_out"]`)
		var left int
		require.NoError(t, m.db.Read(t.Context()).Raw("SELECT COUNT(*) FROM sessions WHERE user_id = ?", int64(m.seeding.worker)).Scan(&left).Error)
		require.Zero(t, left)
		require.Equal(t, http.StatusOK, stranger.get("/").StatusCode)
	})
}

// userAgent names the browser.
type userAgent string

func (u userAgent) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("User-Agent", string(u))
	return http.DefaultTransport.RoundTrip(r)
}

func TestProfile_SessionNamesItsDevice(t *testing.T) {
	t.Parallel()
	m := start(t)
	phone := m.browser()
	phone.client.Transport = userAgent("Mozilla/5.0 (Android 16; Mobile; rv:150.0) Gecko/150.0 Firefox/150.0")
	phone.signIn(demoWorker)
	require.Contains(t, phone.get("/profile").has(t, "#sessions li[data-current]").Text(), "Firefox, Android")
}

// TestProfile_TwoTabs: what was decided upon an account that has changed since is not done.
func TestProfile_TwoTabs(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		u := m.user(demoWorker)
		first, err := u.SetProfile(marketplace.Profile{Name: "First", Role: marketplace.Both}, "peer", u.CreatedAt)
		require.NoError(t, err)
		second, err := u.SetPassword(goodPassword, marketplace.AccountPasswordChanged, "peer", u.CreatedAt)
		require.NoError(t, err)
		require.NoError(t, m.store.ChangeAccount(t.Context(), first))
		require.ErrorIs(t, m.store.ChangeAccount(t.Context(), second), marketplace.ErrStale)
		m.browser().signIn(demoWorker)
		require.Equal(t, "First", m.user(demoWorker).Name)
		require.NotContains(t, m.happened(demoWorker), marketplace.AccountPasswordChanged)

		// One tab after the other is no trouble: a form holds what it changes, and nothing else.
		b := m.browser().signIn(demoWorker)
		one, two := b.get("/profile"), b.get("/profile")
		require.Equal(t, http.StatusSeeOther, b.submit(one, "wallet", map[string]string{"wallet_address": "$w.example/n", "current_password": demoPassword}).StatusCode)
		require.Equal(t, http.StatusSeeOther, b.submit(two, "profile", map[string]string{"name": "Second", "role": "both"}).StatusCode)
		require.Equal(t, "https://w.example/n", m.user(demoWorker).WalletAddressURL)
	})
}

// TestSignIn_NoSessionIsFixed: whoever was at this browser before has nothing of the session that is opened in it.
func TestSignIn_NoSessionIsFixed(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser()
	planted := marketplace.NewToken()
	b.client.Jar.SetCookies(mustURL(t, m.base), []*http.Cookie{{Name: "tianguis_session", Value: planted}})
	b.signIn(demoWorker)
	require.NotEqual(t, planted, cookieOf(t, b, m.base))

	// Signing in over somebody's session ends that one.
	first := cookieOf(t, b, m.base)
	csrf := b.get("/").has(t, `#logout input[name="csrf"]`).AttrOr("value", "")
	answer := b.do(http.MethodPost, "/login", url.Values{"csrf": {csrf}, "email": {demoFunder}, "password": {demoPassword}})
	require.Equal(t, http.StatusSeeOther, answer.StatusCode)
	require.NotEqual(t, first, cookieOf(t, b, m.base))
	old := m.browser()
	old.client.Jar.SetCookies(mustURL(t, m.base), []*http.Cookie{{Name: "tianguis_session", Value: first}})
	require.Equal(t, "/login", old.get("/").Header.Get("Location"))
}

// TestPeople_FormsNeedTheirToken: none of the forms can be sent from elsewhere.
func TestPeople_FormsNeedTheirToken(t *testing.T) {
	t.Parallel()
	m := start(t)
	before := m.user(demoWorker)
	b := m.browser().signIn(demoWorker)
	for _, path := range []string{
		"/signup", "/signup/confirm", "/forgot", "/reset", "/profile", "/profile/wallet", "/profile/email", "/profile/email/confirm", "/profile/password",
		"/profile/sessions/end", "/profile/sessions/end-all",
	} {
		answer := b.do(http.MethodPost, path, url.Values{
			"csrf": {"x"}, "name": {"Evil"}, "email": {"evil@example.com"}, "role": {"both"}, "wallet_address": {"$evil.example/x"},
			"password": {goodPassword}, "current_password": {demoPassword},
		})
		require.Equal(t, http.StatusForbidden, answer.StatusCode, path)
	}
	require.Equal(t, before, m.user(demoWorker))
	require.Equal(t, http.StatusOK, b.get("/").StatusCode, "still signed in")
}
