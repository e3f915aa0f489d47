package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// ForgotPage is templates/forgot.html.
type ForgotPage struct {
	form
	Mails bool // without mail there is nothing to be sent
}

// Title is the page's.
func (ForgotPage) Title() string { return "Forgot your password?" }

func (p *Pages) forgotForm(c echo.Context) error {
	p.tieForm(c)
	return p.render(c, http.StatusOK, "forgot", ForgotPage{Mails: p.market.Mails()})
}

// forgot answers alike whether somebody has the e-mail or not.
func (p *Pages) forgot(c echo.Context) error {
	page := ForgotPage{form: filled(c, marketplace.FieldEmail), Mails: p.market.Mails()}
	if err := p.market.AskReset(c.Request().Context(), page.Value(marketplace.FieldEmail), deviceOf(c)); err != nil {
		status := p.refused(c, &page.form, err)
		if status == 0 {
			return err
		}
		return p.render(c, status, "forgot", page)
	}
	p.flash(c, "reset_sent")
	return c.Redirect(http.StatusSeeOther, "/login")
}

// ResetPage is templates/reset.html.
type ResetPage struct {
	form
	Token string
	Email string // whose password it is: password managers want to know
}

// Title is the page's.
func (ResetPage) Title() string { return "Choose a new password" }

// resetForm uses nothing up: programs follow the links in mails too.
func (p *Pages) resetForm(c echo.Context) error {
	page := ResetPage{Token: c.QueryParam("token")}
	user, err := p.market.ResetBy(c.Request().Context(), page.Token)
	if err != nil {
		return p.deadLink(c, err, "/forgot")
	}
	page.Email = user.Email
	p.tieForm(c)
	return p.render(c, http.StatusOK, "reset", page)
}

func (p *Pages) reset(c echo.Context) error {
	page := ResetPage{Token: c.FormValue("token")}
	user, err := p.market.ResetBy(c.Request().Context(), page.Token)
	if err != nil {
		return p.deadLink(c, err, "/forgot")
	}
	page.Email = user.Email
	err = p.market.Reset(c.Request().Context(), page.Token, c.FormValue(marketplace.FieldPassword), deviceOf(c))
	if marketplace.CodeOf(err) == marketplace.CodeLinkExpired {
		return p.deadLink(c, err, "/forgot")
	}
	if err != nil {
		status := p.refused(c, &page.form, err)
		if status == 0 {
			return err
		}
		return p.render(c, status, "reset", page)
	}
	p.clearCookie(c, sessionCookie) // it has ended with all others
	p.flash(c, "password_reset")
	return c.Redirect(http.StatusSeeOther, "/login")
}
