package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// OperatorPage is templates/operator.html.
type OperatorPage struct {
	marketplace.Operations
	UnsignedWebhooks bool
}

// Title is the page's.
func (OperatorPage) Title() string { return "Operator" }

// Limit is how many lines each part has at most.
func (OperatorPage) Limit() int { return marketplace.OperationsLines }

// operators lets only operators through: for everybody else there is nothing here.
func (p *Pages) operators(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !visitorOf(c).User.Operator {
			return echo.ErrNotFound
		}
		return next(c)
	}
}

func (p *Pages) operator(c echo.Context) error {
	o, err := p.reader.Operations(c.Request().Context(), p.clock.Now().Add(-marketplace.OpenForLong))
	if err != nil {
		return err
	}
	return p.render(c, http.StatusOK, "operator", OperatorPage{Operations: o, UnsignedWebhooks: p.open})
}
