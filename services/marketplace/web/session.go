package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// The cookies. None is readable by scripts.
const (
	sessionCookie = "tianguis_session" // the session's token
	formCookie    = "tianguis_form"    // ties the sign-in form to a browser that has no session yet
	flashCookie   = "tianguis_flash"   // a code for one message on the next page
)

// visitor is whoever sent the request.
type visitor struct {
	User      marketplace.User // zero when nobody is signed in
	SessionID string
	FormToken string // what forms must carry to be believed

	sessionEnds time.Time
	unread      int // see countsUnread
}

// SignedIn reports whether somebody is signed in.
func (v visitor) SignedIn() bool { return v.User.ID != 0 }

const visitorKey = "visitor"

func visitorOf(c echo.Context) visitor {
	v, _ := c.Get(visitorKey).(visitor)
	return v
}

// withVisitor finds out who sent the request.
func (p *Pages) withVisitor(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		v, err := p.identify(c)
		if err != nil {
			return err
		}
		c.Set(visitorKey, v)
		return next(c)
	}
}

// countsUnread reports whether what the visitor has not seen is counted together with the session: where most answers are pages, which show it.
func countsUnread(c echo.Context) bool {
	return c.Request().Method == http.MethodGet && !strings.HasSuffix(c.Path(), "/status") && c.Path() != "/payments/finish"
}

func (p *Pages) identify(c echo.Context) (visitor, error) {
	if cookie, err := c.Cookie(sessionCookie); err == nil && cookie.Value != "" {
		most := 0
		if countsUnread(c) {
			most = countedUnread
		}
		s, err := p.reader.Session(c.Request().Context(), marketplace.HashToken(cookie.Value), most)
		switch {
		case err == nil && s.Valid(p.clock.Now()):
			p.seen(c, s.Session)
			return visitor{User: s.User, SessionID: s.Session.ID, FormToken: formToken(cookie.Value), sessionEnds: s.Session.ExpiresAt, unread: s.Unread}, nil
		case err != nil && marketplace.CodeOf(err) != marketplace.CodeNotFound:
			return visitor{}, fmt.Errorf("read the session: %w", err)
		}
	}
	if cookie, err := c.Cookie(formCookie); err == nil && cookie.Value != "" {
		return visitor{FormToken: formToken(cookie.Value)}, nil
	}
	return visitor{}, nil
}

// seen writes down, now and then, that a session is in use. That it could not be is no reason to answer nothing.
func (p *Pages) seen(c echo.Context, s marketplace.Session) {
	now := p.clock.Now()
	if now.Sub(s.SeenAt) < marketplace.SeenEvery {
		return
	}
	if err := p.reader.SeenSession(c.Request().Context(), s.ID, now); err != nil {
		p.log.WarnContext(c.Request().Context(), "write down that a session is in use", "error", err)
	}
}

// signedIn sends whoever is not signed in to the sign-in form, and back afterwards.
func (p *Pages) signedIn(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if visitorOf(c).SignedIn() {
			return next(c)
		}
		if strings.HasSuffix(c.Path(), "/status") {
			return c.JSON(http.StatusUnauthorized, map[string]string{"error": p.languageOf(c).T("Sign in first.")})
		}
		to := "/login"
		if back := c.Request().URL.RequestURI(); c.Request().Method == http.MethodGet && back != "/" {
			to += "?" + url.Values{"next": {back}}.Encode()
		}
		return c.Redirect(http.StatusSeeOther, to)
	}
}

// setCookie leaves a cookie for as long as life, or until the browser is closed when that is zero.
func (p *Pages) setCookie(c echo.Context, name, value string, life time.Duration) {
	c.SetCookie(&http.Cookie{
		Name: name, Value: value, MaxAge: int(life / time.Second), Path: "/", HttpOnly: true, Secure: p.https,
		SameSite: http.SameSiteLaxMode, // Lax: the wallet's redirect back must bring the session along
	})
}

func (p *Pages) clearCookie(c echo.Context, name string) { p.setCookie(c, name, "", -time.Second) }

// flash leaves a code for the next page to put into words.
func (p *Pages) flash(c echo.Context, code string) {
	p.setCookie(c, flashCookie, code, time.Minute)
}

func (p *Pages) takeFlash(c echo.Context) string {
	cookie, err := c.Cookie(flashCookie)
	if err != nil || cookie.Value == "" {
		return ""
	}
	p.clearCookie(c, flashCookie)
	return cookie.Value
}
