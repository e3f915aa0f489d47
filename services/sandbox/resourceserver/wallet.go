package resourceserver

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"tianguis.example/sandbox"
)

type walletAnswer struct {
	ID             string `json:"id"`
	PublicName     string `json:"publicName"`
	AssetCode      string `json:"assetCode"`
	AssetScale     uint8  `json:"assetScale"`
	AuthServer     string `json:"authServer"`
	ResourceServer string `json:"resourceServer"`
}

// getWalletAddress: GET <wallet address>. No caching headers, as recorded.
func (s *Server) getWalletAddress(c echo.Context) error {
	if !acceptsJSON(c.Request().Header.Get("Accept")) {
		return refusal{http.StatusNotAcceptable, "Received error validating OpenAPI request: Must accept application/json", nil}
	}
	a, err := s.named(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, walletAnswer{
		ID: s.bank.WalletAddress(a.Name), PublicName: a.PublicName, AssetCode: a.Code, AssetScale: a.Scale,
		AuthServer: s.bank.AuthServer(a.Tenant), ResourceServer: s.bank.ResourceServer(a.Tenant),
	})
}

// getKeys: GET <wallet address>/jwks.json.
func (s *Server) getKeys(c echo.Context) error {
	a, err := s.named(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"keys": a.Keys})
}

func (s *Server) named(c echo.Context) (sandbox.Account, error) {
	name := c.Param("wallet")
	a, err := s.bank.Account(name)
	if err != nil {
		return a, refusal{http.StatusNotFound, "Could not get wallet address",
			map[string]string{"walletAddressUrl": s.bank.WalletAddress(name)}}
	}
	return a, nil
}

func acceptsJSON(accept string) bool {
	return accept == "" || strings.Contains(accept, "*/*") || strings.Contains(accept, "application/*") ||
		strings.Contains(accept, "application/json")
}
