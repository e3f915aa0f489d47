package rest

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"tianguis.example/chassis/httpserver"
	"tianguis.example/payments"
	"tianguis.example/payments/apikey"
	"tianguis.example/payments/operator"
)

// access lets requests in that have an API key.
type access struct {
	gate    *apikey.Gate
	origins *http.CrossOriginProtection
}

func newAccess(gate *apikey.Gate) access { return access{gate, http.NewCrossOriginProtection()} }

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

func askOf(c echo.Context) apikey.Ask {
	return apikey.Ask{Host: c.Request().Host, Network: httpserver.NetworkOf(c.RealIP()), Presented: presented(c.Request())}
}

// foreign reports whether the request may be a page's of another site. Where there is no key, such a page could have a browser on this machine send a
// POST without a body, which asks for no permission first (Fetch, "CORS-preflight request"); with one, it cannot send the header.
func (a access) foreign(r *http.Request) bool { return a.gate.Open() && a.origins.Check(r) != nil }

// Authorized reports whether whoever asks has an API key, whatever it may do.
func (s *Server) Authorized(c echo.Context) bool {
	return s.access.gate.Knows(askOf(c)) && !s.access.foreign(c.Request())
}

const (
	codeUnauthorized payments.Code = "unauthorized"
	codeScope        payments.Code = "insufficient_scope"
	codeTooMany      payments.Code = "too_many_requests"
)

const callerKey = "caller"

// admit lets in who has a key for what needs a scope. A refusal names the scope in the words of RFC 6750 section 3, too.
func (a access) admit(c echo.Context, needs apikey.Scope) error {
	if a.foreign(c.Request()) {
		return payments.Errorf(codeUnauthorized, "this was sent by a page of another site: without an API key, only programs on this machine are answered")
	}
	who, err := a.gate.Admit(askOf(c), needs)
	if err == nil {
		c.Set(callerKey, who)
		return nil
	}
	challenge := `Bearer realm="Tianguis payments"`
	answer := payments.Errorf(codeUnauthorized, "this needs the API key: send it as Authorization: Bearer <key>")
	if errors.Is(err, apikey.ErrRevoked) {
		answer = payments.Errorf(codeUnauthorized, "this API key was revoked: use the one that replaced it, or ask the operator for another")
	}
	if small, ok := errors.AsType[*apikey.ScopeError](err); ok {
		answer = payments.Errorf(codeScope, "this API key has the scope %s, and this needs %s: use a key that has it, which payments apikey create --scope %s makes", small.Has, small.Needs, small.Needs)
		challenge += `, error="insufficient_scope", scope="` + string(small.Needs) + `"`
	}
	if many, ok := errors.AsType[*apikey.WaitError](err); ok {
		answer = payments.Errorf(codeTooMany, "there were too many requests with this API key: send fewer, after a while")
		if many.Guesses {
			answer = payments.Errorf(codeTooMany, "there were too many wrong API keys from this address: try again later, with the right one")
		}
		answer.RetryAfter, challenge = many.Wait, ""
	}
	if challenge != "" {
		c.Response().Header().Set("WWW-Authenticate", challenge)
	}
	answer.Err = err
	return answer
}

// needs is admit as a middleware.
func (a access) needs(scope apikey.Scope) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := a.admit(c, scope); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// callerOf is who was let in.
func callerOf(c echo.Context) apikey.Caller {
	who, _ := c.Get(callerKey).(apikey.Caller)
	return who
}

// operatorOf is who changes something, as it is kept.
func operatorOf(c echo.Context) operator.Operator {
	who := callerOf(c)
	return operator.Operator{Door: operator.ByAPI, Name: who.Name, Key: who.Fingerprint}
}
