package authserver

import (
	"embed"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"tianguis.example/sandbox"
	"tianguis.example/sandbox/page"
)

//go:embed templates
var templates embed.FS

var (
	consentPage = page.Must(templates, "templates/consent.html")
	messagePage = page.Must(templates, "templates/message.html")
)

// sessionCookie ties an interaction to the browser that opened its link.
const sessionCookie = "sessionId"

func session(c echo.Context) string {
	cookie, err := c.Cookie(sessionCookie)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// startInteraction: the link that the client sends the buyer to. It leads to the
// consent page, also when it is too late, or back to the client when there is nothing
// left to decide.
func (s *Server) startInteraction(c echo.Context) error {
	id, nonce := c.Param("id"), c.Param("nonce")
	opened, outcome, err := s.bank.StartInteraction(id, nonce, session(c))
	if err != nil {
		return err
	}
	if outcome != nil {
		return c.Redirect(http.StatusFound, outcome.Redirect)
	}
	c.SetCookie(&http.Cookie{ //nolint:gosec // G124: Secure follows the scheme: a wallet on plain http://localhost has no other way
		Name: sessionCookie, Value: opened, Path: "/", HttpOnly: true,
		SameSite: http.SameSiteLaxMode, Secure: s.scheme == "https",
		MaxAge: 24 * 60 * 60,
	})
	return c.Redirect(http.StatusFound, "/consent?"+url.Values{
		"interactId": {id}, "nonce": {nonce},
		"clientName": {c.QueryParam("clientName")}, "clientUri": {c.QueryParam("clientUri")},
	}.Encode())
}

// showConsent: the page. What it says comes from the grant, never from the query,
// which anybody can write.
func (s *Server) showConsent(c echo.Context) error {
	consent, err := s.bank.Consent(c.QueryParam("interactId"), c.QueryParam("nonce"), session(c))
	switch {
	case errors.Is(err, sandbox.ErrInvalidInteraction):
		return page.Render(c, http.StatusGone, messagePage, message{
			"Nothing to approve here", "This request was answered already, or it was withdrawn. You can close this window."})
	case err != nil:
		return err
	}
	return page.Render(c, http.StatusOK, consentPage, consent)
}

// decide: the form of the consent page. It records the decision and sends the browser
// back to the client at once.
func (s *Server) decide(c echo.Context) error {
	id, nonce := c.FormValue("interactId"), c.FormValue("nonce")
	if err := s.bank.CheckForm(id, nonce, session(c), c.FormValue("csrf")); err != nil {
		return err
	}
	decision := c.FormValue("decision")
	if decision != "approve" && decision != "decline" {
		return refusal{http.StatusBadRequest, "invalid_request", "invalid interaction choice"}
	}
	// A decision that comes too late is not recorded; the finish tells the client so.
	_ = s.bank.Decide(id, nonce, decision == "approve")
	outcome, err := s.bank.FinishInteraction(id, nonce, session(c))
	switch {
	case err != nil:
		return err
	case outcome.Redirect != "":
		return c.Redirect(http.StatusFound, outcome.Redirect)
	case outcome.Approved:
		return page.Render(c, http.StatusAccepted, messagePage, message{"Approved", "You can close this window now."})
	default:
		return page.Render(c, http.StatusAccepted, messagePage, message{"Declined", "Nothing will be paid. You can close this window now."})
	}
}

// finishInteraction: where a wallet's own consent page sends the browser once the
// decision was recorded elsewhere.
func (s *Server) finishInteraction(c echo.Context) error {
	outcome, err := s.bank.FinishInteraction(c.Param("id"), c.Param("nonce"), session(c))
	switch {
	case err != nil:
		return err
	case outcome.Redirect == "":
		return c.String(http.StatusAccepted, http.StatusText(http.StatusAccepted))
	}
	return c.Redirect(http.StatusFound, outcome.Redirect)
}

type message struct{ Title, Text string }

// problems are the refusals that people see, in words for people.
var problems = map[string]message{
	sandbox.ErrUnknownInteraction.Description: {"This link leads nowhere", "We know of no request behind it. It may be mistyped, or very old."},
	sandbox.ErrInvalidInteraction.Description: {"This request is over", "It was answered already, or it was withdrawn. You can close this window."},
	sandbox.ErrInvalidSession.Description:     {"Please start again", "This page was not opened in this browser, or its session has ended. Go back to where you came from and try again."},
}

func renderProblem(c echo.Context, status int, description string) error {
	m, ok := problems[description]
	if !ok {
		m = message{"That did not work", strings.ToUpper(description[:1]) + description[1:] + "."}
	}
	return page.Render(c, status, messagePage, m)
}
