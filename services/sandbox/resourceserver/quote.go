package resourceserver

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/sandbox"
	"tianguis.example/sandbox/schema"
)

// quoteShape takes at most one of the two amounts.
func quoteShape(at string, value any) string {
	fields := []schema.Field{
		walletAddress,
		{Name: "receiver", Required: true, Rule: schema.Receiver},
		{Name: "method", Required: true, Rule: schema.Enum("ilp")},
	}
	object, _ := value.(map[string]any)
	if _, ok := object["debitAmount"]; ok {
		fields = append(fields, schema.Field{Name: "debitAmount", Rule: schema.Amount})
	} else {
		fields = append(fields, schema.Field{Name: "receiveAmount", Rule: schema.Amount})
	}
	return schema.Object(true, fields...)(at, value)
}

type quoteAnswer struct {
	ID            string         `json:"id"`
	WalletAddress string         `json:"walletAddress"`
	ReceiveAmount sandbox.Amount `json:"receiveAmount"`
	DebitAmount   sandbox.Amount `json:"debitAmount"`
	Receiver      string         `json:"receiver"`
	ExpiresAt     stamp          `json:"expiresAt"`
	CreatedAt     stamp          `json:"createdAt"`
	Method        string         `json:"method"`
}

func (s *Server) quoteURL(tenant, id string) string {
	return s.bank.ResourceServer(tenant) + "/quotes/" + id
}

func (s *Server) quote(q sandbox.Quote) quoteAnswer {
	return quoteAnswer{
		ID: s.quoteURL(q.Tenant, q.ID), WalletAddress: s.bank.WalletAddress(q.Account),
		ReceiveAmount: q.Receive, DebitAmount: q.Debit, Receiver: q.Receiver,
		ExpiresAt: stamp(q.Expires), CreatedAt: stamp(q.Created), Method: "ilp",
	}
}

// createQuote: POST <resource server>/quotes.
func (s *Server) createQuote(c echo.Context) error {
	var r struct {
		WalletAddress string          `json:"walletAddress"`
		Receiver      string          `json:"receiver"`
		ReceiveAmount *sandbox.Amount `json:"receiveAmount"`
		DebitAmount   *sandbox.Amount `json:"debitAmount"`
	}
	m, err := s.body(c, quoteShape, &r)
	if err != nil {
		return err
	}
	a, err := s.account(c.Param("tenant"), r.WalletAddress)
	if err != nil {
		return err
	}
	access, err := s.allow(c, m, sandbox.AccessQuote, "create", a.Name)
	if err != nil {
		return err
	}
	q, err := s.bank.CreateQuote(access, sandbox.QuoteRequest{Receiver: r.Receiver, Receive: r.ReceiveAmount, Debit: r.DebitAmount})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, s.quote(q))
}

// getQuote: GET a quote, dead or alive.
func (s *Server) getQuote(c echo.Context) error {
	id := c.Param("id")
	m, err := s.message(c)
	if err != nil {
		return err
	}
	if err := signatureHeaders(m); err != nil {
		return err
	}
	q, err := s.bank.Quote(c.Param("tenant"), id)
	if errors.Is(err, sandbox.ErrNotFound) {
		return unknown("quote", id)
	}
	if err != nil {
		return err
	}
	access, err := s.allow(c, m, sandbox.AccessQuote, "read", q.Account)
	if err != nil {
		return err
	}
	if !access.Sees(q.Client) {
		return refusal{http.StatusNotFound, "Quote does not exist", map[string]string{"id": id}}
	}
	return c.JSON(http.StatusOK, s.quote(q))
}
