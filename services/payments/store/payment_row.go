package store

import (
	"fmt"
	"time"

	"tianguis.example/chassis/logging"
	"tianguis.example/payments"
	"tianguis.example/payments/money"
)

type paymentRow struct {
	ID                   string
	OfferID              string
	SellerID             string
	Version              int64
	State                string
	Reason               string
	Message              string
	Ending               string
	Amount               amountRow `gorm:"embedded;embeddedPrefix:amount_"`
	Debit                amountRow `gorm:"embedded;embeddedPrefix:debit_"`
	Received             amountRow `gorm:"embedded;embeddedPrefix:received_"`
	BuyerWalletURL       string
	BuyerWalletAddress   string
	BuyerAuthServer      string
	BuyerResourceServer  string
	SellerWalletAddress  string
	SellerAuthServer     string
	SellerResourceServer string
	ClientWalletAddress  string
	ClientKeyID          string
	ClientKeyPath        string
	IncomingPaymentID    string
	QuoteID              string
	Quotes               int
	AskedAt              *time.Time
	OutgoingPaymentID    string
	RedirectURL          string
	ClientNonceSealed    string
	InteractNonce        string
	ContinueURI          string `gorm:"column:continue_uri"`
	ContinueTokenSealed  string
	ContinueNotUntil     *time.Time
	ConsentExpiresAt     *time.Time
	InteractRefSealed    string
	AccessTokenSealed    string
	ManageURI            string `gorm:"column:manage_uri"`
	TokenExpiresAt       *time.Time
	NextStepAt           *time.Time
	Tries                int
	StateSince           *time.Time
	CreatedAt            time.Time `gorm:"autoCreateTime:false"`
	UpdatedAt            time.Time `gorm:"autoUpdateTime:false"`
	ApprovedAt           *time.Time
	PaidAt               *time.Time
	Trace                string
	AuditEvents          int64 // these two are Record's own
	AuditHead            string
}

func (paymentRow) TableName() string { return "payments" }

type amountRow struct {
	Value      int64
	AssetCode  string
	AssetScale uint8
}

func amountToRow(a money.Amount) amountRow {
	return amountRow{a.Value(), a.AssetCode(), a.AssetScale()}
}

func (r amountRow) amount() (money.Amount, error) {
	if r.AssetCode == "" {
		return money.Amount{}, nil
	}
	return money.New(r.Value, r.AssetCode, r.AssetScale)
}

func (s *Store) paymentToRow(p payments.Payment) paymentRow {
	place := func(column string) string { return "payments/" + string(p.ID) + "/" + column }
	return paymentRow{
		ID: string(p.ID), OfferID: p.OfferID, SellerID: p.SellerID, Version: p.Version,
		State: string(p.State), Reason: string(p.Reason), Message: p.Message, Ending: string(p.Ending),
		Amount: amountToRow(p.Amount), Debit: amountToRow(p.DebitAmount), Received: amountToRow(p.ReceivedAmount),
		BuyerWalletURL:     p.BuyerWalletAddressURL,
		BuyerWalletAddress: p.Buyer.WalletAddress, BuyerAuthServer: p.Buyer.AuthServer, BuyerResourceServer: p.Buyer.ResourceServer,
		SellerWalletAddress: p.Seller.WalletAddress, SellerAuthServer: p.Seller.AuthServer, SellerResourceServer: p.Seller.ResourceServer,
		ClientWalletAddress: p.Client.WalletAddress, ClientKeyID: p.Client.KeyID, ClientKeyPath: p.Client.PrivateKeyPath,
		IncomingPaymentID: p.IncomingPaymentID, QuoteID: p.QuoteID, Quotes: p.Quotes, AskedAt: maybe(p.AskedAt), OutgoingPaymentID: p.OutgoingPaymentID,
		RedirectURL: p.Consent.RedirectURL, InteractNonce: p.Consent.InteractNonce, ContinueURI: p.Consent.ContinueURI,
		ClientNonceSealed:   s.keys.close(p.Consent.ClientNonce, place("client_nonce")),
		ContinueTokenSealed: s.keys.close(p.Consent.ContinueToken, place("continue_token")),
		InteractRefSealed:   s.keys.close(p.Consent.InteractRef, place("interact_ref")),
		ContinueNotUntil:    maybe(p.Consent.ContinueNotUntil), ConsentExpiresAt: maybe(p.Consent.ExpiresAt),
		AccessTokenSealed: s.keys.close(p.Token.Value, place("access_token")),
		ManageURI:         p.Token.ManageURI, TokenExpiresAt: maybe(p.Token.ExpiresAt),
		NextStepAt: maybe(p.NextStepAt), Tries: p.Tries, StateSince: maybe(p.Since), Trace: p.Trace,
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, ApprovedAt: maybe(p.ApprovedAt), PaidAt: maybe(p.PaidAt),
	}
}

// payment is the row with all that it holds, for the rules.
func (s *Store) payment(r paymentRow) (payments.Payment, error) {
	p, err := r.view()
	if err != nil {
		return p, err
	}
	for _, sealed := range []struct {
		text, column string
		into         *logging.Secret
	}{
		{r.ClientNonceSealed, "client_nonce", &p.Consent.ClientNonce},
		{r.ContinueTokenSealed, "continue_token", &p.Consent.ContinueToken},
		{r.InteractRefSealed, "interact_ref", &p.Consent.InteractRef},
		{r.AccessTokenSealed, "access_token", &p.Token.Value},
	} {
		if *sealed.into, err = s.keys.open(sealed.text, "payments/"+r.ID+"/"+sealed.column); err != nil {
			return payments.Payment{}, fmt.Errorf("payment %s, %s: %w", r.ID, sealed.column, err)
		}
	}
	return p, nil
}

// view is the row without its secrets, for readers.
func (r paymentRow) view() (payments.Payment, error) {
	p := payments.Payment{
		ID: payments.PaymentID(r.ID), OfferID: r.OfferID, SellerID: r.SellerID, Version: r.Version,
		State: payments.State(r.State), Reason: payments.Reason(r.Reason), Message: r.Message, Ending: payments.Reason(r.Ending),
		BuyerWalletAddressURL: r.BuyerWalletURL,
		Buyer:                 payments.Party{WalletAddress: r.BuyerWalletAddress, AuthServer: r.BuyerAuthServer, ResourceServer: r.BuyerResourceServer},
		Seller:                payments.Party{WalletAddress: r.SellerWalletAddress, AuthServer: r.SellerAuthServer, ResourceServer: r.SellerResourceServer},
		Client:                payments.Client{WalletAddress: r.ClientWalletAddress, KeyID: r.ClientKeyID, PrivateKeyPath: r.ClientKeyPath},
		IncomingPaymentID:     r.IncomingPaymentID, QuoteID: r.QuoteID, Quotes: r.Quotes, AskedAt: certain(r.AskedAt), OutgoingPaymentID: r.OutgoingPaymentID,
		Consent: payments.Consent{
			RedirectURL: r.RedirectURL, InteractNonce: r.InteractNonce, ContinueURI: r.ContinueURI,
			ContinueNotUntil: certain(r.ContinueNotUntil), ExpiresAt: certain(r.ConsentExpiresAt),
		},
		Token:      payments.Token{ManageURI: r.ManageURI, ExpiresAt: certain(r.TokenExpiresAt)},
		NextStepAt: certain(r.NextStepAt), Tries: r.Tries, Since: certain(r.StateSince), Trace: r.Trace,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), ApprovedAt: certain(r.ApprovedAt), PaidAt: certain(r.PaidAt),
	}
	for _, a := range []struct {
		row  amountRow
		into *money.Amount
	}{{r.Amount, &p.Amount}, {r.Debit, &p.DebitAmount}, {r.Received, &p.ReceivedAmount}} {
		amount, err := a.row.amount()
		if err != nil {
			return payments.Payment{}, fmt.Errorf("payment %s: %w", r.ID, err)
		}
		*a.into = amount
	}
	return p, nil
}
