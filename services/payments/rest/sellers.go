package rest

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments"
	"tianguis.example/payments/api"
)

func (s *Server) sellers(c echo.Context) error {
	all, err := s.read.Sellers(c.Request().Context())
	if err != nil {
		return err
	}
	answer := api.Sellers{Sellers: make([]api.Seller, len(all))}
	for i, seller := range all {
		answer.Sellers[i] = api.Seller{ID: seller.ID, WalletAddressURL: seller.WalletAddressURL, KeyID: seller.KeyID}
	}
	return c.JSON(http.StatusOK, answer)
}

func (s *Server) registerSeller(c echo.Context) error {
	var r api.RegisterSeller
	if err := readJSON(c, &r); err != nil {
		return err
	}
	err := s.rules.RegisterSeller(c.Request().Context(), payments.Seller{
		ID: r.ID, WalletAddressURL: r.WalletAddressURL, KeyID: r.KeyID, PrivateKeyPath: r.PrivateKeyPath,
	})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, api.Registered{OK: true, ID: r.ID})
}
