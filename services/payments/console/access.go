package console

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/chassis/httpserver"
	"tianguis.example/payments/apikey"
	"tianguis.example/payments/operator"
)

const challenge = `Basic realm="Tianguis payments"`

var (
	errUnauthorized   = &refusal{http.StatusUnauthorized, "This needs an API key with the scope admin, such as PAYMENTS_API_KEY. Load the page again: give your name, which what you do is kept under, and the key as the password."}
	errForeignName    = &refusal{http.StatusForbidden, "This service has no API key, so that it answers under the names of this machine only. Open http://localhost with its port, or set PAYMENTS_API_KEY."}
	errSmallKey       = &refusal{http.StatusForbidden, "This API key may do less than these pages can. Close the browser and come back with one that has the scope admin: payments apikey create --scope admin makes one."}
	errTooMany        = &refusal{http.StatusTooManyRequests, "There were too many requests with this API key, or too many wrong keys from your address. Wait a minute, and try again with the right one."}
	errNoRun          = &refusal{http.StatusNotFound, "There is no such run of the reconciliation any more. Choose one of its page."}
	errUnreadableForm = &refusal{http.StatusBadRequest, "The form could not be read, so nothing was done. Open the page again and use its button."}
	errUnfitReplay    = &refusal{http.StatusBadRequest, "The filter cannot be used, so nothing was sent again. Choose dead or delivered in the log, and an endpoint or a time, and use the button there."}
	errForeignForm    = &refusal{
		http.StatusForbidden,
		"This was sent by a page of another site, so nothing was done. Open the page here and use its button. If you did, a proxy in between changes the Host header: have it passed on as it is.",
	}
)

// withKey lets those in that have an API key which may do everything, as the password of HTTP Basic (RFC 7617), which a browser asks its user for.
func (p *Pages) withKey(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		name, password, _ := c.Request().BasicAuth()
		who, err := p.gate.Admit(apikey.Ask{Host: c.Request().Host, Network: httpserver.NetworkOf(c.RealIP()), Presented: password}, apikey.Admin)
		if err == nil {
			c.Set(operatorKey, operator.Operator{Door: operator.ByPage, Key: who.Fingerprint}.Claimed(name))
			return next(c)
		}
		if errors.Is(err, apikey.ErrForeign) {
			return errForeignName
		}
		if many, ok := errors.AsType[*apikey.WaitError](err); ok {
			httpserver.RetryAfter(c, many.Wait)
			return errTooMany
		}
		if _, ok := errors.AsType[*apikey.ScopeError](err); ok {
			return errSmallKey
		}
		c.Response().Header().Set("WWW-Authenticate", challenge)
		return errUnauthorized
	}
}

// operatorKey is where withKey leaves who came in.
const operatorKey = "operator"

// operatorOf is who came in, by the name that they typed.
func operatorOf(c echo.Context) operator.Operator {
	who, _ := c.Get(operatorKey).(operator.Operator)
	return who
}

// fromHere refuses what a page of another site makes the operator's browser send: it would send the key along.
func (p *Pages) fromHere(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if p.origins.Check(c.Request()) != nil {
			return errForeignForm
		}
		return next(c)
	}
}
