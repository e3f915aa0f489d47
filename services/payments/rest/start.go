package rest

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments"
	"tianguis.example/payments/api"
)

func (s *Server) start(c echo.Context) error {
	var r api.Start
	if err := readJSON(c, &r); err != nil {
		return err
	}
	offerID, err := param(c, "offerId")
	if err != nil {
		return err
	}
	p, err := s.rules.Start(c.Request().Context(), payments.StartRequest{
		OfferID: offerID, SellerID: r.SellerID, BuyerWalletAddressURL: r.BuyerWalletAddressURL, Amount: r.Amount,
	})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, api.Started{
		PendingID: string(p.ID), RedirectURL: p.Consent.RedirectURL, PaymentURL: p.Consent.RedirectURL,
		IncomingPaymentID: p.IncomingPaymentID, QuoteID: p.QuoteID, Amount: p.Amount.Decimal(), AssetCode: p.Amount.AssetCode(),
		OfferID: p.OfferID, Status: wireStatus(p.State), State: string(p.State), AssetScale: p.Amount.AssetScale(),
		DebitAmount: p.DebitAmount, ReceiveAmount: p.Amount, ExpiresAt: p.Consent.ExpiresAt,
	})
}
