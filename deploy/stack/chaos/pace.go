package chaos

import "time"

// Pace is how fast everything goes: short waits let a run meet in minutes what takes hours elsewhere.
type Pace struct {
	Think  time.Duration // a buyer's pauses, at most
	Wallet time.Duration // the longest wallet call
	Finish time.Duration // how long a return waits for the money
	Lease  time.Duration // of a payment; a frozen process sleeps longer
	Quote  time.Duration // life of a quote
	// Consent is how long a buyer may take to approve.
	Consent time.Duration
	// Trouble is the longest time between two blows to one process; Postgres gets one in four times that.
	Trouble time.Duration
	// Settle is how long everything may take to end when the trouble is over.
	Settle time.Duration
	// Token is the life of an access token; zero is the sandbox's own, in which nothing of a run is rotated.
	Token time.Duration
	// Reconcile is how often payments are compared with the wallets; zero is the service's own.
	Reconcile time.Duration
}

// WithShortTokens is the same pace with a wallet whose tokens die so soon that many are rotated. A payment of which both the
// token and the answer to the outgoing payment are lost ends only when no money can come any more, a quarter of an hour
// later: so everything has more time to end.
func (p Pace) WithShortTokens() Pace {
	p.Token, p.Settle = p.Finish, 25*time.Minute
	return p
}

// The two paces. Brisk is for some buyers on a quiet machine; Steady leaves room for many on a busy one.
var (
	Brisk = Pace{
		Think: 800 * time.Millisecond, Wallet: time.Second, Finish: time.Second, Lease: 4 * time.Second, Quote: 5 * time.Second,
		Consent: 10 * time.Second, Trouble: 10 * time.Second, Settle: 3 * time.Minute,
	}
	Steady = Pace{
		Think: 2 * time.Second, Wallet: 3 * time.Second, Finish: 2 * time.Second, Lease: 10 * time.Second, Quote: 8 * time.Second,
		Consent: 20 * time.Second, Trouble: 12 * time.Second, Settle: 6 * time.Minute,
	}
)

// environment are the services' variables at this pace.
func (p Pace) payments() map[string]string {
	env := map[string]string{
		"WALLET_TIMEOUT": p.Wallet.String(), "FINISH_WAIT": p.Finish.String(), "PAYMENT_LEASE": p.Lease.String(),
		"CONSENT_LIFETIME": p.Consent.String(), "POLL_INTERVAL": "100ms", "PAYMENT_WORKERS": "16",
	}
	if p.Reconcile > 0 {
		env["RECONCILE_INTERVAL"] = p.Reconcile.String()
	}
	return env
}

func (p Pace) marketplace() map[string]string {
	return map[string]string{
		"PAYMENTS_TIMEOUT": (2 * p.Lease).String(), "PAYMENTS_POLL_INTERVAL": "200ms", "PAYMENTS_POLL_WORKERS": "8",
	}
}

func (p Pace) sandbox() map[string]string {
	env := map[string]string{
		"SANDBOX_STATE":         "", // it is not killed: its ledger is the truth
		"SANDBOX_CONTINUE_WAIT": "1s", "SANDBOX_SETTLE_DELAY": "100ms", "SANDBOX_COMPLETE_LAG": "50ms",
		"SANDBOX_QUOTE_TTL": p.Quote.String(), "SANDBOX_INTERACTION_TTL": p.Consent.String(),
		"SANDBOX_LOG_LEVEL": "warn",
	}
	if p.Token > 0 {
		env["SANDBOX_TOKEN_TTL"] = p.Token.String()
	}
	return env
}
