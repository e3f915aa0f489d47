package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// DevMail is a mail that was not sent but kept, for whoever develops to look at.
type DevMail struct {
	ID      string
	Kind    marketplace.NotificationKind
	To      string
	Subject string
	Text    string
	HTML    string
	At      time.Time
}

// DevMailPage is templates/dev_mail.html.
type DevMailPage struct{ Mails []DevMail }

// Title is the page's.
func (DevMailPage) Title() string { return "Mail" }

// devMail shows the mails to anybody, signed in or not: somebody who has lost the password needs theirs. It exists only where
// mails go to it, which is nowhere that others can reach.
func (p *Pages) devMail(c echo.Context) error {
	return p.render(c, http.StatusOK, "dev_mail", DevMailPage{Mails: p.mails()})
}

// devMailHTML shows the HTML part of one as a mail program does: styles of its own, and nothing that runs or loads.
func (p *Pages) devMailHTML(c echo.Context) error {
	for _, m := range p.mails() {
		if m.ID == c.Param("message_id") {
			c.Response().Header().Set("Content-Security-Policy",
				"default-src 'none'; style-src 'unsafe-inline'; sandbox allow-popups allow-top-navigation-by-user-activation; frame-ancestors 'none'")
			return c.HTML(http.StatusOK, m.HTML)
		}
	}
	return echo.ErrNotFound
}
