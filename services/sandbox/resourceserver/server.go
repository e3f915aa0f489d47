package resourceserver

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"tianguis.example/sandbox"
)

// keys finds the published keys of clients.
type keys interface {
	Keys(ctx context.Context, walletAddress string) ([]sandbox.JWK, error)
}

// Server is the resource server of all tenants.
type Server struct {
	bank   *sandbox.Bank
	keys   keys
	scheme string // of the URLs that clients sign
}

// New returns the resource server of a bank.
func New(bank *sandbox.Bank, clients keys) *Server {
	scheme, _, _ := strings.Cut(bank.BaseURL(), "://")
	return &Server{bank: bank, keys: clients, scheme: scheme}
}

// Routes adds the resource server to e. Wallet addresses are the paths that nothing else has.
func (s *Server) Routes(e *echo.Echo) {
	op := e.Group("/op/:tenant")
	op.POST("/incoming-payments", answering(s.createIncoming))
	op.GET("/incoming-payments", answering(s.listIncoming))
	op.GET("/incoming-payments/:id", answering(s.getIncoming))
	op.POST("/incoming-payments/:id/complete", answering(s.completeIncoming))
	op.POST("/quotes", answering(s.createQuote))
	op.GET("/quotes/:id", answering(s.getQuote))
	op.POST("/outgoing-payments", answering(s.createOutgoing))
	op.GET("/outgoing-payments", answering(s.listOutgoing))
	op.GET("/outgoing-payments/:id", answering(s.getOutgoing))
	op.GET("/outgoing-payment-grant", answering(s.getSpent))
	e.GET("/:wallet", answering(s.getWalletAddress))
	e.GET("/:wallet/", answering(s.getWalletAddress))
	e.GET("/:wallet/jwks.json", answering(s.getKeys))
}

// refusal is what a client gets told: a status, words, and sometimes details.
type refusal struct {
	status      int
	description string
	details     any
}

func (r refusal) Error() string { return r.description }

// invalid is a request that is not what the OpenAPI document says.
func invalid(wrong string) refusal {
	return refusal{http.StatusBadRequest, "Received error validating OpenAPI request: " + wrong, nil}
}

// statusOf is the only place where a refusal of the bank meets a status here.
var statusOf = map[*sandbox.Error]int{
	sandbox.ErrNoWalletAddress:     http.StatusBadRequest,
	sandbox.ErrInactiveToken:       http.StatusForbidden,
	sandbox.ErrInsufficientGrant:   http.StatusForbidden,
	sandbox.ErrUnauthorizedPayment: http.StatusForbidden,
	sandbox.ErrInvalidAmount:       http.StatusBadRequest,
	sandbox.ErrInvalidExpiry:       http.StatusBadRequest,
	sandbox.ErrInvalidReceiver:     http.StatusBadRequest,
	sandbox.ErrInvalidQuote:        http.StatusBadRequest,
	sandbox.ErrUnknownQuote:        http.StatusNotFound,
	sandbox.ErrWrongState:          http.StatusConflict,
	sandbox.ErrNotFound:            http.StatusUnauthorized,
}

// errorBody is the error of a resource server: its code is the status, as text.
type errorBody struct {
	Error struct {
		Code        string `json:"code"`
		Description string `json:"description"`
		Details     any    `json:"details,omitempty"`
	} `json:"error"`
}

// errBadBody is a body that is no JSON; a real wallet says so in plain text.
var errBadBody = errors.New("bad request")

// answering turns a handler's refusal into its answer. What it does not know is
// passed on to be a 500.
func answering(h echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := h(c)
		var (
			refused refusal
			known   *sandbox.Error
		)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errBadBody):
			return c.String(http.StatusBadRequest, http.StatusText(http.StatusBadRequest))
		case errors.Is(err, sandbox.ErrInternal):
			// An id that is no UUID: the recorded wallet stumbles over it.
			return c.String(http.StatusInternalServerError, sandbox.ErrInternal.Error())
		case errors.As(err, &refused):
		case errors.As(err, &known) && statusOf[known] != 0:
			refused = refusal{statusOf[known], known.Description, nil}
		default:
			return err
		}
		var body errorBody
		body.Error.Code = strconv.Itoa(refused.status)
		body.Error.Description, body.Error.Details = refused.description, refused.details
		return c.JSON(refused.status, body)
	}
}
