package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// ProfilePage is templates/profile.html: a form for each thing that can be changed by itself.
type ProfilePage struct {
	User     marketplace.User
	About    form // name, role, language
	Wallet   form
	Looked   *marketplace.Wallet // what the wallet that was typed says of itself; nil when nobody asked
	Email    form
	Password form
	Mails    bool
	Session  string // this one's id
	Sessions []marketplace.Session
	Events   []marketplace.AccountEvent
}

// Title is the page's.
func (ProfilePage) Title() string { return "Your profile" }

const profileEvents = 20

// showProfile draws the page; change puts what was typed, and what is wrong with it, in the place of what is known.
func (p *Pages) showProfile(c echo.Context, status int, change func(*ProfilePage)) error {
	v := visitorOf(c)
	page := ProfilePage{User: v.User, Mails: p.market.Mails(), Session: v.SessionID}
	page.About.values = map[string]string{
		marketplace.FieldName: v.User.Name, marketplace.FieldRole: string(v.User.Role), marketplace.FieldLanguage: v.User.Language,
	}
	page.Wallet.values = map[string]string{marketplace.FieldWallet: v.User.WalletAddressURL}
	var err error
	if page.Sessions, err = p.reader.SessionsOf(c.Request().Context(), v.User.ID, p.clock.Now()); err != nil {
		return err
	}
	if page.Events, err = p.reader.AccountEvents(c.Request().Context(), v.User.ID, profileEvents); err != nil {
		return err
	}
	if change != nil {
		change(&page)
	}
	return p.render(c, status, "profile", page)
}

func (p *Pages) profile(c echo.Context) error { return p.showProfile(c, http.StatusOK, nil) }

// answerProfile goes back to the page with a message, or shows the form again with what is wrong.
func (p *Pages) answerProfile(c echo.Context, err error, flash string, f form, put func(*ProfilePage, form)) error {
	if err == nil {
		p.flash(c, flash)
		return c.Redirect(http.StatusSeeOther, "/profile")
	}
	status := p.refused(c, &f, err)
	if status == 0 {
		return err
	}
	return p.showProfile(c, status, func(page *ProfilePage) { put(page, f) })
}

func (p *Pages) changeProfile(c echo.Context) error {
	f := filled(c, marketplace.FieldName, marketplace.FieldRole, marketplace.FieldLanguage)
	err := p.market.ChangeProfile(c.Request().Context(), visitorOf(c).User.ID, marketplace.Profile{
		Name: f.Value(marketplace.FieldName), Role: marketplace.Role(f.Value(marketplace.FieldRole)), Language: f.Value(marketplace.FieldLanguage),
	}, deviceOf(c))
	if err == nil {
		p.speak(c, f.Value(marketplace.FieldLanguage))
	}
	return p.answerProfile(c, err, "profile_saved", f, func(page *ProfilePage, f form) { page.About = f })
}

// changeWallet saves an address, or only looks at it.
func (p *Pages) changeWallet(c echo.Context) error {
	v, ctx := visitorOf(c), c.Request().Context()
	f := filled(c, marketplace.FieldWallet)
	put := func(page *ProfilePage, f form) { page.Wallet = f }
	if c.FormValue("do") == "look" {
		address, wallet, err := p.market.LookAtWallet(ctx, v.User, f.Value(marketplace.FieldWallet), deviceOf(c))
		if err != nil {
			return p.answerProfile(c, err, "", f, put)
		}
		f.values[marketplace.FieldWallet] = address
		return p.showProfile(c, http.StatusOK, func(page *ProfilePage) { page.Wallet, page.Looked = f, &wallet })
	}
	_, err := p.market.ChangeWallet(ctx, v.User.ID, f.Value(marketplace.FieldWallet), c.FormValue(marketplace.FieldCurrentPassword), deviceOf(c))
	return p.answerProfile(c, err, "wallet_saved", f, put)
}

func (p *Pages) changeEmail(c echo.Context) error {
	f := filled(c, marketplace.FieldEmail)
	err := p.market.AskEmail(c.Request().Context(), visitorOf(c).User.ID, f.Value(marketplace.FieldEmail), c.FormValue(marketplace.FieldCurrentPassword), deviceOf(c))
	return p.answerProfile(c, err, "email_sent", f, func(page *ProfilePage, f form) { page.Email = f })
}

func (p *Pages) changePassword(c echo.Context) error {
	v := visitorOf(c)
	token, err := p.market.ChangePassword(c.Request().Context(), v.User.ID, v.SessionID,
		c.FormValue(marketplace.FieldCurrentPassword), c.FormValue(marketplace.FieldPassword), deviceOf(c))
	if err == nil {
		p.setCookie(c, sessionCookie, token, v.sessionEnds.Sub(p.clock.Now()))
	}
	return p.answerProfile(c, err, "password_changed", form{}, func(page *ProfilePage, f form) { page.Password = f })
}

// EmailPage is templates/email.html.
type EmailPage struct{ Token, Email string }

// Title is the page's.
func (EmailPage) Title() string { return "Confirm your new e-mail" }

func (p *Pages) emailForm(c echo.Context) error {
	token := c.QueryParam("token")
	user, email, err := p.market.NewEmailBy(c.Request().Context(), token)
	if err == nil && user.ID != visitorOf(c).User.ID {
		err = marketplace.LinkExpired()
	}
	if err != nil {
		return p.deadLink(c, err, "/profile")
	}
	return p.render(c, http.StatusOK, "email", EmailPage{Token: token, Email: email})
}

func (p *Pages) confirmEmail(c echo.Context) error {
	if err := p.market.ConfirmEmail(c.Request().Context(), visitorOf(c).User.ID, c.FormValue("token"), deviceOf(c)); err != nil {
		return p.deadLink(c, err, "/profile")
	}
	p.flash(c, "email_changed")
	return c.Redirect(http.StatusSeeOther, "/profile")
}

func (p *Pages) endSession(c echo.Context) error {
	v, id := visitorOf(c), c.FormValue("session")
	if !marketplace.IsID(id) {
		return echo.ErrNotFound
	}
	if err := p.reader.DeleteSession(c.Request().Context(), id, v.User.ID); err != nil {
		return err
	}
	if id == v.SessionID {
		return p.signedOut(c)
	}
	p.flash(c, "session_ended")
	return c.Redirect(http.StatusSeeOther, "/profile")
}

func (p *Pages) signOutEverywhere(c echo.Context) error {
	if err := p.market.SignOutEverywhere(c.Request().Context(), visitorOf(c).User.ID, deviceOf(c)); err != nil {
		return err
	}
	return p.signedOut(c)
}
