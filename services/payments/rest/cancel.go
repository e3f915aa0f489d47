package rest

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments"
)

// cancel calls off a payment that nobody has approved yet. It takes no body.
func (s *Server) cancel(c echo.Context) error {
	id, err := pendingID(c)
	if err != nil {
		return err
	}
	p, err := s.rules.Cancel(c.Request().Context(), payments.ByMarketplace, id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, wirePayment(p))
}
