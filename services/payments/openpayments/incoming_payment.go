package openpayments

import (
	"context"
	"errors"
	"net/http"

	"tianguis.example/payments/money"
)

// IncomingPaymentService makes and reads incoming payments at a seller's resource server.
type IncomingPaymentService struct{ caller *caller }

// PublicIncomingPaymentService reads what wallets show of incoming payments to anybody.
type PublicIncomingPaymentService struct{ caller *caller }

// Create makes an incoming payment. It is not safe to repeat: a second one is made.
// ErrInvalidAmount: another asset or scale than the wallet address has.
// ErrInvalidRequest: ExpiresAt has passed or lies more than 30 days ahead.
func (s *IncomingPaymentService) Create(ctx context.Context, params IncomingPaymentCreateParams) (IncomingPayment, error) {
	return params.Question().ask(ctx, s.caller)
}

// Question is what IncomingPaymentService.Create asks.
func (p IncomingPaymentCreateParams) Question() Question[IncomingPayment] {
	call := call{op: "create incoming payment", method: http.MethodPost, token: p.AccessToken, authorized: true}
	var err error
	if call.url, err = join(p.BaseURL, "/incoming-payments"); err == nil {
		err = checkMetadata(p.Metadata)
	}
	call.body = incomingPaymentBody{
		WalletAddress:  p.WalletAddress,
		IncomingAmount: p.IncomingAmount,
		ExpiresAt:      formatTime(p.ExpiresAt),
		Metadata:       p.Metadata,
	}
	return question(call, err, func(wire incomingPaymentWire) (IncomingPayment, error) {
		payment, err := wire.believe("", p.WalletAddress)
		if err == nil { // from now on it is believed what it has received
			err = believeURLOf("id", payment.ID, p.BaseURL)
		}
		if err != nil {
			return IncomingPayment{}, err
		}
		if asked := p.IncomingAmount; asked != nil && (payment.IncomingAmount == nil || *payment.IncomingAmount != *asked) {
			return IncomingPayment{}, errors.New("incomingAmount: it is another one than was asked for")
		}
		return payment, nil
	})
}

// Get reads an incoming payment with a token. ErrUnknownPayment: there is none, or it
// expired unpaid.
func (s *IncomingPaymentService) Get(ctx context.Context, params IncomingPaymentGetParams) (IncomingPayment, error) {
	return ask(ctx, s.caller, call{
		op: "get incoming payment", method: http.MethodGet, url: params.URL,
		token: params.AccessToken, authorized: true, readsPayment: true,
	}, func(wire incomingPaymentWire) (IncomingPayment, error) { return wire.believe(params.URL, "") })
}

// GetPublic reads how much an incoming payment has received: the truth about whether it
// is paid, long after every token is dead. ErrUnknownPayment as for Get.
func (s *IncomingPaymentService) GetPublic(ctx context.Context, params IncomingPaymentGetPublicParams) (PublicIncomingPayment, error) {
	return params.Question().ask(ctx, s.caller)
}

// GetPublic is IncomingPaymentService.GetPublic.
func (s *PublicIncomingPaymentService) GetPublic(ctx context.Context, params IncomingPaymentGetPublicParams) (PublicIncomingPayment, error) {
	return params.Question().ask(ctx, s.caller)
}

// Question is what IncomingPaymentService.GetPublic asks.
func (p IncomingPaymentGetPublicParams) Question() Question[PublicIncomingPayment] {
	return question(call{
		op: "get public incoming payment", method: http.MethodGet, url: p.URL, public: true, readsPayment: true,
	}, nil, believePublicIncomingPayment)
}

// Complete says that no more money is expected. ErrWrongState: it was complete already.
func (s *IncomingPaymentService) Complete(ctx context.Context, params IncomingPaymentCompleteParams) (IncomingPayment, error) {
	call := call{op: "complete incoming payment", method: http.MethodPost, token: params.AccessToken, authorized: true}
	var err error
	if call.url, err = join(params.URL, "/complete"); err != nil {
		return IncomingPayment{}, &Error{Op: call.op, Kind: ErrInvalidRequest, Err: err}
	}
	return ask(ctx, s.caller, call, func(wire incomingPaymentWire) (IncomingPayment, error) {
		payment, err := wire.believe(params.URL, "")
		if err == nil && !payment.Completed {
			err = errors.New("completed: it is not")
		}
		return payment, err
	})
}

// List pages through the incoming payments of a wallet address.
func (s *IncomingPaymentService) List(ctx context.Context, params ListParams) (Page[IncomingPayment], error) {
	call, err := listCall("list incoming payments", "/incoming-payments", params)
	return question(call, err, func(wire pageWire[incomingPaymentWire]) (Page[IncomingPayment], error) {
		return believePage(wire, func(item incomingPaymentWire) (IncomingPayment, error) {
			return item.believe("", params.WalletAddress)
		})
	}).ask(ctx, s.caller)
}

type incomingPaymentBody struct {
	WalletAddress  string            `json:"walletAddress"`
	IncomingAmount *money.Amount     `json:"incomingAmount,omitempty"`
	ExpiresAt      string            `json:"expiresAt,omitempty"`
	Metadata       map[string]string `json:"metadata,omitempty"`
}

type incomingPaymentWire struct {
	IncomingPayment
	Metadata metadata `json:"metadata"`
}

func (w incomingPaymentWire) believe(askedID, askedWallet string) (IncomingPayment, error) {
	payment := w.IncomingPayment
	payment.Metadata = w.Metadata
	if err := believeURLs([2]string{"id", payment.ID}, [2]string{"walletAddress", payment.WalletAddress}); err != nil {
		return IncomingPayment{}, err
	}
	if err := believeSame("id", payment.ID, askedID); err != nil {
		return IncomingPayment{}, err
	}
	if err := believeSame("walletAddress", payment.WalletAddress, askedWallet); err != nil {
		return IncomingPayment{}, err
	}
	if err := believeAmount("receivedAmount", payment.ReceivedAmount); err != nil {
		return IncomingPayment{}, err
	}
	if incoming := payment.IncomingAmount; incoming != nil && !incoming.SameAsset(payment.ReceivedAmount) {
		return IncomingPayment{}, errors.New("receivedAmount: it is of another asset than incomingAmount")
	}
	return payment, nil
}

func believePublicIncomingPayment(payment PublicIncomingPayment) (PublicIncomingPayment, error) {
	if err := believeAmount("receivedAmount", payment.ReceivedAmount); err != nil {
		return PublicIncomingPayment{}, err
	}
	if err := believeURL("authServer", payment.AuthServer); err != nil {
		return PublicIncomingPayment{}, err
	}
	return payment, nil
}
