package control

import (
	"fmt"
	"time"

	"tianguis.example/sandbox"
)

// These are the bank's own types, which are their own wire.
type (
	// JWK is a public Ed25519 key.
	JWK = sandbox.JWK
	// Ledger is the books of the wallet, with the check that money is conserved.
	Ledger = sandbox.Ledger
	// Entry is one transfer in the ledger.
	Entry = sandbox.Entry
	// Rate is the price of a major unit, as a fraction of a common unit.
	Rate = sandbox.Rate
	// Request is one thing that was asked of the wallet.
	Request = sandbox.Request
	// FaultKind is what goes wrong.
	FaultKind = sandbox.FaultKind
)

// The kinds of fault; package sandbox says what each does.
const (
	Latency     = sandbox.Latency
	ErrorStatus = sandbox.ErrorStatus
	Hang        = sandbox.Hang
	DropBefore  = sandbox.DropBefore
	DropAfter   = sandbox.DropAfter
	Decline     = sandbox.Decline
	FailPayment = sandbox.FailPayment
	Overpay     = sandbox.Overpay
)

// Wallet is a wallet address with what is in it.
type Wallet struct {
	Name          string `json:"name"`
	WalletAddress string `json:"walletAddress,omitempty"` // set by the sandbox
	PublicName    string `json:"publicName,omitempty"`    // the name, if empty
	Tenant        string `json:"tenant,omitempty"`        // the first, if empty
	AssetCode     string `json:"assetCode"`
	AssetScale    uint8  `json:"assetScale"`
	Balance       int64  `json:"balance,string"` // minor units
	Keys          []JWK  `json:"keys,omitempty"`
}

// Duration is a length of time that JSON has as text: "300ms", "5s".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is no length of time such as 300ms or 5s", text)
	}
	*d = Duration(parsed)
	return nil
}

// For returns a pointer to d, for the fields of Lifetimes.
func For(d time.Duration) *Duration { return (*Duration)(&d) }

// Lifetimes are how long things live, and how slow the wallet is. To set them, give
// those that are to change.
type Lifetimes struct {
	Token        *Duration `json:"token,omitempty"`
	Quote        *Duration `json:"quote,omitempty"`
	Interaction  *Duration `json:"interaction,omitempty"`
	ContinueWait *Duration `json:"continueWait,omitempty"`
	Settle       *Duration `json:"settle,omitempty"`
	Complete     *Duration `json:"complete,omitempty"`
}

func lifetimesOf(l sandbox.Lifetimes) Lifetimes {
	return Lifetimes{For(l.Token), For(l.Quote), For(l.Interaction), For(l.ContinueWait), For(l.Settle), For(l.Complete)}
}

func (l Lifetimes) over(now sandbox.Lifetimes) sandbox.Lifetimes {
	for _, f := range []struct {
		from *Duration
		to   *time.Duration
	}{
		{l.Token, &now.Token}, {l.Quote, &now.Quote}, {l.Interaction, &now.Interaction},
		{l.ContinueWait, &now.ContinueWait}, {l.Settle, &now.Settle}, {l.Complete, &now.Complete},
	} {
		if f.from != nil {
			*f.to = time.Duration(*f.from)
		}
	}
	return now
}

// Fault is one thing that is to go wrong. Empty conditions match everything.
type Fault struct {
	ID        string    `json:"id,omitempty"` // set by the sandbox
	Kind      FaultKind `json:"kind"`
	Operation string    `json:"operation,omitempty"` // e.g. "outgoing-payment.create"; a trailing * matches the rest
	Method    string    `json:"method,omitempty"`
	Path      string    `json:"path,omitempty"`    // a regular expression
	Body      string    `json:"body,omitempty"`    // text that the request's body must contain
	Count     int       `json:"count,omitempty"`   // how often; 0 is until cleared
	Skip      int       `json:"skip,omitempty"`    // how many matches to let pass first
	Latency   Duration  `json:"latency,omitempty"` // for Latency
	Status    int       `json:"status,omitempty"`  // for ErrorStatus
	Reason    string    `json:"reason,omitempty"`  // for FailPayment
}

// Clock is the wallet's time. Only a held clock can be advanced.
type Clock struct {
	Now  time.Time `json:"now"`
	Held bool      `json:"held"`
}

type advance struct {
	Advance Duration `json:"advance"`
}

type walletList struct {
	Wallets []Wallet `json:"wallets"`
}

type faultList struct {
	Faults []Fault `json:"faults"`
}

type requestList struct {
	Requests []Request `json:"requests"`
}

type rateList struct {
	Rates       map[string]Rate `json:"rates,omitempty"`
	SlippagePPM *int64          `json:"slippagePPM,omitempty"`
}

// problem is the answer to what cannot be done.
type problem struct {
	Error string `json:"error"`
}
