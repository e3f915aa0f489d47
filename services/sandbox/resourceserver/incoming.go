package resourceserver

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/sandbox"
	"tianguis.example/sandbox/schema"
)

var (
	walletAddress = schema.Field{Name: "walletAddress", Required: true, Rule: schema.String(schema.Format("uri"))}
	metadata      = schema.Field{Name: "metadata", Rule: schema.Object(false)}

	incomingShape = schema.Object(true, walletAddress, metadata,
		schema.Field{Name: "incomingAmount", Rule: schema.Amount},
		schema.Field{Name: "expiresAt", Rule: schema.String(schema.Format("date-time"))},
	)
)

type incomingAnswer struct {
	ID             string          `json:"id"`
	WalletAddress  string          `json:"walletAddress"`
	IncomingAmount *sandbox.Amount `json:"incomingAmount,omitempty"`
	ReceivedAmount sandbox.Amount  `json:"receivedAmount"`
	Completed      bool            `json:"completed"`
	Metadata       json.RawMessage `json:"metadata,omitempty"`
	CreatedAt      stamp           `json:"createdAt"`
	ExpiresAt      stamp           `json:"expiresAt"`
	Methods        *[]method       `json:"methods,omitempty"` // nil in lists and after complete; empty once completed
}

type method struct {
	Type         string `json:"type"`
	ILPAddress   string `json:"ilpAddress"`
	SharedSecret string `json:"sharedSecret"`
}

func (s *Server) incoming(p sandbox.IncomingPayment) incomingAnswer {
	return incomingAnswer{
		ID:            s.bank.ResourceServer(p.Tenant) + "/incoming-payments/" + p.ID,
		WalletAddress: s.bank.WalletAddress(p.Account), IncomingAmount: p.Incoming, ReceivedAmount: p.Received,
		Completed: p.Completed(s.bank.Now()), Metadata: p.Metadata, CreatedAt: stamp(p.Created), ExpiresAt: stamp(p.Expires),
	}
}

// withMethods adds how it can be paid. Money moves inside this wallet, so the address
// and the secret are of the right form and lead nowhere.
func (s *Server) withMethods(p sandbox.IncomingPayment) incomingAnswer {
	a := s.incoming(p)
	a.Methods = &[]method{}
	if !a.Completed {
		secret := sha256.Sum256([]byte("sandbox " + p.ID))
		a.Methods = &[]method{{"ilp", "test.sandbox." + p.Tenant + "." + p.ID, base64.RawURLEncoding.EncodeToString(secret[:])}}
	}
	return a
}

// createIncoming: POST <resource server>/incoming-payments.
func (s *Server) createIncoming(c echo.Context) error {
	var r struct {
		WalletAddress  string          `json:"walletAddress"`
		IncomingAmount *sandbox.Amount `json:"incomingAmount"`
		ExpiresAt      *time.Time      `json:"expiresAt"`
		Metadata       json.RawMessage `json:"metadata"`
	}
	m, err := s.body(c, incomingShape, &r)
	if err != nil {
		return err
	}
	a, err := s.account(c.Param("tenant"), r.WalletAddress)
	if err != nil {
		return err
	}
	access, err := s.allow(c, m, sandbox.AccessIncoming, "create", a.Name)
	if err != nil {
		return err
	}
	p, err := s.bank.CreateIncoming(access, sandbox.IncomingRequest{Amount: r.IncomingAmount, Expires: r.ExpiresAt, Metadata: r.Metadata})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, s.withMethods(p))
}

// getIncoming: GET an incoming payment. Without a token anybody may know what it has
// received, and no more.
func (s *Server) getIncoming(c echo.Context) error {
	id := c.Param("id")
	m, err := s.message(c)
	if err != nil {
		return err
	}
	p, err := s.bank.Incoming(c.Param("tenant"), id)
	if errors.Is(err, sandbox.ErrNotFound) {
		return unknown("incoming payment", id)
	}
	if err != nil {
		return err
	}
	if m.Header.Get("Authorization") == "" {
		return c.JSON(http.StatusOK, map[string]any{
			"receivedAmount": p.Received, "authServer": s.bank.AuthServer(p.Tenant),
		})
	}
	access, err := s.allow(c, m, sandbox.AccessIncoming, "read", p.Account)
	if err != nil {
		return err
	}
	if !access.Sees(p.Client) {
		return refusal{http.StatusNotFound, "Incoming payment does not exist", map[string]string{"id": id}}
	}
	return c.JSON(http.StatusOK, s.withMethods(p))
}

// completeIncoming: POST <incoming payment>/complete.
func (s *Server) completeIncoming(c echo.Context) error {
	id := c.Param("id")
	m, err := s.message(c)
	if err != nil {
		return err
	}
	if err := signatureHeaders(m); err != nil {
		return err
	}
	p, err := s.bank.Incoming(c.Param("tenant"), id)
	if errors.Is(err, sandbox.ErrNotFound) {
		return unknown("incoming payment", id)
	}
	if err != nil {
		return err
	}
	if _, err := s.allow(c, m, sandbox.AccessIncoming, "complete", p.Account); err != nil {
		return err
	}
	if p, err = s.bank.CompleteIncoming(id); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.incoming(p))
}

// listIncoming: GET <resource server>/incoming-payments.
func (s *Server) listIncoming(c echo.Context) error {
	access, q, err := s.list(c, sandbox.AccessIncoming)
	if err != nil {
		return err
	}
	p, err := s.bank.ListIncoming(access, q)
	if err != nil {
		return err
	}
	return answerPage(c, p, s.incoming)
}

// list passes a list's request through the gates.
func (s *Server) list(c echo.Context, kind string) (sandbox.Access, sandbox.PageQuery, error) {
	m, err := s.message(c)
	if err != nil {
		return sandbox.Access{}, sandbox.PageQuery{}, err
	}
	if err := signatureHeaders(m); err != nil {
		return sandbox.Access{}, sandbox.PageQuery{}, err
	}
	account, q, err := s.pageQuery(c)
	if err != nil {
		return sandbox.Access{}, q, err
	}
	access, err := s.allow(c, m, kind, "list", account)
	return access, q, err
}
