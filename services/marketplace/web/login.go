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

func (p *Pages) showLogin(c echo.Context, status int, page LoginPage) error {
	p.tieForm(c)
	return p.render(c, status, "login", page)
}

func (p *Pages) login(c echo.Context) error {
	page := LoginPage{Email: c.FormValue("email"), Next: localPath(c.FormValue("next"))}
	token, session, err := p.market.SignIn(c.Request().Context(), page.Email, c.FormValue("password"), deviceOf(c))
	switch code := marketplace.CodeOf(err); {
	case code == marketplace.CodeSignInFailed, code == marketplace.CodeTooManyTries, code == marketplace.CodeDisabled:
		page.Error = p.words(c, err)
		return p.showLogin(c, statusOf[code], page)
	case err != nil:
		return err
	}
	if err := p.begin(c, token, session); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, page.Next)
}

// begin gives the browser a session that has been opened, and ends the one that it had.
func (p *Pages) begin(c echo.Context, token string, session marketplace.Session) error {
	if v := visitorOf(c); v.SignedIn() {
		if err := p.reader.DeleteSession(c.Request().Context(), v.SessionID, v.User.ID); err != nil {
			return err
		}
	}
	p.setCookie(c, sessionCookie, token, session.ExpiresAt.Sub(session.CreatedAt))
	p.clearCookie(c, formCookie)
	return nil
}

func (p *Pages) logout(c echo.Context) error {
	if v := visitorOf(c); v.SignedIn() {
		if err := p.reader.DeleteSession(c.Request().Context(), v.SessionID, v.User.ID); err != nil {
			return err
		}
	}
	return p.signedOut(c)
}

// signedOut takes leave of somebody whose session has ended.
func (p *Pages) signedOut(c echo.Context) error {
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
