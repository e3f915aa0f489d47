package rest

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments/api"
)

func (s *Server) profile(c echo.Context) error {
	var r api.RequestProfile
	if err := readJSON(c, &r); err != nil {
		return err
	}
	wallet, err := s.rules.Profile(c.Request().Context(), r.WalletAddressURL)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, api.Profile{Success: true, Wallet: api.Wallet{
		ID: wallet.ID, PublicName: wallet.PublicName, AssetCode: wallet.AssetCode, AssetScale: wallet.AssetScale,
		AuthServer: wallet.AuthServer, ResourceServer: wallet.ResourceServer,
	}})
}
