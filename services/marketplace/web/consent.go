package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// ConsentPage is templates/consent.html: what leaves and what arrives, before the payer leaves for the wallet.
type ConsentPage struct{ marketplace.Consent }

// Title is the page's.
func (ConsentPage) Title() string { return "Before you leave for your wallet" }

func (p *Pages) consent(c echo.Context) error {
	id, err := marketplace.ParseJobID(c.Param("job_id"))
	if err != nil {
		return err
	}
	v := visitorOf(c)
	consent, err := p.market.ToConsent(c.Request().Context(), id, v.User.ID, v.SessionID)
	if err != nil {
		return p.notPayable(c, err)
	}
	return p.render(c, http.StatusOK, "consent", ConsentPage{consent})
}
