package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLanguage_ChosenOnceAndKept(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser()
	english := b.get("/login")
	require.Equal(t, "en", english.doc.Find("html").AttrOr("lang", ""))
	choice, found := english.doc.Find(`.languages a[lang="es"]`).Attr("href")
	require.True(t, found)
	back := b.get(choice)
	require.Equal(t, http.StatusSeeOther, back.StatusCode)
	require.Equal(t, "/login", back.Header.Get("Location"))
	spanish := b.get("/login")
	require.Equal(t, "es", spanish.doc.Find("html").AttrOr("lang", ""))
	require.Equal(t, "es", spanish.Header.Get("Content-Language"))
	require.Equal(t, "Iniciar sesión", spanish.doc.Find("h1").Text())
	wrong := b.submit(spanish, "login", map[string]string{"email": "nobody@example.com", "password": "wrong"})
	require.Contains(t, wrong.has(t, "#login-error").Text(), "no coinciden", "errors too")
	require.Equal(t, "No encontrado", b.get("/no-such-page").doc.Find("h1").Text())

	require.Equal(t, http.StatusNotFound, b.get("/language/xx?next=/login").StatusCode)
	require.Equal(t, "/", b.get("/language/en?next=//evil.example").Header.Get("Location"), "never elsewhere")

	// The address of a return from a wallet proves a payment's approval: it is in no link.
	finish := m.browser().get("/payments/finish?pendingId=01JDDDDDDDDDDDDDDDDDDDDDD1&interact_ref=secret&hash=proof")
	require.NotContains(t, finish.doc.Find(".languages").Text()+finish.doc.Find(".languages a").AttrOr("href", ""), "secret")
}
