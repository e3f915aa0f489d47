package rest

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments"
	"tianguis.example/payments/api"
	"tianguis.example/payments/apikey"
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
	if err := s.mayRegister(c, r); err != nil {
		return err
	}
	err := s.rules.RegisterSeller(c.Request().Context(), operatorOf(c), payments.Seller{
		ID: r.ID, WalletAddressURL: r.WalletAddressURL, KeyID: r.KeyID, PrivateKeyPath: r.PrivateKeyPath,
	})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, api.Registered{OK: true, ID: r.ID})
}

// mayRegister refuses a key that pays only where a seller has, or is to have, a key of its own: that is a file of the operator's, and what is paid
// with it is between the operator and that seller.
func (s *Server) mayRegister(c echo.Context, r api.RegisterSeller) error {
	if callerOf(c).Scope.Includes(apikey.Admin) {
		return nil
	}
	known, err := s.read.Seller(c.Request().Context(), r.ID)
	if err != nil && !errors.Is(err, payments.ErrUnknown) {
		return err
	}
	if r.KeyID == "" && r.PrivateKeyPath == "" && known.KeyID == "" {
		return nil
	}
	return s.access.admit(c, apikey.Admin)
}
