package payments

import (
	"log/slog"
	"time"

	"github.com/oklog/ulid/v2"

	"tianguis.example/chassis/logging"
	"tianguis.example/payments/money"
)

// PaymentID is a ULID: on the wire, the pendingId.
type PaymentID string

// ParsePaymentID reads an id that came from outside. Anything but a ULID is CodeNotFound: there
// is no payment under it.
func ParsePaymentID(text string) (PaymentID, error) {
	id, err := ulid.ParseStrict(text)
	if err != nil || id.String() != text {
		return "", Errorf(CodeNotFound, "there is no payment with this pendingId")
	}
	return PaymentID(text), nil
}

// Payment is one attempt to have an offer paid. It changes through Change values only.
type Payment struct {
	ID       PaymentID
	OfferID  string // what is paid for, in the marketplace's words
	SellerID string
	Version  int64 // counts the changes; a change of an older version is refused (ErrStale)

	State   State
	Reason  Reason    // why it failed
	Message string    // the same, as a sentence for people
	Ending  Reason    // an intent: the consent is being cancelled at the wallet, then it fails for this reason
	Since   time.Time // when it came into this state

	Amount                money.Amount // what the seller is to receive
	BuyerWalletAddressURL string       // as the buyer gave it
	Seller, Buyer         Party        // as their wallets said at the start; never looked up again
	Client                Client       // who signs; as the seller was registered at the start

	IncomingPaymentID string // at the seller's wallet
	QuoteID           string // at the buyer's wallet: the one that is, or is to be, paid
	Quotes            int    // how many quotes there have been
	DebitAmount       money.Amount
	Consent           Consent
	Token             Token
	AskedAt           time.Time    // when the buyer's wallet was last asked to pay, and may have done so; up to a minute before that, for it is not written down each time
	askedBefore       time.Time    // AskedAt before it was asked again; not stored
	OutgoingPaymentID string       // at the buyer's wallet
	ReceivedAmount    money.Amount // as last seen at the seller's wallet; not set until it was asked

	// NextStepAt is when a worker takes the payment up. Whoever works on it keeps this in
	// the future, which is the lease: when that process dies, the time comes. Zero once it has ended.
	// A payment that has ended is looked at for a while too: money may come late, or come again.
	NextStepAt time.Time
	Tries      int // how often the next step was put off

	Trace string // the span that it began with, as StartRequest has it

	CreatedAt, UpdatedAt time.Time
	ApprovedAt           time.Time // when the buyer came back with a finish that was verified; zero until then
	PaidAt               time.Time // zero until it is paid
}

// Overpaid is what the seller received beyond the amount; not set when that is nothing. Across currencies a few units are normal; two
// wallets that raced can double the amount (traces/05-12-double.json).
func (p Payment) Overpaid() money.Amount {
	over, err := p.ReceivedAmount.Sub(p.Amount)
	if err != nil || over.IsZero() {
		return money.Amount{}
	}
	return over
}

// Standing is how many payments are in a state, and since when the first of them has been.
type Standing struct {
	State    State
	Payments int
	Oldest   time.Time // zero without one
}

// Client is the client identity that a payment's grants belong to: the seller's own key, or none for the platform's.
type Client struct {
	WalletAddress  string
	KeyID          string
	PrivateKeyPath string
}

// Party is the wallet of a buyer or a seller. What its document said when the payment
// started is what counts for the payment's whole life.
type Party struct {
	WalletAddress  string
	AuthServer     string // the grant endpoint of the finish hash too, character for character
	ResourceServer string
}

// Consent is what the buyer is asked for at the wallet, and how it is recognised.
type Consent struct {
	RedirectURL      string         // where the buyer consents
	ClientNonce      logging.Secret // ours, 256 random bits; appears in no URL (RFC 9635 section 4.2.3)
	InteractNonce    string         // the auth server's
	ContinueURI      string
	ContinueToken    logging.Secret
	ContinueNotUntil time.Time // asking earlier is too_fast
	ExpiresAt        time.Time
	InteractRef      logging.Secret // from the finish that was verified
}

// Token is the access token of the outgoing payment.
type Token struct {
	Value     logging.Secret
	ManageURI string
	ExpiresAt time.Time // zero when the wallet named none, or one so soon that the token is rotated only once the wallet refuses it
}

// dying reports whether the token should be rotated before it is used again.
func (t Token) dying(now time.Time) bool {
	return t.Value != "" && !t.ExpiresAt.IsZero() && t.ExpiresAt.Sub(now) < tokenMargin
}

// tokenMargin is how long before its end a token is rotated: longer than the calls that still need it.
const tokenMargin = time.Minute

// LogValue names what tells one payment from another, and nothing that is secret.
func (p Payment) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("pending_id", string(p.ID)), slog.String("offer_id", p.OfferID),
		slog.String("seller_id", p.SellerID), slog.String("state", string(p.State)),
	}
	if p.Reason != "" {
		attrs = append(attrs, slog.String("reason", string(p.Reason)))
	}
	return slog.GroupValue(attrs...)
}

// fills reports whether received is the whole amount. More is too: across currencies a few units more
// are normal (traces/05-07-cross-currency.json).
func fills(received, amount money.Amount) bool {
	compared, err := received.Compare(amount)
	return err == nil && compared >= 0
}
