package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/marketplace"
)

func cookie(p page, name string) *http.Cookie {
	for _, c := range p.Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func TestSignIn_Session(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		b := m.browser()
		answer := b.submit(b.get("/login"), "login", map[string]string{"email": " Funder@Example.com ", "password": demoPassword})
		require.Equal(t, "/", answer.Header.Get("Location"))
		session := cookie(answer, "tianguis_session")
		require.True(t, session.HttpOnly)
		require.Equal(t, http.SameSiteLaxMode, session.SameSite)
		require.False(t, session.Secure, "plain http has no secure cookies")
		require.Len(t, session.Value, 43, "256 bits")
		var kept []string
		require.NoError(t, m.db.Read(t.Context()).Raw("SELECT token_hash FROM sessions").Scan(&kept).Error)
		require.Equal(t, []string{marketplace.HashToken(session.Value)}, kept)
		require.NotContains(t, m.logs.String(), session.Value)

		home := b.get("/")
		require.Equal(t, "Fernanda Ruiz", home.has(t, "[data-user]").Text())
		require.Equal(t, "/", b.get("/login").Header.Get("Location"), "signed in already")
		out := b.submit(home, "logout", nil)
		b.lands(out, "/login").has(t, `[data-flash="signed_out"]`)
		b.client.Jar.SetCookies(mustURL(t, m.base), []*http.Cookie{{Name: "tianguis_session", Value: session.Value}})
		require.Equal(t, "/login", b.get("/").Header.Get("Location"), "a session that was signed out opens nothing")
	})
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err)
	return u
}

func TestSignIn_CookiesAreSecureWithHTTPS(t *testing.T) {
	t.Parallel()
	m := start(t, func(c *Config) { c.BaseURL = "https://market.example" })
	answer := m.browser().get("/login")
	require.True(t, cookie(answer, "tianguis_form").Secure)
	require.Contains(t, answer.Header.Get("Strict-Transport-Security"), "max-age=")
}

func TestSignIn_Refused(t *testing.T) {
	t.Parallel()
	onEach(t, refusedSignIns)
}

func refusedSignIns(t *testing.T, m *running) {
	b := m.browser()
	form := b.get("/login")
	var texts []string
	for _, fields := range []map[string]string{
		{"email": demoFunder, "password": "wrong-password"},
		{"email": "nobody@example.com", "password": demoPassword},
		{"email": demoFunder, "password": ""},
		{"email": "", "password": ""},
		{"email": demoFunder + "\x00", "password": strings.Repeat("a", 100_000)},
		{"email": strings.Repeat("a", 100_000), "password": demoPassword},
		{"email": "\xff\xfe", "password": "\xff\x00"},
		{"email": "' OR 1=1 --", "password": "' OR 1=1 --"},
	} {
		answer := b.submit(form, "login", fields)
		require.Equal(t, http.StatusUnauthorized, answer.StatusCode)
		require.Nil(t, cookie(answer, "tianguis_session"))
		require.Empty(t, answer.has(t, "#password").AttrOr("value", ""))
		texts = append(texts, answer.has(t, "#login-error").Text())
	}
	for _, text := range texts {
		require.Equal(t, texts[0], text, "it does not tell who has an account")
	}
}

func TestSignIn_Guessing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		b := m.browser()
		form := b.get("/login")
		for range 10 {
			require.Equal(t, http.StatusUnauthorized, b.submit(form, "login", map[string]string{"email": demoFunder, "password": "guess"}).StatusCode)
		}
		answer := b.submit(form, "login", map[string]string{"email": demoFunder, "password": demoPassword})
		require.Equal(t, http.StatusTooManyRequests, answer.StatusCode, "even with the right one")
		require.Contains(t, answer.has(t, "#login-error").Text(), "Wait")
		m.browser().signIn(demoWorker)
	})
}

func TestSignIn_SessionEnds(t *testing.T) {
	t.Parallel()
	m := start(t, func(c *Config) { c.SessionLife = 200 * time.Millisecond })
	b := m.browser().signIn(demoFunder)
	require.Eventually(t, func() bool {
		return strings.HasPrefix(b.get("/jobs/1").Header.Get("Location"), "/login")
	}, waitFor, every)
}

func TestSignIn_GoesOnWhereItWasAskedFor(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser()
	login := b.lands(b.get("/jobs/1"), "/login?next=%2Fjobs%2F1")
	require.Equal(t, "/jobs/1", b.submit(login, "login", map[string]string{"email": demoFunder, "password": demoPassword}).Header.Get("Location"))
	for _, evil := range []string{"//evil.example/", "https://evil.example/", `/\evil.example`, "/\t/evil.example"} {
		b := m.browser()
		login := b.get("/login?next=" + url.QueryEscape(evil))
		require.Equal(t, "/", login.has(t, `input[name="next"]`).AttrOr("value", ""), evil)
		answer := b.submit(login, "login", map[string]string{"email": demoFunder, "password": demoPassword, "next": evil})
		require.NotContains(t, answer.Header.Get("Location"), "//")
		require.NotContains(t, answer.Header.Get("Location"), `\`)
		require.Equal(t, "/", b.get("/login?next="+url.QueryEscape(evil)).Header.Get("Location"), "signed in already")
	}
}

func TestForms_NeedTheirToken(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser().signIn(demoFunder)
	other := m.browser().signIn(demoWorker)
	csrf := func(b *browser) string { return b.get("/").has(t, `#logout input[name="csrf"]`).AttrOr("value", "") }
	for name, token := range map[string][]string{"none": nil, "empty": {""}, "wrong": {"x"}, "another session's": {csrf(other)}, "the cookie": {cookieOf(t, b, m.base)}} {
		for _, path := range []string{"/jobs/1/pay", "/logout", "/login"} {
			answer := b.do(http.MethodPost, path, url.Values{"csrf": token, "wallet_address": {"https://w.example/x"}, "email": {demoFunder}, "password": {demoPassword}})
			require.Equal(t, http.StatusForbidden, answer.StatusCode, "%s %s", path, name)
			require.Contains(t, answer.text, "This form is not valid any more")
		}
	}
	// In the query it is no form's.
	require.Equal(t, http.StatusForbidden, b.do(http.MethodPost, "/logout?csrf="+csrf(b), url.Values{}).StatusCode)
	require.Equal(t, http.StatusForbidden, m.browser().do(http.MethodPost, "/login", url.Values{"email": {demoFunder}, "password": {demoPassword}}).StatusCode)
	require.Empty(t, m.payments.payments)
	require.Equal(t, http.StatusOK, b.get("/").StatusCode, "still signed in")
}

func cookieOf(t *testing.T, b *browser, base string) string {
	t.Helper()
	for _, c := range b.client.Jar.Cookies(mustURL(t, base)) {
		if c.Name == "tianguis_session" {
			return c.Value
		}
	}
	t.Fatal("no session")
	return ""
}
