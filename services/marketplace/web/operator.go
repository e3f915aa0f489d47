package web

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// OperatorPage is templates/operator.html.
type OperatorPage struct {
	marketplace.Operations
	form             // of the line that was looked into, when it was refused
	UnsignedWebhooks bool
	Refused          int64 // that line
}

// Title is the page's.
func (OperatorPage) Title() string { return "Operator" }

// Limit is how many lines each part has at most.
func (OperatorPage) Limit() int { return marketplace.OperationsLines }

// operators lets only operators through: for everybody else there is nothing here.
func (p *Pages) operators(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !visitorOf(c).User.Operates() {
			return echo.ErrNotFound
		}
		return next(c)
	}
}

func (p *Pages) operator(c echo.Context) error {
	return p.showOperator(c, http.StatusOK, OperatorPage{})
}

func (p *Pages) showOperator(c echo.Context, status int, page OperatorPage) (err error) {
	page.UnsignedWebhooks = p.open
	if page.Operations, err = p.reader.Operations(c.Request().Context(), p.clock.Now().Add(-marketplace.OpenForLong)); err != nil {
		return err
	}
	return p.render(c, status, "operator", page)
}

// lookedInto takes something that needed a person off the list, with what was found out about it.
func (p *Pages) lookedInto(c echo.Context) error {
	entry, err := strconv.ParseInt(c.Param("entry_id"), 10, 64)
	if err != nil {
		return echo.ErrNotFound
	}
	page := OperatorPage{form: filled(c, marketplace.FieldReason), Refused: entry}
	err = p.market.LookedInto(c.Request().Context(), entry, visitorOf(c).User, page.Value(marketplace.FieldReason))
	if err == nil {
		p.flash(c, "looked_into")
		return c.Redirect(http.StatusSeeOther, "/operator")
	}
	status := p.refused(c, &page.form, err)
	if status == 0 || marketplace.CodeOf(err) == marketplace.CodeNotFound {
		return err
	}
	c.Set(hereKey, "/operator")
	return p.showOperator(c, status, page)
}
