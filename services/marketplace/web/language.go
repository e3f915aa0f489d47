package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace/language"
)

// languageCookie holds the code of the language that somebody chose.
const languageCookie = "tianguis_language"

const languageLife = 365 * 24 * time.Hour

// languageOf is what the visitor chose in this browser, or else in their profile, or else what the browser prefers.
func (p *Pages) languageOf(c echo.Context) *language.Language {
	chosen := ""
	if cookie, err := c.Cookie(languageCookie); err == nil {
		chosen = cookie.Value
	}
	return p.catalogue.Match(chosen, visitorOf(c).User.Language, c.Request().Header.Get("Accept-Language"))
}

// chooseLanguage keeps the choice and goes back to the page. A link does: nothing but words changes, whoever sent the browser here.
func (p *Pages) chooseLanguage(c echo.Context) error {
	for _, l := range p.catalogue.Languages() {
		if l.Code == c.Param("code") {
			p.speak(c, l.Code)
			return c.Redirect(http.StatusSeeOther, localPath(c.QueryParam("next")))
		}
	}
	return echo.ErrNotFound
}

// speak keeps a choice in the browser; "" for none.
func (p *Pages) speak(c echo.Context, code string) {
	if code == "" {
		p.clearCookie(c, languageCookie)
		return
	}
	p.setCookie(c, languageCookie, code, languageLife)
}

// hereKey is where a handler says which page answers, when its own address cannot be loaded.
const hereKey = "here"

// here is the address of the page that answers, to come back to: of a form that was sent, that of the form.
func here(c echo.Context) string {
	if at, ok := c.Get(hereKey).(string); ok {
		return at
	}
	if c.Path() == "" || c.Path() == "/payments/finish" { // an address that is none; or one whose query proves a payment's approval
		return "/"
	}
	return c.Request().URL.RequestURI()
}
