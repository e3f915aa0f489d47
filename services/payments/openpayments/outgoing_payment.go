package openpayments

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"tianguis.example/payments/money"
)

// OutgoingPaymentService makes and reads outgoing payments at a buyer's resource server.
type OutgoingPaymentService struct{ caller *caller }

// Create pays a quote. The quote makes it safe: a second payment of the same quote is
// ErrInvalidQuote. After an error for which OutcomeUnknown is true, look whether the
// payment exists before anything else. ErrUnauthorized: beyond the consent.
// ErrInactiveToken: rotate the token and ask again. A success means only that the wallet
// took the payment on; it can still fail for lack of money.
func (s *OutgoingPaymentService) Create(ctx context.Context, params OutgoingPaymentCreateParams) (OutgoingPayment, error) {
	return params.Question().ask(ctx, s.caller)
}

// Question is what OutgoingPaymentService.Create asks.
func (p OutgoingPaymentCreateParams) Question() Question[OutgoingPayment] {
	call := call{op: "create outgoing payment", method: http.MethodPost, token: p.AccessToken, authorized: true}
	var err error
	if call.url, err = join(p.BaseURL, "/outgoing-payments"); err == nil {
		err = checkMetadata(p.Metadata)
	}
	if err == nil && p.QuoteID == "" {
		err = errors.New("there is no quote to pay")
	}
	call.body = outgoingPaymentBody{WalletAddress: p.WalletAddress, QuoteID: p.QuoteID, Metadata: p.Metadata}
	return question(call, err, func(wire outgoingPaymentWire) (OutgoingPayment, error) {
		if err := believeURLOf("id", wire.ID, p.BaseURL); err != nil { // it is asked for with the token
			return OutgoingPayment{}, err
		}
		return wire.believe("", p.WalletAddress, p.QuoteID)
	})
}

// Get reads an outgoing payment. ErrUnknownPayment: there is none.
func (s *OutgoingPaymentService) Get(ctx context.Context, params OutgoingPaymentGetParams) (OutgoingPayment, error) {
	return params.Question().ask(ctx, s.caller)
}

// Question is what OutgoingPaymentService.Get asks.
func (p OutgoingPaymentGetParams) Question() Question[OutgoingPayment] {
	return question(call{
		op: "get outgoing payment", method: http.MethodGet, url: p.URL, token: p.AccessToken, authorized: true, readsPayment: true,
	}, nil, func(wire outgoingPaymentWire) (OutgoingPayment, error) { return wire.believe(p.URL, "", "") })
}

// List pages through the outgoing payments of a wallet address.
func (s *OutgoingPaymentService) List(ctx context.Context, params ListParams) (Page[OutgoingPayment], error) {
	return params.OutgoingPayments().ask(ctx, s.caller)
}

// OutgoingPayments is what OutgoingPaymentService.List asks.
func (p ListParams) OutgoingPayments() Question[Page[OutgoingPayment]] {
	call, err := listCall("list outgoing payments", "/outgoing-payments", p)
	return question(call, err, func(wire pageWire[outgoingPaymentWire]) (Page[OutgoingPayment], error) {
		return believePage(wire, func(item outgoingPaymentWire) (OutgoingPayment, error) {
			if err := believeURLOf("id", item.ID, p.BaseURL); err != nil {
				return OutgoingPayment{}, err
			}
			return item.believe("", p.WalletAddress, "")
		})
	})
}

// GetGrantSpentAmounts reads what was spent under the grant of a token. Both amounts are
// nil as long as nothing was (traces/05-01-requote-within-consent.json).
func (s *OutgoingPaymentService) GetGrantSpentAmounts(ctx context.Context, params OutgoingPaymentGrantGetParams) (SpentAmounts, error) {
	call := call{op: "get spent amounts", method: http.MethodGet, token: params.AccessToken, authorized: true}
	var err error
	if call.url, err = join(params.BaseURL, "/outgoing-payment-grant"); err != nil {
		return SpentAmounts{}, &Error{Op: call.op, Kind: ErrInvalidRequest, Err: err}
	}
	return ask(ctx, s.caller, call, believeSpentAmounts)
}

type outgoingPaymentBody struct {
	WalletAddress string            `json:"walletAddress"`
	QuoteID       string            `json:"quoteId"`
	Metadata      map[string]string `json:"metadata,omitempty"`
}

type outgoingPaymentWire struct {
	OutgoingPayment
	Metadata metadata `json:"metadata"`
}

func (w outgoingPaymentWire) believe(askedID, askedWallet, askedQuote string) (OutgoingPayment, error) {
	payment := w.OutgoingPayment
	payment.Metadata = w.Metadata
	err := believeURLs([2]string{"id", payment.ID}, [2]string{"walletAddress", payment.WalletAddress}, [2]string{"receiver", payment.Receiver})
	if err != nil {
		return OutgoingPayment{}, err
	}
	if err := believeSame("id", payment.ID, askedID); err != nil {
		return OutgoingPayment{}, err
	}
	if err := believeSame("walletAddress", payment.WalletAddress, askedWallet); err != nil {
		return OutgoingPayment{}, err
	}
	if err := believeSame("quoteId", payment.QuoteID, askedQuote); err != nil {
		return OutgoingPayment{}, err
	}
	if err := believeAmount("debitAmount", payment.DebitAmount); err != nil {
		return OutgoingPayment{}, err
	}
	if err := believeAmount("receiveAmount", payment.ReceiveAmount); err != nil {
		return OutgoingPayment{}, err
	}
	if !payment.SentAmount.SameAsset(payment.DebitAmount) {
		return OutgoingPayment{}, errors.New("sentAmount: it is missing or of another asset than debitAmount")
	}
	return payment, nil
}

// believeSpentAmounts wants the two fields to be there, if only as null: an empty object
// is no answer to this question.
func believeSpentAmounts(wire map[string]json.RawMessage) (SpentAmounts, error) {
	var spent SpentAmounts
	for field, amount := range map[string]**money.Amount{
		"spentDebitAmount": &spent.SpentDebitAmount, "spentReceiveAmount": &spent.SpentReceiveAmount,
	} {
		raw, ok := wire[field]
		if !ok {
			return SpentAmounts{}, errors.New(field + ": it is missing")
		}
		if err := json.Unmarshal(raw, amount); err != nil {
			return SpentAmounts{}, errors.New(field + ": it is no amount")
		}
	}
	return spent, nil
}
