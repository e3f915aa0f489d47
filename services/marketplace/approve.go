package marketplace

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"tianguis.example/payments/api"
	"tianguis.example/payments/money"
)

// approveStore is what approving needs of a store.
type approveStore interface {
	// JobToPay returns a job, whoever may pay it, with the payer and the worker, who is nobody before one is chosen. CodeNotFound without the job, or the payer.
	JobToPay(ctx context.Context, id JobID, payer UserID) (job Job, pays, worker User, err error)
	// CreateAttempt keeps the intent to pay; CodeWrongState when the job does not wait for it any more. The payments service is asked
	// about it, should nothing more be heard, from askAt on.
	CreateAttempt(ctx context.Context, a Attempt, askAt time.Time) error
	// SaveStarted keeps what the payments service answered. When the job has an attempt with this pendingID
	// already, that one is tied to a's session and a is replaced by it. The entry is given the job's state.
	// It returns CodeForeignPayment when the pendingID belongs to another job.
	SaveStarted(ctx context.Context, a Attempt, e Entry, askAt time.Time) error
	// CloseAttempt ends an attempt for which no payment was started, or one that nobody will be sent to.
	CloseAttempt(ctx context.Context, a Attempt) error
}

// approvePayments is what approving asks of the payments service.
type approvePayments interface {
	RegisterSeller(ctx context.Context, seller api.RegisterSeller) (api.Registered, error)
	Start(ctx context.Context, offerID string, start api.Start) (api.Started, error)
	OfferPayments(ctx context.Context, offerID string) (api.Payments, error)
}

// Approval is a funder's word that a job is to be paid.
type Approval struct {
	JobID                 JobID
	UserID                UserID
	SessionID             string // the browser's; only it may finish
	BuyerWalletAddressURL string // as typed
}

// firstAsk is how long after a start the payments service is asked what became of it. The buyer
// is at the wallet then, and the webhook or the finish usually come first.
const firstAsk = 15 * time.Second

// Payable returns the job and its worker when the user may approve and pay it now, and otherwise
// CodeNotFound, CodeForbidden, CodeWrongState, CodeAlreadyPaid or CodeWorkerUnpayable.
func (m *Market) Payable(ctx context.Context, id JobID, payer UserID) (Job, User, error) {
	job, user, worker, err := m.store.JobToPay(ctx, id, payer)
	if err != nil {
		return Job{}, User{}, fmt.Errorf("read the job to pay: %w", err)
	}
	return job, worker, checkPayable(user, job, worker)
}

// Approve starts the payment of a job, for ToConsent to show. Nothing is paid before the payer has consented at the wallet.
// Beside the codes of Payable it returns CodeInvalidWallet, CodePaymentInFlight, CodePaymentsDown, CodeBusy and CodePaymentsRefused.
// Approving again is safe: an offer has one live payment.
func (m *Market) Approve(ctx context.Context, a Approval) error {
	job, worker, err := m.Payable(ctx, a.JobID, a.UserID)
	if err != nil {
		return err
	}
	wallet, err := ParseWalletAddress(a.BuyerWalletAddressURL)
	if err != nil {
		return err
	}
	now := m.clock.Now()
	attempt := Attempt{
		ID: newID(now), JobID: job.ID, UserID: a.UserID, SessionID: a.SessionID,
		BuyerWalletAddressURL: wallet, State: AttemptStarting, CreatedAt: now, UpdatedAt: now,
	}
	// Not before the call below must have ended: who asks earlier would take it for lost.
	if err := m.store.CreateAttempt(ctx, attempt, now.Add(m.longest+firstAsk)); err != nil {
		return fmt.Errorf("keep the intent to pay: %w", err)
	}
	ctx, cancel := m.uncancelled(ctx)
	defer cancel()
	started, err := m.start(ctx, job, worker, attempt)
	if err != nil {
		return m.notStarted(ctx, job, attempt, err)
	}
	return m.started(ctx, job, attempt, started)
}

func (m *Market) start(ctx context.Context, job Job, worker User, attempt Attempt) (api.Started, error) {
	seller := m.sellerID
	if seller == "" {
		seller = "worker-" + worker.ID.String()
		// Each time: the worker may have changed wallets.
		if _, err := m.payments.RegisterSeller(ctx, api.RegisterSeller{ID: seller, WalletAddressURL: worker.WalletAddressURL}); err != nil {
			if said, ok := errors.AsType[*api.Error](err); ok && said.Code == api.CodeInvalidWallet {
				return api.Started{}, &Error{Code: CodeWorkerUnpayable, Message: "The worker's wallet address does not work. Ask them to correct it.", Err: err}
			}
			return api.Started{}, fmt.Errorf("register the seller: %w", err)
		}
	}
	started, err := m.payments.Start(ctx, job.ID.String(), api.Start{
		SellerID: seller, BuyerWalletAddressURL: attempt.BuyerWalletAddressURL, Amount: job.Budget.Decimal(),
		IdempotencyKey: attempt.ID,
	})
	if err != nil {
		return api.Started{}, fmt.Errorf("start the payment: %w", err)
	}
	return started, nil
}

// started checks what the payments service answered before a browser is sent there, and keeps it.
func (m *Market) started(ctx context.Context, job Job, attempt Attempt, started api.Started) error {
	if !isWebPage(started.RedirectURL) || !IsPendingID(started.PendingID) || started.OfferID != "" && started.OfferID != job.ID.String() {
		return m.notStarted(ctx, job, attempt, &api.Error{Code: api.CodeUnintelligible, Message: "a start that is not what was asked for"})
	}
	// The worker must get the budget in the budget's asset: a wallet of another currency would get
	// the same digits and another value.
	if got := started.ReceiveAmount; got.IsSet() && !covers(got, job.Budget) {
		attempt.PendingID = started.PendingID // so that the news of its end finds it
		err := fmt.Errorf("the wallet would receive %s, the budget is %s", got, job.Budget)
		return m.notStarted(ctx, job, attempt, &Error{
			Code:    CodeWorkerUnpayable,
			Message: "The worker's wallet does not take %s, in which this job is to be paid. Nothing was started at your wallet.",
			Args:    []any{job.Budget.AssetCode()},
			Err:     err,
		})
	}
	now := m.clock.Now()
	attempt.PendingID, attempt.State = started.PendingID, AttemptAwaiting
	attempt.Debit, attempt.Receive, attempt.RedirectURL = started.DebitAmount, started.ReceiveAmount, started.RedirectURL
	attempt.UpdatedAt = now
	if !started.ExpiresAt.IsZero() {
		attempt.ExpiresAt = started.ExpiresAt.UTC()
	}
	entry := Entry{At: now, By: attempt.UserID, Event: EventPaymentStarted, Detail: amountText(started.DebitAmount)}
	if err := m.store.SaveStarted(ctx, attempt, entry, now.Add(firstAsk)); err != nil {
		return fmt.Errorf("keep the started payment: %w", err)
	}
	m.log.InfoContext(ctx, "payment started", "job_id", job.ID.String(), "pending_id", attempt.PendingID, "attempt_id", attempt.ID)
	return nil
}

// isWebPage reports whether a browser can be sent to an address.
func isWebPage(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}

// covers reports whether an amount brings at least the budget, in the budget's asset; at whatever scale a wallet
// counts that. It may bring a little more: a wallet that changes money rounds in the receiver's favour.
func covers(got, budget money.Amount) bool {
	if got.AssetCode() != budget.AssetCode() {
		return false
	}
	want, err := money.ParseDecimal(budget.Decimal(), got.AssetCode(), got.AssetScale())
	if err != nil {
		return false // the wallet cannot even express it
	}
	compared, err := got.Compare(want)
	return err == nil && compared >= 0
}

func amountText(a money.Amount) string {
	if !a.IsSet() {
		return ""
	}
	return a.String()
}

// notStarted decides what an error of the payments service means for the attempt and for the payer.
func (m *Market) notStarted(ctx context.Context, job Job, attempt Attempt, err error) error {
	verdict := startVerdict(err)
	m.log.WarnContext(ctx, "payment not started", "job_id", job.ID.String(), "attempt_id", attempt.ID, "code", string(verdict.Code), "error", err)
	if verdict.Code == CodeAlreadyPaid {
		m.learnPaid(ctx, job.ID)
	}
	if mayHaveStarted(err) {
		return verdict // the attempt stays open, and is asked about
	}
	attempt.State, attempt.Reason, attempt.Message, attempt.UpdatedAt = AttemptFailed, string(verdict.Code), verdict.Sentence(), m.clock.Now()
	if err := m.store.CloseAttempt(ctx, attempt); err != nil {
		return fmt.Errorf("close the attempt: %w", err)
	}
	return verdict
}

// codeKeyBusy is the payments service's word for a start that is still in hand under the attempt's Idempotency-Key, or was
// until its process died: what became of it is not known yet.
const codeKeyBusy = "idempotency_key_in_use"

// mayHaveStarted reports whether an error leaves open what became of the start: no answer came, or one of whoever stands
// between us and the payments service, or the answer that an earlier try is not over. Who is sent away at the door of the
// payments service has started nothing, unless with an earlier try that was not heard of.
func mayHaveStarted(err error) bool {
	said, ok := errors.AsType[*api.Error](err)
	if !ok {
		return false
	}
	if said.Code == api.CodeBusy || said.Code == api.CodeTooMany {
		return said.Unheard
	}
	return said.Code == api.CodeUnreachable || said.Code == codeKeyBusy || said.Code == api.CodeUnintelligible && said.Status >= 500
}

func startVerdict(err error) *Error {
	if ours, ok := errors.AsType[*Error](err); ok {
		return ours
	}
	said, ok := errors.AsType[*api.Error](err)
	if !ok {
		return &Error{Code: CodePaymentsDown, Message: "The payment could not be started. Nothing was paid. Try again in a moment.", Err: err}
	}
	switch said.Code {
	case api.CodeInvalidWallet:
		return &Error{Code: CodeInvalidWallet, Message: "No wallet answers at this address. Check it, then try again.", Err: err}
	case api.CodeAlreadyPaid:
		return &Error{Code: CodeAlreadyPaid, Message: "This job is paid already.", Err: err}
	case api.CodeInProgress:
		return &Error{Code: CodePaymentInFlight, Message: "A payment for this job is on its way already. Wait until its end is known.", Err: err}
	case api.CodeWalletDown:
		return &Error{Code: CodePaymentsDown, Message: "The wallet does not answer. Nothing was paid. Try again in a moment.", Err: err}
	case api.CodeBusy:
		return Busy(said.RetryAfter, err)
	case api.CodeWalletRefused:
		return &Error{Code: CodePaymentsRefused, Message: "The wallet refused to prepare this payment. Nothing was paid. Check the wallet address, or ask your wallet.", Err: err}
	}
	if said.Status >= 500 || said.Code == api.CodeTooMany || mayHaveStarted(err) {
		return &Error{Code: CodePaymentsDown, Message: "Payments cannot be started right now. Nothing was paid. Try again in a moment.", Err: err}
	}
	return &Error{Code: CodePaymentsRefused, Message: "The payment could not be started. Nothing was paid.", Err: err}
}

// Busy is what a payer is told of a payment that was not begun, since many people are paying.
func Busy(retryAfter time.Duration, cause error) *Error {
	return &Error{Code: CodeBusy, Message: "Many people are paying at the moment. Nothing was paid. Try again in a moment.", RetryAfter: retryAfter, Err: cause}
}

// learnPaid asks for the payment of a job of which the payments service says that it is paid. What
// goes wrong is logged, and left to the poll.
func (m *Market) learnPaid(ctx context.Context, id JobID) {
	answer, err := m.payments.OfferPayments(ctx, id.String())
	if err != nil {
		m.log.WarnContext(ctx, "ask for the payments of a paid job", "job_id", id.String(), "error", err)
		return
	}
	for _, p := range answer.Payments {
		if p.Status != api.StatusPaid || p.OfferID != id.String() {
			continue
		}
		if _, err := m.Paid(ctx, newsOf(p, SourceAsked)); err != nil {
			m.log.ErrorContext(ctx, "apply the payment of a paid job", "job_id", id.String(), "pending_id", p.PendingID, "error", err)
		}
		return
	}
}
