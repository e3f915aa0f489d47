package resourceserver

import (
	"encoding/json"
	"errors"
	"net/http"
	"path"

	"github.com/labstack/echo/v4"

	"tianguis.example/sandbox"
	"tianguis.example/sandbox/schema"
)

// outgoingShape is either a quote, or an incoming payment with what to spend on it.
func outgoingShape(at string, value any) string {
	object, _ := value.(map[string]any)
	if _, ok := object["incomingPayment"]; ok {
		return schema.Object(true, walletAddress, metadata,
			schema.Field{Name: "incomingPayment", Required: true, Rule: schema.String(schema.Format("uri"))},
			schema.Field{Name: "debitAmount", Required: true, Rule: schema.Amount},
		)(at, value)
	}
	return schema.Object(true, walletAddress, metadata,
		schema.Field{Name: "quoteId", Required: true, Rule: schema.String(schema.Format("uri"))},
	)(at, value)
}

type outgoingAnswer struct {
	ID            string          `json:"id"`
	WalletAddress string          `json:"walletAddress"`
	QuoteID       string          `json:"quoteId"`
	ReceiveAmount sandbox.Amount  `json:"receiveAmount"`
	DebitAmount   sandbox.Amount  `json:"debitAmount"`
	SentAmount    sandbox.Amount  `json:"sentAmount"`
	Receiver      string          `json:"receiver"`
	Failed        bool            `json:"failed"`
	Metadata      json.RawMessage `json:"metadata,omitempty"`
	CreatedAt     stamp           `json:"createdAt"`
	// What the grant had spent before: only in the answer to the creation.
	SpentReceive *sandbox.Amount `json:"grantSpentReceiveAmount,omitempty"`
	SpentDebit   *sandbox.Amount `json:"grantSpentDebitAmount,omitempty"`
}

func (s *Server) outgoing(p sandbox.OutgoingPayment) outgoingAnswer {
	return outgoingAnswer{
		ID:            s.bank.ResourceServer(p.Tenant) + "/outgoing-payments/" + p.ID,
		WalletAddress: s.bank.WalletAddress(p.Account), QuoteID: s.quoteURL(p.Tenant, p.Quote.ID),
		ReceiveAmount: p.Quote.Receive, DebitAmount: p.Quote.Debit, SentAmount: p.Sent, Receiver: p.Quote.Receiver,
		Failed: p.Failed, Metadata: withReason(p.Metadata, p.CancellationReason), CreatedAt: stamp(p.Created),
	}
}

// withReason adds the reason of a failure where the recorded wallet puts it: into the
// client's own metadata (traces/05-10-late-approval.json, 10d).
func withReason(metadata json.RawMessage, reason string) json.RawMessage {
	if reason == "" {
		return metadata
	}
	members := map[string]any{}
	if len(metadata) > 0 && json.Unmarshal(metadata, &members) != nil {
		return metadata
	}
	members["cancellationReason"] = reason
	merged, err := json.Marshal(members)
	if err != nil {
		return metadata
	}
	return merged
}

// createOutgoing: POST <resource server>/outgoing-payments.
func (s *Server) createOutgoing(c echo.Context) error {
	var r struct {
		WalletAddress   string          `json:"walletAddress"`
		QuoteID         string          `json:"quoteId"`
		IncomingPayment string          `json:"incomingPayment"`
		DebitAmount     *sandbox.Amount `json:"debitAmount"`
		Metadata        json.RawMessage `json:"metadata"`
	}
	m, err := s.body(c, outgoingShape, &r)
	if err != nil {
		return err
	}
	a, err := s.account(c.Param("tenant"), r.WalletAddress)
	if err != nil {
		return err
	}
	access, err := s.allow(c, m, sandbox.AccessOutgoing, "create", a.Name)
	if err != nil {
		return err
	}
	p, spent, err := s.bank.CreateOutgoing(access, sandbox.OutgoingRequest{
		Quote:    path.Base(r.QuoteID), // as the recorded wallet: the last segment, whatever stands before it
		Incoming: r.IncomingPayment, Debit: r.DebitAmount, Metadata: r.Metadata,
	})
	if err != nil {
		return err
	}
	answer := s.outgoing(p)
	answer.SpentDebit, answer.SpentReceive = spent.Debit, spent.Receive
	return c.JSON(http.StatusCreated, answer)
}

// getOutgoing: GET an outgoing payment. For an id that was never made a payment the
// answer is 401, which is how a client probes whether its lost POST took effect.
func (s *Server) getOutgoing(c echo.Context) error {
	id := c.Param("id")
	m, err := s.message(c)
	if err != nil {
		return err
	}
	if err := signatureHeaders(m); err != nil {
		return err
	}
	p, err := s.bank.Outgoing(c.Param("tenant"), id)
	if errors.Is(err, sandbox.ErrNotFound) {
		return unknown("outgoing payment", id)
	}
	if err != nil {
		return err
	}
	access, err := s.allow(c, m, sandbox.AccessOutgoing, "read", p.Account)
	if err != nil {
		return err
	}
	if !access.Sees(p.Client) {
		return refusal{http.StatusNotFound, "Outgoing payment does not exist", map[string]string{"id": id}}
	}
	return c.JSON(http.StatusOK, s.outgoing(p))
}

// listOutgoing: GET <resource server>/outgoing-payments.
func (s *Server) listOutgoing(c echo.Context) error {
	access, q, err := s.list(c, sandbox.AccessOutgoing)
	if err != nil {
		return err
	}
	p, err := s.bank.ListOutgoing(access, q)
	if err != nil {
		return err
	}
	return answerPage(c, p, s.outgoing)
}

// getSpent: GET <resource server>/outgoing-payment-grant.
func (s *Server) getSpent(c echo.Context) error {
	m, err := s.message(c)
	if err != nil {
		return err
	}
	if err := signatureHeaders(m); err != nil {
		return err
	}
	access, err := s.allow(c, m, sandbox.AccessOutgoing, "create", "")
	if err != nil {
		return err
	}
	spent := s.bank.Spent(access)
	return c.JSON(http.StatusOK, map[string]*sandbox.Amount{
		"spentDebitAmount": spent.Debit, "spentReceiveAmount": spent.Receive,
	})
}
