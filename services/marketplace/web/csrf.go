package web

import (
	"crypto/subtle"
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// formToken is what a form must carry: derived from a secret cookie, so that a page elsewhere, which
// can make a browser send the cookie but cannot read it, cannot write the form.
func formToken(cookie string) string { return marketplace.HashToken("form:" + cookie) }

// errForm is the error of a form that does not prove that it is ours.
var errForm = &marketplace.Error{Code: marketplace.CodeForbidden, Message: "This form is not valid any more. Go back, reload the page, and try again."}

// checkForm lets only those POSTs through that come from a form of ours.
func (p *Pages) checkForm(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if method := c.Request().Method; method == http.MethodGet || method == http.MethodHead {
			return next(c)
		}
		if !ours(c, c.Request().PostFormValue(tokenField)) {
			return errForm
		}
		return next(c)
	}
}

// tokenField is the first field of every form.
const tokenField = "csrf"

// ours reports whether a token is the one that the visitor's forms carry.
func ours(c echo.Context, token string) bool {
	want := visitorOf(c).FormToken
	return want != "" && subtle.ConstantTimeCompare([]byte(want), []byte(token)) == 1
}
