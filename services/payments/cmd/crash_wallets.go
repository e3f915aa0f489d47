//go:build crashpoints

package cmd

import (
	"context"
	"reflect"

	"tianguis.example/chassis/crashpoint"
	"tianguis.example/payments"
	"tianguis.example/payments/openpayments"
)

// walletPoints are all calls that the rules can make of a wallet. A grant is asked for in three ways, which leave different things behind.
func walletPoints() []string {
	var all []string
	wallets := reflect.TypeFor[payments.Wallets]()
	for i := range wallets.NumField() {
		service := wallets.Field(i)
		for j := range service.Type.NumMethod() {
			call := service.Name + "." + service.Type.Method(j).Name
			if call != grantRequest {
				all = append(all, call)
				continue
			}
			for _, access := range []openpayments.AccessType{openpayments.AccessIncomingPayment, openpayments.AccessQuote, openpayments.AccessOutgoingPayment} {
				all = append(all, call+" "+string(access))
			}
		}
	}
	return all
}

const grantRequest = "Grant.Request"

// crashingWallets are wallets with a point around each call. No method is taken over from an interface unseen: a
// new one does not compile before it is here.
func crashingWallets(w payments.Wallets, at *crashpoint.Points) payments.Wallets {
	c := crashing{w, at}
	return payments.Wallets{
		WalletAddress: walletAddresses(c), Grant: grants(c), Token: tokens(c), IncomingPayment: incomingPayments(c),
		Quote: quotes(c), OutgoingPayment: outgoingPayments(c),
	}
}

type crashing struct {
	payments.Wallets
	at *crashpoint.Points
}

type (
	walletAddresses  crashing
	grants           crashing
	tokens           crashing
	incomingPayments crashing
	quotes           crashing
	outgoingPayments crashing
)

func (w walletAddresses) Get(ctx context.Context, p openpayments.WalletAddressGetParams) (openpayments.WalletAddress, error) {
	return crashpoint.Get(w.at, "WalletAddress.Get", func() (openpayments.WalletAddress, error) { return w.WalletAddress.Get(ctx, p) })
}

func (w grants) Request(ctx context.Context, p openpayments.GrantRequestParams) (openpayments.Grant, error) {
	return crashpoint.Get(w.at, grantRequest+" "+string(p.Access[0].Type), func() (openpayments.Grant, error) { return w.Grant.Request(ctx, p) })
}

func (w grants) Continue(ctx context.Context, p openpayments.GrantContinueParams) (openpayments.Grant, error) {
	return crashpoint.Get(w.at, "Grant.Continue", func() (openpayments.Grant, error) { return w.Grant.Continue(ctx, p) })
}

func (w grants) Cancel(ctx context.Context, p openpayments.GrantCancelParams) error {
	return w.at.Do("Grant.Cancel", func() error { return w.Grant.Cancel(ctx, p) })
}

func (w tokens) Rotate(ctx context.Context, p openpayments.TokenRotateParams) (openpayments.AccessToken, error) {
	return crashpoint.Get(w.at, "Token.Rotate", func() (openpayments.AccessToken, error) { return w.Token.Rotate(ctx, p) })
}

func (w incomingPayments) Create(ctx context.Context, p openpayments.IncomingPaymentCreateParams) (openpayments.IncomingPayment, error) {
	return crashpoint.Get(w.at, "IncomingPayment.Create", func() (openpayments.IncomingPayment, error) { return w.IncomingPayment.Create(ctx, p) })
}

func (w incomingPayments) GetPublic(ctx context.Context, p openpayments.IncomingPaymentGetPublicParams) (openpayments.PublicIncomingPayment, error) {
	return crashpoint.Get(w.at, "IncomingPayment.GetPublic", func() (openpayments.PublicIncomingPayment, error) { return w.IncomingPayment.GetPublic(ctx, p) })
}

func (w quotes) Create(ctx context.Context, p openpayments.QuoteCreateParams) (openpayments.Quote, error) {
	return crashpoint.Get(w.at, "Quote.Create", func() (openpayments.Quote, error) { return w.Quote.Create(ctx, p) })
}

func (w outgoingPayments) Create(ctx context.Context, p openpayments.OutgoingPaymentCreateParams) (openpayments.OutgoingPayment, error) {
	return crashpoint.Get(w.at, "OutgoingPayment.Create", func() (openpayments.OutgoingPayment, error) { return w.OutgoingPayment.Create(ctx, p) })
}

func (w outgoingPayments) Get(ctx context.Context, p openpayments.OutgoingPaymentGetParams) (openpayments.OutgoingPayment, error) {
	return crashpoint.Get(w.at, "OutgoingPayment.Get", func() (openpayments.OutgoingPayment, error) { return w.OutgoingPayment.Get(ctx, p) })
}

func (w outgoingPayments) List(ctx context.Context, p openpayments.ListParams) (openpayments.Page[openpayments.OutgoingPayment], error) {
	return crashpoint.Get(w.at, "OutgoingPayment.List", func() (openpayments.Page[openpayments.OutgoingPayment], error) {
		return w.OutgoingPayment.List(ctx, p)
	})
}
