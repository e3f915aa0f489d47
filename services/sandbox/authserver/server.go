package authserver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"tianguis.example/sandbox"
	"tianguis.example/sandbox/signature"
)

// keys finds the published keys and the public names of clients.
type keys interface {
	Key(ctx context.Context, walletAddress, keyID string) (sandbox.JWK, error)
	Name(ctx context.Context, walletAddress string) string
}

// Server is the auth server of all tenants.
type Server struct {
	bank   *sandbox.Bank
	keys   keys
	scheme string // of the URLs that clients sign
}

// New returns the auth server of a bank.
func New(bank *sandbox.Bank, clients keys) *Server {
	scheme, _, _ := strings.Cut(bank.BaseURL(), "://")
	return &Server{bank: bank, keys: clients, scheme: scheme}
}

// Routes adds the auth server to e.
func (s *Server) Routes(e *echo.Echo) {
	e.POST("/auth/:tenant", answering(s.requestGrant))
	e.POST("/continue/:id", answering(s.continueGrant))
	e.DELETE("/continue/:id", answering(s.cancelGrant))
	e.POST("/token/:id", answering(s.rotateToken))
	e.DELETE("/token/:id", answering(s.revokeToken))
	e.GET("/interact/:id/:nonce", answering(s.startInteraction))
	e.GET("/interact/:id/:nonce/finish", answering(s.finishInteraction))
	e.GET("/consent", answering(s.showConsent))
	e.POST("/consent", answering(s.decide))
}

// refusal is an error with the status that it has here.
type refusal struct {
	status            int
	code, description string
}

func (r refusal) Error() string { return r.description }

// What is refused before the bank is asked.
var (
	errSignatureHeaders = refusal{http.StatusUnauthorized, "invalid_client", "invalid signature headers"}
	errSignature        = refusal{http.StatusUnauthorized, "invalid_client", "invalid signature"}
	errClient           = refusal{http.StatusBadRequest, "invalid_client", "could not determine client"}
)

// statusOf is the only place where a refusal of the bank meets a status here.
var statusOf = map[*sandbox.Error]int{
	sandbox.ErrNoTenant:           http.StatusNotFound,
	sandbox.ErrNeedsInteract:      http.StatusBadRequest,
	sandbox.ErrKeyCannotInteract:  http.StatusBadRequest,
	sandbox.ErrInvalidGrant:       http.StatusUnauthorized,
	sandbox.ErrGrantNotFound:      http.StatusNotFound,
	sandbox.ErrPolledTooFast:      http.StatusBadRequest,
	sandbox.ErrContinuedTooFast:   http.StatusBadRequest,
	sandbox.ErrCannotBePolled:     http.StatusUnauthorized,
	sandbox.ErrCannotBeContinued:  http.StatusUnauthorized,
	sandbox.ErrNotApproved:        http.StatusUnauthorized,
	sandbox.ErrMissingInteractRef: http.StatusUnauthorized,
	sandbox.ErrUnknownInteraction: http.StatusBadRequest,
	sandbox.ErrInvalidInteraction: http.StatusForbidden,
	sandbox.ErrInvalidSession:     http.StatusUnauthorized,
	sandbox.ErrInvalidAccessToken: http.StatusUnauthorized,
	sandbox.ErrTokenNotFound:      http.StatusNotFound,
}

// errorBody is what a client gets; a schema error has no code.
type errorBody struct {
	Error struct {
		Code        string `json:"code,omitempty"`
		Description string `json:"description"`
	} `json:"error"`
}

// schemaError is a body that is not what the OpenAPI document says.
type schemaError string

func (e schemaError) Error() string {
	return "Received error validating OpenAPI request: " + string(e)
}

// errBadBody is a body that is no JSON; a real wallet says so in plain text.
var errBadBody = errors.New("bad request")

// answering turns a handler's refusal into its answer. What it does not know is
// passed on to be a 500.
func answering(h echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := h(c)
		if err == nil {
			return nil
		}
		var (
			body    errorBody
			invalid schemaError
			refused refusal
			known   *sandbox.Error
			status  int
		)
		switch {
		case errors.Is(err, errBadBody):
			return c.String(http.StatusBadRequest, http.StatusText(http.StatusBadRequest))
		case errors.As(err, &invalid):
			status, body.Error.Description = http.StatusBadRequest, invalid.Error()
		case errors.As(err, &refused):
			status, body.Error.Code, body.Error.Description = refused.status, refused.code, refused.description
		case errors.As(err, &known) && statusOf[known] != 0:
			status, body.Error.Code, body.Error.Description = statusOf[known], known.Code, known.Description
		default:
			return err
		}
		if forPeople(c) {
			return renderProblem(c, status, body.Error.Description)
		}
		return c.JSON(status, body)
	}
}

// forPeople tells a browser at one of the pages from a client.
func forPeople(c echo.Context) bool {
	path := c.Path()
	return (strings.HasPrefix(path, "/interact/") || strings.HasPrefix(path, "/consent")) &&
		strings.Contains(c.Request().Header.Get("Accept"), "text/html")
}

// message reads the request's body and describes it as its signature sees it.
func (s *Server) message(c echo.Context) (signature.Message, error) {
	body, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return signature.Message{}, errBadBody
	}
	return signature.MessageOf(c.Request(), s.scheme, body), nil
}

// verify checks the signature of a client whose identity is known.
func (s *Server) verify(ctx context.Context, m signature.Message, client sandbox.Client) error {
	key := client.JWK
	if key == nil {
		published, err := s.keys.Key(ctx, client.WalletAddress, m.KeyID())
		if err != nil {
			return errClient
		}
		key = &published
	}
	if !m.Verify(*key) {
		return errSignature
	}
	return nil
}

// gnapToken is the token in the Authorization header.
func gnapToken(c echo.Context) string {
	token, _ := strings.CutPrefix(c.Request().Header.Get("Authorization"), "GNAP ")
	return token
}
