package payments

import (
	"context"
	"unicode/utf8"

	"tianguis.example/payments/money"
	"tianguis.example/payments/openpayments"
)

// IncomingRequest asks for an incoming payment that somebody pays by other means.
type IncomingRequest struct {
	SellerID    string
	Amount      string // decimal text in major units of the seller's asset
	Description string // for people; at most 500 characters
}

// RequestIncoming makes an incoming payment at the seller's wallet. Nothing is kept here: its id is the wallet's. Errors as
// Start's.
func (s *Service) RequestIncoming(ctx context.Context, r IncomingRequest) (openpayments.IncomingPayment, error) {
	var none openpayments.IncomingPayment
	if utf8.RuneCountInString(r.Description) > 500 {
		return none, Errorf(CodeInvalidRequest, "description must be 500 characters at most")
	}
	seller, err := s.seller(ctx, r.SellerID)
	if err != nil {
		return none, err
	}
	w, err := s.wallets(seller.client())
	if err != nil {
		return none, err
	}
	wallet, err := w.WalletAddress.Get(ctx, openpayments.WalletAddressGetParams{URL: seller.WalletAddressURL})
	if err != nil {
		return none, addressError("the seller's wallet address", err)
	}
	amount, err := money.ParseDecimal(r.Amount, wallet.AssetCode, wallet.AssetScale)
	if err != nil {
		return none, &Error{Code: CodeInvalidAmount, Message: err.Error()}
	}
	token, err := grant(ctx, w, wallet.AuthServer, openpayments.AccessIncomingPayment, openpayments.ActionCreate, openpayments.ActionRead)
	if err != nil {
		return none, walletError(err)
	}
	var metadata map[string]string
	if r.Description != "" {
		metadata = map[string]string{"description": r.Description}
	}
	incoming, err := w.IncomingPayment.Create(ctx, openpayments.IncomingPaymentCreateParams{
		BaseURL: wallet.ResourceServer, AccessToken: token, WalletAddress: wallet.ID,
		IncomingAmount: &amount, ExpiresAt: s.clock.Now().Add(incomingLifetime), Metadata: metadata,
	})
	if err != nil {
		return none, walletError(err)
	}
	return incoming, nil
}

// Profile looks a wallet address up. Errors: CodeInvalidWallet, CodeWalletDown, CodeWalletTimeout, CodeWalletRefused, CodeNoIdentity.
func (s *Service) Profile(ctx context.Context, walletAddressURL string) (openpayments.WalletAddress, error) {
	url, err := parseWalletAddress("walletAddressUrl", walletAddressURL)
	if err != nil {
		return openpayments.WalletAddress{}, err
	}
	w, err := s.wallets(Client{})
	if err != nil {
		return openpayments.WalletAddress{}, err
	}
	wallet, err := w.WalletAddress.Get(ctx, openpayments.WalletAddressGetParams{URL: url})
	return wallet, addressError("this wallet address", err)
}
