package rest

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments"
	"tianguis.example/payments/api"
)

// maxListed is how many payments a list holds at most.
const maxListed = 1000

func (s *Server) status(c echo.Context) error {
	id, err := pendingID(c)
	if err != nil {
		return err
	}
	p, err := s.read.PaymentView(c.Request().Context(), id)
	if errors.Is(err, payments.ErrUnknown) {
		return payments.Errorf(payments.CodeNotFound, "there is no payment with this pendingId")
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, wirePayment(p))
}

func (s *Server) pending(c echo.Context) error {
	all, err := s.read.PendingPayments(c.Request().Context(), maxListed)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, api.Payments{Payments: wirePayments(all)})
}

func (s *Server) offerPayments(c echo.Context) error {
	offerID, err := param(c, "offerId")
	if err != nil {
		return err
	}
	all, err := s.read.OfferPayments(c.Request().Context(), offerID, maxListed)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, api.Payments{OfferID: offerID, Payments: wirePayments(all)})
}
