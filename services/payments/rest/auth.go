package rest

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments"
)

// access knows the API key, as a hash, so that comparing takes the same time for every guess.
type access struct {
	open bool
	hash [sha256.Size]byte
}

func newAccess(key string) access { return access{open: key == "", hash: sha256.Sum256([]byte(key))} }

// presented is the key in "Authorization: Bearer <key>" or "X-API-Key: <key>".
func presented(r *http.Request) (string, bool) {
	if key := r.Header.Get("X-Api-Key"); key != "" {
		return key, true
	}
	scheme, key, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return key, ok && strings.EqualFold(scheme, "Bearer")
}

// allows reports whether the request may come in.
func (a access) allows(r *http.Request) bool {
	if a.open {
		// Without a key we listen on loopback only; a page of a browser on this machine must not get in
		// under a name that was made to lead here (DNS rebinding).
		return isLocalName(r.Host)
	}
	key, given := presented(r)
	hash := sha256.Sum256([]byte(key))
	return given && subtle.ConstantTimeCompare(hash[:], a.hash[:]) == 1
}

func isLocalName(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

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
