package rest

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments"
	"tianguis.example/payments/api"
)

// events tells the story of a payment. A payment has one from its first moment on, so that none means no payment.
func (s *Server) events(c echo.Context) error {
	id, err := pendingID(c)
	if err != nil {
		return err
	}
	trail, err := s.read.AuditTrail(c.Request().Context(), id)
	if err != nil {
		return err
	}
	if len(trail) == 0 {
		return payments.Errorf(payments.CodeNotFound, "there is no payment with this pendingId")
	}
	answer := api.Events{PendingID: string(id), Events: make([]api.Event, len(trail))}
	for i, e := range trail {
		answer.Events[i] = api.Event{
			Number: e.Number, At: e.At, Actor: string(e.Actor), From: string(e.From), To: string(e.To), Reason: string(e.Reason), Detail: e.Detail,
		}
	}
	return c.JSON(http.StatusOK, answer)
}
