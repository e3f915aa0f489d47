package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// LoginPage is templates/login.html.
type LoginPage struct {
	Email string
	Next  string
	Error string
}

// Title is the page's.
func (LoginPage) Title() string { return "Sign in" }

func (p *Pages) loginForm(c echo.Context) error {
	next := localPath(c.QueryParam("next"))
	if visitorOf(c).SignedIn() {
		return c.Redirect(http.StatusSeeOther, next)
	}
	return p.showLogin(c, http.StatusOK, LoginPage{Next: next})
}

// showLogin makes sure that the browser has the cookie which its form is tied to.
func (p *Pages) showLogin(c echo.Context, status int, page LoginPage) error {
	if v := visitorOf(c); v.FormToken == "" {
		secret := marketplace.NewToken()
		p.setCookie(c, formCookie, secret, 0)
		v.FormToken = formToken(secret)
		c.Set(visitorKey, v)
	}
	return p.render(c, status, "login", page)
}

func (p *Pages) login(c echo.Context) error {
	page := LoginPage{Email: c.FormValue("email"), Next: localPath(c.FormValue("next"))}
	token, session, err := p.market.SignIn(c.Request().Context(), page.Email, c.FormValue("password"), c.RealIP())
	switch code := marketplace.CodeOf(err); {
	case code == marketplace.CodeSignInFailed, code == marketplace.CodeTooManyTries:
		page.Error = p.words(c, err)
		return p.showLogin(c, statusOf[code], page)
	case err != nil:
		return err
	}
	p.setCookie(c, sessionCookie, token, session.ExpiresAt.Sub(session.CreatedAt))
	p.clearCookie(c, formCookie)
	return c.Redirect(http.StatusSeeOther, page.Next)
}

func (p *Pages) logout(c echo.Context) error {
	if v := visitorOf(c); v.SignedIn() {
		if err := p.reader.DeleteSession(c.Request().Context(), v.SessionID); err != nil {
			return err
		}
	}
	p.clearCookie(c, sessionCookie)
	p.flash(c, "signed_out")
	return c.Redirect(http.StatusSeeOther, "/login")
}

// localPath is where to go on to: a path of ours, or "/" for anything that a browser might take for
// another site's address ("//evil.example", "/\evil.example", "https:…", with control characters in between).
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") ||
		strings.ContainsFunc(next, func(r rune) bool { return r == '\\' || r < ' ' || r == 0x7f }) {
		return "/"
	}
	return next
}
