package api

import (
	"time"

	"tianguis.example/payments/money"
)

// The values of status, which is all that the documented wire knew. State beside it is the precise one.
const (
	StatusPending = "pending"
	StatusPaid    = "paid"
	StatusFailed  = "failed"
)

// Seller is somebody who is paid. A seller needs no key: the platform's signs.
type Seller struct {
	ID               string `json:"id"`
	WalletAddressURL string `json:"walletAddressUrl"`
	KeyID            string `json:"keyId,omitempty"`
}

// RegisterSeller is the body of POST /sellers. The same id again changes the seller for later payments.
type RegisterSeller struct {
	ID               string `json:"id"`
	WalletAddressURL string `json:"walletAddressUrl"`
	KeyID            string `json:"keyId,omitempty"`          // with PrivateKeyPath: the seller's own client key
	PrivateKeyPath   string `json:"privateKeyPath,omitempty"` // below the key folder of the payments service
}

// Registered is the answer to POST /sellers.
type Registered struct {
	OK bool   `json:"ok"`
	ID string `json:"id"`
}

// Sellers is the answer to GET /sellers.
type Sellers struct {
	Sellers []Seller `json:"sellers"`
}

// Start is the body of POST /offers/{offerId}/quotes/start.
type Start struct {
	SellerID              string `json:"sellerId"`
	BuyerWalletAddressURL string `json:"buyerWalletAddressUrl"`
	Amount                string `json:"amount"` // decimal text in major units of the seller's asset, "100.00"

	// IdempotencyKey, if there is one, makes it safe to send this again when the answer was lost: the same key with the same
	// start gets the same answer, for a day.
	IdempotencyKey string `json:"-"`
}

// Started is the answer to a start: what the buyer pays and the seller gets, exactly, and until when.
type Started struct {
	PendingID         string `json:"pendingId"`
	RedirectURL       string `json:"redirectUrl"` // the wallet's consent page
	PaymentURL        string `json:"paymentUrl"`  // the same
	IncomingPaymentID string `json:"incomingPaymentId"`
	QuoteID           string `json:"quoteId"`
	Amount            string `json:"amount"` // decimal text in major units, as asked
	AssetCode         string `json:"assetCode"`

	OfferID       string       `json:"offerId"`
	Status        string       `json:"status"`
	State         string       `json:"state"`
	AssetScale    uint8        `json:"assetScale"`
	DebitAmount   money.Amount `json:"debitAmount"`   // the most that leaves the buyer's wallet
	ReceiveAmount money.Amount `json:"receiveAmount"` // what reaches the seller's
	ExpiresAt     time.Time    `json:"expiresAt"`     // of the consent
}

// Payment is a payment as GET /payments/{pendingId}/status and the lists tell it.
type Payment struct {
	PendingID             string `json:"pendingId"`
	OfferID               string `json:"offerId"`
	Status                string `json:"status"`
	BuyerWalletAddressURL string `json:"buyerWalletAddressUrl"`
	IncomingPaymentID     string `json:"incomingPaymentId"`
	OutgoingPaymentID     string `json:"outgoingPaymentId"`
	QuoteID               string `json:"quoteId"`

	SellerID       string        `json:"sellerId"`
	State          string        `json:"state"`
	Reason         string        `json:"reason,omitempty"`  // of a failure: a stable word
	Message        string        `json:"message,omitempty"` // of a failure: a sentence for people
	RedirectURL    string        `json:"redirectUrl,omitempty"`
	Amount         *money.Amount `json:"amount,omitempty"`         // what the seller is to receive
	DebitAmount    *money.Amount `json:"debitAmount,omitempty"`    // the most that the buyer consented to
	ReceivedAmount *money.Amount `json:"receivedAmount,omitempty"` // as last seen at the seller's wallet
	OverpaidAmount *money.Amount `json:"overpaidAmount,omitempty"` // what of it is beyond the amount
	CreatedAt      time.Time     `json:"createdAt"`
	UpdatedAt      time.Time     `json:"updatedAt"`
	ExpiresAt      time.Time     `json:"expiresAt,omitzero"` // of the consent, while it is awaited
	PaidAt         time.Time     `json:"paidAt,omitzero"`
}

// Payments is the answer to GET /payments/pending and, with OfferID, to GET /offers/{offerId}/payments.
type Payments struct {
	OfferID  string    `json:"offerId,omitempty"`
	Payments []Payment `json:"payments"`
}

// Events is the answer to GET /payments/{pendingId}/events: a payment's story, in its order.
type Events struct {
	PendingID string  `json:"pendingId"`
	Events    []Event `json:"events"`
}

// Event is one line of the story: who did what, when, and why.
type Event struct {
	Number int64     `json:"number"` // counts the payment's events from 1; 0 for those from before they were numbered
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`  // marketplace, buyer, worker or operator
	From   string    `json:"from"`   // the state before; "" for the first event
	To     string    `json:"to"`     // the state after; the same for what happened within a state
	Reason string    `json:"reason"` // of a failure: a stable word
	Detail string    `json:"detail"` // for people
}

// Finish is the query of GET /payments/finish.
type Finish struct {
	PendingID   string
	InteractRef string
	Hash        string
	// Result is what the wallet sends in the place of a hash when there was no approval, such as "grant_rejected".
	Result string
	// PayersSession says that the caller has checked that this browser is the one that started the
	// payment (RFC 9635 section 11.24). Only then does a rejection count: it carries no hash, so anybody could send it.
	PayersSession bool
}

// PayersSessionHeader carries Finish.PayersSession as "true".
const PayersSessionHeader = "Payers-Session"

// Finished is the answer to a finish: how far the payment came within a bounded time.
type Finished struct {
	OK              bool            `json:"ok"`
	Status          string          `json:"status"`
	OutgoingPayment OutgoingPayment `json:"outgoingPayment"`

	PendingID string `json:"pendingId"`
	OfferID   string `json:"offerId"`
	State     string `json:"state"`
	Reason    string `json:"reason,omitempty"`
	Message   string `json:"message,omitempty"`

	PaidAt time.Time `json:"paidAt,omitzero"`
}

// OutgoingPayment is the payment at the buyer's wallet; its id is "" until there is one.
type OutgoingPayment struct {
	ID             string        `json:"id"`
	ReceiveAmount  *money.Amount `json:"receiveAmount,omitempty"`
	ReceivedAmount *money.Amount `json:"receivedAmount,omitempty"`
}

// RequestIncoming is the body of POST /api/payments/incoming.
type RequestIncoming struct {
	Amount      string `json:"amount"` // decimal text in major units
	Description string `json:"description"`
	SellerID    string `json:"sellerId"`

	// IdempotencyKey, if there is one, makes it safe to send this again when the answer was lost, for a day.
	IdempotencyKey string `json:"-"`
}

// Incoming is its answer.
type Incoming struct {
	Success   bool         `json:"success"`
	PaymentID string       `json:"paymentId"`
	PaymentId string       `json:"payment_id"` //nolint:revive,staticcheck // ST1003: the documented wire has both spellings
	Data      IncomingData `json:"data"`
}

// IncomingData is the incoming payment that was made at the seller's wallet.
type IncomingData struct {
	ID             string       `json:"id"`
	WalletAddress  string       `json:"walletAddress"`
	IncomingAmount money.Amount `json:"incomingAmount"`
	ReceivedAmount money.Amount `json:"receivedAmount"`
	Completed      bool         `json:"completed"`
	ExpiresAt      time.Time    `json:"expiresAt"`
	Description    string       `json:"description,omitempty"`
}

// RequestProfile is the body of POST /api/wallet/profile.
type RequestProfile struct {
	WalletAddressURL string `json:"walletAddressUrl"`
}

// Profile is its answer.
type Profile struct {
	Success bool   `json:"success"`
	Wallet  Wallet `json:"wallet"`
}

// Wallet is the public document of a wallet address.
type Wallet struct {
	ID             string `json:"id"`
	PublicName     string `json:"publicName,omitempty"`
	AssetCode      string `json:"assetCode"`
	AssetScale     uint8  `json:"assetScale"`
	AuthServer     string `json:"authServer"`
	ResourceServer string `json:"resourceServer"`
}
