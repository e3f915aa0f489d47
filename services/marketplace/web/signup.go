package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// SignUpPage is templates/signup.html.
type SignUpPage struct {
	form
	Mails bool // the e-mail is to be proved
}

// Title is the page's.
func (SignUpPage) Title() string { return "Create an account" }

func (p *Pages) signUpForm(c echo.Context) error {
	if visitorOf(c).SignedIn() {
		return c.Redirect(http.StatusSeeOther, "/")
	}
	p.tieForm(c)
	return p.render(c, http.StatusOK, "signup", SignUpPage{Mails: p.market.Mails()})
}

// signUp answers alike whether somebody has the e-mail or not.
func (p *Pages) signUp(c echo.Context) error {
	page := SignUpPage{form: filled(c, marketplace.FieldEmail, marketplace.FieldName, marketplace.FieldRole, marketplace.FieldWallet), Mails: p.market.Mails()}
	err := p.market.SignUp(c.Request().Context(), marketplace.Registration{
		Email: page.Value(marketplace.FieldEmail), Name: page.Value(marketplace.FieldName), Password: c.FormValue(marketplace.FieldPassword),
		Role: marketplace.Role(page.Value(marketplace.FieldRole)), WalletAddress: page.Value(marketplace.FieldWallet),
		Language: p.languageOf(c).Code,
	}, deviceOf(c))
	if err != nil {
		status := p.refused(c, &page.form, err)
		if status == 0 {
			return err
		}
		return p.render(c, status, "signup", page)
	}
	if page.Mails {
		p.flash(c, "sign_up_sent")
	} else {
		p.flash(c, "account_made")
	}
	return c.Redirect(http.StatusSeeOther, "/login")
}

// ConfirmPage is templates/confirm.html.
type ConfirmPage struct {
	form
	Token string
	Email string // to be proved; "" when the link leads nowhere
}

// Title is the page's.
func (ConfirmPage) Title() string { return "Confirm your e-mail" }

// confirmForm changes nothing: programs follow the links in mails too, to look for harm.
func (p *Pages) confirmForm(c echo.Context) error {
	page := ConfirmPage{Token: c.QueryParam("token")}
	pending, err := p.market.PendingSignUp(c.Request().Context(), page.Token)
	if err != nil {
		return p.deadLink(c, err, "/signup")
	}
	page.Email = pending.User.Email
	p.tieForm(c)
	return p.render(c, http.StatusOK, "confirm", page)
}

func (p *Pages) confirm(c echo.Context) error {
	page := ConfirmPage{Token: c.FormValue("token")}
	pending, err := p.market.PendingSignUp(c.Request().Context(), page.Token)
	if err != nil {
		return p.deadLink(c, err, "/signup")
	}
	page.Email = pending.User.Email
	token, session, err := p.market.ConfirmSignUp(c.Request().Context(), page.Token, c.FormValue(marketplace.FieldPassword), deviceOf(c))
	if marketplace.CodeOf(err) == marketplace.CodeLinkExpired {
		return p.deadLink(c, err, "/signup")
	}
	if err != nil {
		status := p.refused(c, &page.form, err)
		if status == 0 {
			return err
		}
		return p.render(c, status, "confirm", page)
	}
	if err := p.begin(c, token, session); err != nil {
		return err
	}
	p.flash(c, "welcome")
	return c.Redirect(http.StatusSeeOther, "/profile")
}

// LinkPage is templates/link.html: a link of a mail that leads nowhere any more.
type LinkPage struct {
	Message string
	Ask     string // where a new one is asked for
}

// Title is the page's.
func (LinkPage) Title() string { return "This link does not work any more" }

func (p *Pages) deadLink(c echo.Context, err error, ask string) error {
	code := marketplace.CodeOf(err)
	if code != marketplace.CodeLinkExpired {
		return err
	}
	return p.render(c, statusOf[code], "link", LinkPage{Message: p.words(c, err), Ask: ask})
}
