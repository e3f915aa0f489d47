package openpayments

import (
	"time"

	"tianguis.example/payments/money"
)

// WalletAddress is the public document behind a wallet address URL.
// AuthServer and ResourceServer may carry a path (a tenant) and are used
// verbatim (traces/01-happy.json).
type WalletAddress struct {
	ID             string `json:"id"`
	PublicName     string `json:"publicName,omitempty"`
	AssetCode      string `json:"assetCode"`
	AssetScale     uint8  `json:"assetScale"`
	AuthServer     string `json:"authServer"`
	ResourceServer string `json:"resourceServer"`
	// KeepFor is how long its wallet lets it be kept (Cache-Control, RFC 9111 section 5.2.2): zero when it does not say, negative for not at all.
	KeepFor time.Duration `json:"-"`
}

// AccessType is what kind of resource an access item is about.
type AccessType string

// The resource kinds of Open Payments.
const (
	AccessIncomingPayment AccessType = "incoming-payment"
	AccessQuote           AccessType = "quote"
	AccessOutgoingPayment AccessType = "outgoing-payment"
)

// Action is what an access item allows.
type Action string

// The actions of Open Payments.
const (
	ActionCreate   Action = "create"
	ActionRead     Action = "read"
	ActionReadAll  Action = "read-all"
	ActionList     Action = "list"
	ActionListAll  Action = "list-all"
	ActionComplete Action = "complete"
)

// Limits bound what an outgoing-payment grant may spend. DebitAmount with
// Receiver is the pair that a wallet enforces wholly: ReceiveAmount, or Receiver
// alone, leaves the debit unlimited (traces/05-02-receiver-limit.json).
type Limits struct {
	Receiver      string        `json:"receiver,omitempty"`
	DebitAmount   *money.Amount `json:"debitAmount,omitempty"`
	ReceiveAmount *money.Amount `json:"receiveAmount,omitempty"`
	Interval      string        `json:"interval,omitempty"`
}

// Access is one item of a grant request, and of the token that is granted.
type Access struct {
	Type       AccessType `json:"type"`
	Actions    []Action   `json:"actions"`
	Identifier string     `json:"identifier,omitempty"`
	Limits     *Limits    `json:"limits,omitempty"`
}

// Interact asks for a person's consent (RFC 9635 section 2.5). FinishURI is where the
// wallet sends the browser back to; Nonce is the client's, 256 random bits, and
// appears in no URL.
type Interact struct {
	FinishURI string
	Nonce     string
}

// Interaction is what the auth server answers to Interact: where the browser goes,
// and its own nonce for the finish hash.
type Interaction struct {
	Redirect string
	Finish   string
}

// Continuation is how a grant is continued or cancelled. Wait is how long the
// client must wait before it continues; zero when the server names none.
type Continuation struct {
	URI         string
	AccessToken string
	Wait        time.Duration
}

// AccessToken is a GNAP access token. ManageURI rotates and revokes it.
// ExpiresIn is zero when the server names no lifetime.
type AccessToken struct {
	Value     string
	ManageURI string
	ExpiresIn time.Duration
	Access    []Access
}

// Grant is an auth server's answer to a grant request or a continuation: exactly one
// of Interaction (a person must consent), AccessToken (granted), or neither (pending:
// continue again after Continue.Wait).
type Grant struct {
	Interaction *Interaction
	AccessToken *AccessToken
	Continue    *Continuation
}

// IncomingPayment is what a seller is to receive. IncomingAmount is nil for an open one.
// Metadata holds what is text of it, here and in an OutgoingPayment; a failed outgoing
// payment says why under cancellationReason (traces/05-10-late-approval.json).
type IncomingPayment struct {
	ID             string            `json:"id"`
	WalletAddress  string            `json:"walletAddress"`
	Completed      bool              `json:"completed"`
	IncomingAmount *money.Amount     `json:"incomingAmount,omitempty"`
	ReceivedAmount money.Amount      `json:"receivedAmount"`
	ExpiresAt      time.Time         `json:"expiresAt,omitzero"`
	CreatedAt      time.Time         `json:"createdAt,omitzero"`
	Metadata       map[string]string `json:"metadata,omitempty"`
}

// PublicIncomingPayment is what anybody may read of an incoming payment, without a token.
type PublicIncomingPayment struct {
	ReceivedAmount money.Amount `json:"receivedAmount"`
	AuthServer     string       `json:"authServer"`
}

// Quote is a wallet's promise of what a payment will cost until ExpiresAt.
type Quote struct {
	ID            string       `json:"id"`
	WalletAddress string       `json:"walletAddress"`
	Receiver      string       `json:"receiver"`
	Method        string       `json:"method"`
	DebitAmount   money.Amount `json:"debitAmount"`
	ReceiveAmount money.Amount `json:"receiveAmount"`
	ExpiresAt     time.Time    `json:"expiresAt,omitzero"`
	CreatedAt     time.Time    `json:"createdAt,omitzero"`
}

// OutgoingPayment is money on its way from the buyer's wallet.
type OutgoingPayment struct {
	ID            string            `json:"id"`
	WalletAddress string            `json:"walletAddress"`
	QuoteID       string            `json:"quoteId,omitempty"`
	Receiver      string            `json:"receiver"`
	Failed        bool              `json:"failed"`
	DebitAmount   money.Amount      `json:"debitAmount"`
	ReceiveAmount money.Amount      `json:"receiveAmount"`
	SentAmount    money.Amount      `json:"sentAmount"`
	CreatedAt     time.Time         `json:"createdAt,omitzero"`
	Metadata      map[string]string `json:"metadata,omitempty"`
}

// SpentAmounts is what has been spent under an outgoing-payment grant.
type SpentAmounts struct {
	SpentDebitAmount   *money.Amount `json:"spentDebitAmount,omitempty"`
	SpentReceiveAmount *money.Amount `json:"spentReceiveAmount,omitempty"`
}

// Page is one page of a list.
type Page[T any] struct {
	Result     []T        `json:"result"`
	Pagination Pagination `json:"pagination"`
}

// Pagination is where a page of a list stands.
type Pagination struct {
	StartCursor     string `json:"startCursor,omitempty"`
	EndCursor       string `json:"endCursor,omitempty"`
	HasNextPage     bool   `json:"hasNextPage"`
	HasPreviousPage bool   `json:"hasPreviousPage"`
}

// The parameters of the calls, named as in open-payments-go.
type (
	// WalletAddressGetParams names a wallet address.
	WalletAddressGetParams struct{ URL string }
	// WalletAddressGetKeysParams names a wallet address whose published keys are wanted.
	WalletAddressGetKeysParams struct{ URL string }

	// GrantRequestParams asks the auth server at URL for Access. With Interact set the
	// grant needs a person's consent.
	GrantRequestParams struct {
		URL      string
		Access   []Access
		Interact *Interact
	}
	// GrantContinueParams continues a grant; InteractRef comes from the finish redirect.
	GrantContinueParams struct {
		URL         string
		AccessToken string
		InteractRef string
	}
	// GrantCancelParams cancels a grant (DELETE continue.uri).
	GrantCancelParams struct {
		URL         string
		AccessToken string
	}
	// TokenRotateParams rotates a token at its manage URL.
	TokenRotateParams struct {
		URL         string
		AccessToken string
	}
	// TokenRevokeParams revokes a token at its manage URL.
	TokenRevokeParams struct {
		URL         string
		AccessToken string
	}

	// IncomingPaymentCreateParams creates an incoming payment at the resource server BaseURL.
	IncomingPaymentCreateParams struct {
		BaseURL        string
		AccessToken    string
		WalletAddress  string
		IncomingAmount *money.Amount
		ExpiresAt      time.Time
		Metadata       map[string]string
	}
	// IncomingPaymentGetParams reads one with a token.
	IncomingPaymentGetParams struct {
		URL         string
		AccessToken string
	}
	// IncomingPaymentGetPublicParams reads one without a token.
	IncomingPaymentGetPublicParams struct{ URL string }
	// IncomingPaymentCompleteParams says that no more money is expected.
	IncomingPaymentCompleteParams struct {
		URL         string
		AccessToken string
	}
	// ListParams pages through the payments of a wallet address at the resource server BaseURL.
	// First pages forward from Cursor, Last backward; at most one is set.
	ListParams struct {
		BaseURL       string
		AccessToken   string
		WalletAddress string
		Cursor        string
		First         int
		Last          int
	}

	// QuoteCreateParams asks what paying Receiver (an incoming payment's URL) costs.
	// Method defaults to "ilp".
	QuoteCreateParams struct {
		BaseURL       string
		AccessToken   string
		WalletAddress string
		Receiver      string
		Method        string
	}
	// QuoteGetParams reads a quote.
	QuoteGetParams struct {
		URL         string
		AccessToken string
	}

	// OutgoingPaymentCreateParams pays a quote. There is no way to pay without one: its UUID is
	// what makes a repeated POST harmless (traces/02-e-outgoing-same-quote-twice.json).
	OutgoingPaymentCreateParams struct {
		BaseURL       string
		AccessToken   string
		WalletAddress string
		QuoteID       string
		Metadata      map[string]string
	}
	// OutgoingPaymentGetParams reads an outgoing payment.
	OutgoingPaymentGetParams struct {
		URL         string
		AccessToken string
	}
	// OutgoingPaymentGrantGetParams asks the resource server BaseURL what was spent under the token's grant.
	OutgoingPaymentGrantGetParams struct {
		BaseURL     string
		AccessToken string
	}
)
