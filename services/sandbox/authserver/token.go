package authserver

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// rotateToken: POST manage. The old value and the old manage URL die.
func (s *Server) rotateToken(c echo.Context) error {
	if err := s.verifyManager(c); err != nil {
		return err
	}
	grant, token, err := s.bank.Rotate(c.Param("id"), gnapToken(c))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"access_token": s.token(grant, token)})
}

// revokeToken: DELETE manage.
func (s *Server) revokeToken(c echo.Context) error {
	if err := s.verifyManager(c); err != nil {
		return err
	}
	if err := s.bank.Revoke(c.Param("id"), gnapToken(c)); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// verifyManager checks that whoever manages a token is the client that it was given to.
func (s *Server) verifyManager(c echo.Context) error {
	m, err := s.message(c)
	if err != nil {
		return err
	}
	if !m.HeadersValid() {
		return errSignatureHeaders
	}
	grant, err := s.bank.ManagedGrant(c.Param("id"))
	if err != nil {
		return err
	}
	return s.verify(c.Request().Context(), m, grant.Client)
}
