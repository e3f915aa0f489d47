package resourceserver

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/sandbox"
	"tianguis.example/sandbox/schema"
	"tianguis.example/sandbox/signature"
)

// message reads the request as its signature sees it.
func (s *Server) message(c echo.Context) (signature.Message, error) {
	body, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return signature.Message{}, errBadBody
	}
	return signature.MessageOf(c.Request(), s.scheme, body), nil
}

// signatureHeaders are required by the OpenAPI document wherever a signature is.
func signatureHeaders(m signature.Message) error {
	for _, name := range []string{"signature-input", "signature"} {
		if m.Header.Get(name) == "" {
			return invalid("must have required property '" + name + "'")
		}
	}
	return nil
}

// body is the first gate of a POST: JSON at all, signature headers, and the shape.
func (s *Server) body(c echo.Context, shape schema.Rule, into any) (signature.Message, error) {
	m, err := s.message(c)
	if err != nil {
		return m, err
	}
	isJSON := strings.HasPrefix(m.Header.Get("Content-Type"), echo.MIMEApplicationJSON)
	var value any = map[string]any{}
	if isJSON && len(m.Body) > 0 {
		if value, err = schema.Parse(m.Body); err != nil {
			return m, errBadBody
		}
	}
	if err := signatureHeaders(m); err != nil {
		return m, err
	}
	if wrong := shape("body", value); wrong != "" {
		return m, invalid(wrong)
	}
	if err := json.Unmarshal(m.Body, into); err != nil {
		return m, sandbox.ErrInvalidAmount // the shape holds: what is left is a number beyond the ledger's range
	}
	return m, nil
}

// account is the second gate: the wallet address that the request is about.
func (s *Server) account(tenant, walletAddress string) (sandbox.Account, error) {
	a, err := s.bank.AccountAt(walletAddress)
	if err == nil && a.Tenant != tenant {
		err = sandbox.ErrNoWalletAddress
	}
	return a, err
}

// allow is the third gate, the token, and the fourth, the signature of the client
// that the token was given to.
func (s *Server) allow(c echo.Context, m signature.Message, kind, action, account string) (sandbox.Access, error) {
	tenant := c.Param("tenant")
	scheme, token, _ := strings.Cut(c.Request().Header.Get("Authorization"), " ")
	if scheme != "GNAP" || token == "" {
		s.challenge(c, tenant)
		return sandbox.Access{}, refusal{http.StatusUnauthorized, "Missing or invalid authorization header value", nil}
	}
	access, err := s.bank.Allow(sandbox.AccessQuery{Tenant: tenant, Token: token, Type: kind, Action: action, Account: account})
	if err != nil {
		s.challenge(c, tenant)
		return sandbox.Access{}, err
	}
	return access, s.verify(c, m, access.Client)
}

// challenge tells where tokens are to be had.
func (s *Server) challenge(c echo.Context, tenant string) {
	c.Response().Header().Set(echo.HeaderWWWAuthenticate, "GNAP as_uri="+s.bank.AuthServer(tenant))
}

// verify checks the signature. Its refusals tell the client which key was looked for,
// and where.
func (s *Server) verify(c echo.Context, m signature.Message, client sandbox.Client) error {
	unsigned := func(why string, details any) error {
		return refusal{http.StatusUnauthorized, "Signature validation error: " + why, details}
	}
	keyID := m.KeyID()
	if keyID == "" {
		return unsigned("missing keyId in signature input", map[string]any{"client": client})
	}
	var key sandbox.JWK
	if client.JWK != nil {
		if client.JWK.Kid != keyID {
			return unsigned("invalid key id", nil)
		}
		key = *client.JWK
	} else {
		published, err := s.keys.Keys(c.Request().Context(), client.WalletAddress)
		if err != nil {
			return unsigned("could not retrieve client keys", map[string]any{
				"client": client, "keyIdInSignature": keyID, "requestedRoute": client.WalletAddress + "/jwks.json"})
		}
		n := slices.IndexFunc(published, func(k sandbox.JWK) bool { return k.Kid == keyID })
		if n < 0 {
			return unsigned("could not find key in list of client keys", map[string]any{
				"client": client, "keyIdInSignature": keyID, "clientKeys": published})
		}
		key = published[n]
	}
	if !m.Verify(key) {
		return unsigned("provided signature is invalid", map[string]any{"keyIdInSignature": keyID, "client": client})
	}
	return nil
}

// unknown is what a real wallet says of an id that it does not know: not 404.
func unknown(kind, id string) error {
	return refusal{http.StatusUnauthorized, "Unauthorized",
		map[string]string{"description": "Failed to get wallet address from " + kind, "id": id}}
}

// pageQuery reads first, last and cursor, and the wallet address that a list is of.
func (s *Server) pageQuery(c echo.Context) (account string, q sandbox.PageQuery, err error) {
	if c.QueryParam("wallet-address") == "" {
		return "", q, invalid("must have required property 'wallet-address'")
	}
	for name, into := range map[string]*int{"first": &q.First, "last": &q.Last} {
		text := c.QueryParam(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		switch {
		case err != nil:
			return "", q, invalid(name + " must be integer")
		case n < 1:
			return "", q, invalid(name + " must be >= 1")
		case n > 100:
			return "", q, invalid(name + " must be <= 100")
		}
		*into = n
	}
	q.Cursor = c.QueryParam("cursor")
	a, err := s.account(c.Param("tenant"), c.QueryParam("wallet-address"))
	return a.Name, q, err
}

// pageAnswer is a page of a list on the wire.
type pageAnswer struct {
	Pagination pagination `json:"pagination"`
	Result     any        `json:"result"`
}

type pagination struct {
	StartCursor     string `json:"startCursor,omitempty"`
	EndCursor       string `json:"endCursor,omitempty"`
	HasNextPage     bool   `json:"hasNextPage"`
	HasPreviousPage bool   `json:"hasPreviousPage"`
}

func answerPage[T, A any](c echo.Context, p sandbox.Page[T], answer func(T) A) error {
	result := make([]A, 0, len(p.Items))
	for _, item := range p.Items {
		result = append(result, answer(item))
	}
	return c.JSON(http.StatusOK, pageAnswer{pagination{p.Start, p.End, p.HasNext, p.HasPrevious}, result})
}

// stamp is a time as JavaScript writes it: UTC, milliseconds.
type stamp time.Time

// MarshalText implements encoding.TextMarshaler.
func (t stamp) MarshalText() ([]byte, error) {
	return []byte(time.Time(t).UTC().Format("2006-01-02T15:04:05.000Z")), nil
}
