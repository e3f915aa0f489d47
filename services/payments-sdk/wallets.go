package sdk

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	sdk "github.com/interledger/open-payments-go"
	as "github.com/interledger/open-payments-go/generated/authserver"
	rs "github.com/interledger/open-payments-go/generated/resourceserver"
	was "github.com/interledger/open-payments-go/generated/walletaddressserver"

	"tianguis.example/payments/money"
	"tianguis.example/payments/openpayments"
)

// The services, as payments.Wallets has them. Each puts our parameters into the SDK's.
type (
	walletAddresses  struct{ *client }
	grants           struct{ *client }
	tokens           struct{ *client }
	incomingPayments struct{ *client }
	quotes           struct{ *client }
	outgoingPayments struct{ *client }
)

// Get is openpayments.WalletAddressService.Get.
func (c walletAddresses) Get(ctx context.Context, p openpayments.WalletAddressGetParams) (openpayments.WalletAddress, error) {
	return ask(ctx, c.public, p.Question(), func(ctx context.Context) (was.WalletAddress, error) {
		return c.sdk.WalletAddress.Get(ctx, sdk.WalletAddressGetParams{URL: p.URL})
	})
}

// Request is openpayments.GrantService.Request.
func (c grants) Request(ctx context.Context, p openpayments.GrantRequestParams) (openpayments.Grant, error) {
	return ask(ctx, c.signed, p.Question(c.walletAddress), func(ctx context.Context) (sdk.Grant, error) {
		body, err := grantRequest(p)
		if err != nil {
			return sdk.Grant{}, err
		}
		return c.sdk.Grant.Request(ctx, sdk.GrantRequestParams{URL: p.URL, RequestBody: body})
	})
}

// Continue is openpayments.GrantService.Continue.
func (c grants) Continue(ctx context.Context, p openpayments.GrantContinueParams) (openpayments.Grant, error) {
	return ask(ctx, c.signed, p.Question(), func(ctx context.Context) (sdk.Grant, error) {
		return c.sdk.Grant.Continue(ctx, sdk.GrantContinueParams{URL: p.URL, AccessToken: p.AccessToken, InteractRef: p.InteractRef})
	})
}

// Cancel is openpayments.GrantService.Cancel.
func (c grants) Cancel(ctx context.Context, p openpayments.GrantCancelParams) error {
	_, err := openpayments.Ask(ctx, c.signed, p.Question(), func(ctx context.Context) error {
		return c.sdk.Grant.Cancel(ctx, sdk.GrantCancelParams{URL: p.URL, AccessToken: p.AccessToken})
	})
	return err
}

// Rotate is openpayments.TokenService.Rotate.
func (c tokens) Rotate(ctx context.Context, p openpayments.TokenRotateParams) (openpayments.AccessToken, error) {
	return ask(ctx, c.signed, p.Question(), func(ctx context.Context) (as.AccessToken, error) {
		return c.sdk.Token.Rotate(ctx, sdk.TokenRotateParams{URL: p.URL, AccessToken: p.AccessToken})
	})
}

// Revoke is openpayments.TokenService.Revoke.
func (c tokens) Revoke(ctx context.Context, p openpayments.TokenRevokeParams) error {
	_, err := openpayments.Ask(ctx, c.signed, p.Question(), func(ctx context.Context) error {
		return c.sdk.Token.Revoke(ctx, sdk.TokenRevokeParams{URL: p.URL, AccessToken: p.AccessToken})
	})
	return err
}

// Create is openpayments.IncomingPaymentService.Create.
func (c incomingPayments) Create(ctx context.Context, p openpayments.IncomingPaymentCreateParams) (openpayments.IncomingPayment, error) {
	return ask(ctx, c.signed, p.Question(), func(ctx context.Context) (rs.IncomingPaymentWithMethods, error) {
		body := rs.CreateIncomingPaymentRequest{WalletAddressSchema: p.WalletAddress, Metadata: metadata(p.Metadata)}
		if p.IncomingAmount != nil {
			body.IncomingAmount = amount(*p.IncomingAmount)
		}
		if !p.ExpiresAt.IsZero() {
			at := p.ExpiresAt.UTC().Truncate(time.Millisecond) // as precise as JavaScript
			body.ExpiresAt = &at
		}
		return c.sdk.IncomingPayment.Create(ctx, sdk.IncomingPaymentCreateParams{BaseURL: p.BaseURL, AccessToken: p.AccessToken, Payload: body})
	})
}

// GetPublic is openpayments.IncomingPaymentService.GetPublic.
func (c incomingPayments) GetPublic(ctx context.Context, p openpayments.IncomingPaymentGetPublicParams) (openpayments.PublicIncomingPayment, error) {
	return ask(ctx, c.public, p.Question(), func(ctx context.Context) (rs.PublicIncomingPayment, error) {
		return c.sdk.IncomingPayment.GetPublic(ctx, sdk.IncomingPaymentGetPublicParams{URL: p.URL})
	})
}

// Create is openpayments.QuoteService.Create.
func (c quotes) Create(ctx context.Context, p openpayments.QuoteCreateParams) (openpayments.Quote, error) {
	return ask(ctx, c.signed, p.Question(), func(ctx context.Context) (rs.Quote, error) {
		body := rs.CreateQuoteRequestByReceiver{Method: rs.PaymentMethod(p.Method), Receiver: p.Receiver, WalletAddressSchema: p.WalletAddress}
		if body.Method == "" {
			body.Method = rs.PaymentMethodIlp
		}
		return c.sdk.Quote.Create(ctx, sdk.QuoteCreateParams{BaseURL: p.BaseURL, AccessToken: p.AccessToken, Payload: body})
	})
}

// Create is openpayments.OutgoingPaymentService.Create.
func (c outgoingPayments) Create(ctx context.Context, p openpayments.OutgoingPaymentCreateParams) (openpayments.OutgoingPayment, error) {
	return ask(ctx, c.signed, p.Question(), func(ctx context.Context) (rs.OutgoingPaymentWithSpentAmounts, error) {
		var body rs.CreateOutgoingPaymentRequest
		err := body.FromCreateOutgoingPaymentRequestFromQuote(rs.CreateOutgoingPaymentRequestFromQuote{
			WalletAddressSchema: p.WalletAddress, QuoteId: p.QuoteID, Metadata: metadata(p.Metadata),
		})
		if err != nil {
			return rs.OutgoingPaymentWithSpentAmounts{}, err
		}
		return c.sdk.OutgoingPayment.Create(ctx, sdk.OutgoingPaymentCreateParams{BaseURL: p.BaseURL, AccessToken: p.AccessToken, Payload: body})
	})
}

// Get is openpayments.OutgoingPaymentService.Get.
func (c outgoingPayments) Get(ctx context.Context, p openpayments.OutgoingPaymentGetParams) (openpayments.OutgoingPayment, error) {
	return ask(ctx, c.signed, p.Question(), func(ctx context.Context) (rs.OutgoingPayment, error) {
		return c.sdk.OutgoingPayment.Get(ctx, sdk.OutgoingPaymentGetParams{URL: p.URL, AccessToken: p.AccessToken})
	})
}

// List is openpayments.OutgoingPaymentService.List.
func (c outgoingPayments) List(ctx context.Context, p openpayments.ListParams) (openpayments.Page[openpayments.OutgoingPayment], error) {
	return ask(ctx, c.signed, p.OutgoingPayments(), func(ctx context.Context) (*sdk.OutgoingPaymentListResponse, error) {
		return c.sdk.OutgoingPayment.List(ctx, sdk.OutgoingPaymentListParams{
			BaseURL: p.BaseURL, AccessToken: p.AccessToken, WalletAddress: p.WalletAddress,
			Pagination: sdk.Pagination{First: count(p.First), Last: count(p.Last), Cursor: p.Cursor},
		})
	})
}

// grantRequest is what is asked for, in the SDK's types. Ours are written as the specification has them, and so are its.
func grantRequest(p openpayments.GrantRequestParams) (as.GrantRequest, error) {
	var body as.GrantRequest
	access, err := json.Marshal(p.Access)
	if err != nil {
		return body, err
	}
	request := as.GrantRequestWithAccessToken{}
	if err := json.Unmarshal(access, &request.AccessToken.Access); err != nil {
		return body, err
	}
	if p.Interact != nil {
		request.Interact = &as.InteractRequest{Start: []as.InteractRequestStart{as.InteractRequestStartRedirect}}
		finish, err := json.Marshal(map[string]string{"method": "redirect", "uri": p.Interact.FinishURI, "nonce": p.Interact.Nonce})
		if err != nil {
			return body, err
		}
		if err := json.Unmarshal(finish, &request.Interact.Finish); err != nil { // its type has no name
			return body, err
		}
	}
	err = body.FromGrantRequestWithAccessToken(request)
	return body, err
}

func amount(a money.Amount) *rs.Amount {
	return &rs.Amount{Value: strconv.FormatInt(a.Value(), 10), AssetCode: a.AssetCode(), AssetScale: int(a.AssetScale())}
}

func metadata(ours map[string]string) *map[string]any {
	if len(ours) == 0 {
		return nil
	}
	theirs := make(map[string]any, len(ours))
	for key, value := range ours {
		theirs[key] = value
	}
	return &theirs
}

// count writes how many are asked for; "" is the wallet's own choice.
func count(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
