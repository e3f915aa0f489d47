package rest

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments"
	"tianguis.example/payments/api"
	"tianguis.example/payments/money"
)

func (s *Server) requestIncoming(c echo.Context) error {
	var r api.RequestIncoming
	if err := readJSON(c, &r); err != nil {
		return err
	}
	incoming, err := s.rules.RequestIncoming(c.Request().Context(), payments.IncomingRequest{
		SellerID: r.SellerID, Amount: r.Amount, Description: r.Description,
	})
	if err != nil {
		return err
	}
	var asked money.Amount
	if incoming.IncomingAmount != nil {
		asked = *incoming.IncomingAmount
	}
	return c.JSON(http.StatusOK, api.Incoming{
		Success: true, PaymentID: incoming.ID, PaymentId: incoming.ID,
		Data: api.IncomingData{
			ID: incoming.ID, WalletAddress: incoming.WalletAddress, IncomingAmount: asked, ReceivedAmount: incoming.ReceivedAmount,
			Completed: incoming.Completed, ExpiresAt: incoming.ExpiresAt, Description: r.Description,
		},
	})
}
