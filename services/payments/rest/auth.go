package rest

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments"
	"tianguis.example/payments/apikey"
	"tianguis.example/payments/operator"
)

// access lets requests in that have the API key.
type access struct {
	key     apikey.Key
	origins *http.CrossOriginProtection
}

func newAccess(key string) access { return access{apikey.New(key), http.NewCrossOriginProtection()} }

// presented is the key in "Authorization: Bearer <key>" or "X-API-Key: <key>"; "" when there is none.
func presented(r *http.Request) string {
	if key := r.Header.Get("X-Api-Key"); key != "" {
		return key
	}
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return key
}

// allows reports whether the request may come in. Where there is no key, a page of another site could have a browser on this machine send a POST
// without a body, which asks for no permission first (Fetch, "CORS-preflight request"); with one, it cannot send the header.
func (a access) allows(r *http.Request) bool {
	return a.key.Admits(r.Host, presented(r)) && (!a.key.Open() || a.origins.Check(r) == nil)
}

// Authorized reports whether whoever asks has the API key.
func (s *Server) Authorized(c echo.Context) bool { return s.access.allows(c.Request()) }

const codeUnauthorized payments.Code = "unauthorized"

func errUnauthorized() error {
	return payments.Errorf(codeUnauthorized, "this needs the API key: send it as Authorization: Bearer <key>")
}

func (a access) require(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !a.allows(c.Request()) {
			return errUnauthorized()
		}
		return next(c)
	}
}

// caller is who changes something about webhooks, as it is kept.
func (a access) caller(c echo.Context) operator.Operator {
	o := operator.Operator{Door: operator.ByAPI}
	if !a.key.Open() {
		o.Key = apikey.Fingerprint(presented(c.Request()))
	}
	return o
}
