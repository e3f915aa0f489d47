package marketplace

import (
	"context"
	"math/big"
	"net/url"

	"tianguis.example/payments/money"
)

// Consent is what a payer is shown before they leave for the wallet, to consent there.
type Consent struct {
	Job     Job
	Worker  User
	Attempt Attempt
}

// consentStore is what the way to the wallet needs of a store.
type consentStore interface {
	// AttemptToConsent is the job's attempt that this session is to consent to at the wallet; CodeNotFound when there is none.
	AttemptToConsent(ctx context.Context, id JobID, sessionID string) (Attempt, error)
}

// ToConsent is the payment that this session has started and is to consent to. Beside the codes of Payable it returns CodeNoConsent when there
// is none, or when its time is over.
func (m *Market) ToConsent(ctx context.Context, id JobID, payer UserID, sessionID string) (Consent, error) {
	job, worker, err := m.Payable(ctx, id, payer)
	if err != nil {
		return Consent{}, err
	}
	attempt, err := m.store.AttemptToConsent(ctx, id, sessionID)
	if CodeOf(err) == CodeNotFound || err == nil && attempt.Lapsed(m.clock.Now()) {
		return Consent{}, &Error{Code: CodeNoConsent, Message: "No payment of this job waits for this browser."}
	}
	if err != nil {
		return Consent{}, err
	}
	return Consent{job, worker, attempt}, nil
}

// Receive is what reaches the worker: as the wallets said, or else the budget.
func (c Consent) Receive() money.Amount {
	if c.Attempt.Receive.IsSet() {
		return c.Attempt.Receive
	}
	return c.Job.Budget
}

// WalletHost is where the payer is sent.
func (c Consent) WalletHost() string {
	u, err := url.Parse(c.Attempt.RedirectURL)
	if err != nil {
		return ""
	}
	return u.Host
}

// rateScale is how many decimals of an exchange rate are shown.
const rateScale = 4

// Rate is what one unit of the payer's currency brings the worker, all fees included, rounded to four decimals; not set when both have the same
// currency, or the debit is not known.
func (c Consent) Rate() money.Amount {
	debit, receive := c.Attempt.Debit, c.Receive()
	if !debit.IsSet() || debit.IsZero() || debit.AssetCode() == receive.AssetCode() {
		return money.Amount{}
	}
	from, ok := new(big.Rat).SetString(debit.Decimal())
	to, also := new(big.Rat).SetString(receive.Decimal())
	if !ok || !also {
		return money.Amount{}
	}
	rate, err := money.ParseDecimal(new(big.Rat).Quo(to, from).FloatString(rateScale), receive.AssetCode(), rateScale)
	if err != nil {
		return money.Amount{} // too small to be shown
	}
	return rate
}
