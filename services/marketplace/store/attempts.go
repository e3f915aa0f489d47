package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"tianguis.example/chassis/database"
	"tianguis.example/marketplace"
	"tianguis.example/payments/money"
)

type attemptRow struct {
	ID                    string
	JobID                 int64
	UserID                *int64
	SessionID             string
	PendingID             string
	BuyerWalletAddressURL string
	State                 string
	Reason                string
	Message               string
	OutgoingPaymentID     string
	DebitValue            int64
	DebitAssetCode        string
	DebitAssetScale       uint8
	ExpiresAt             *time.Time
	OverpaidValue         int64
	OverpaidAssetCode     string
	OverpaidAssetScale    uint8
	RedirectURL           string
	ReceiveValue          int64
	ReceiveAssetCode      string
	ReceiveAssetScale     uint8
	PaidAt                *time.Time
	ReceivedValue         int64
	ReceivedAssetCode     string
	ReceivedAssetScale    uint8
	Polls                 int
	CreatedAt             time.Time
	UpdatedAt             time.Time
}

const attemptColumns = `id, job_id, user_id, session_id, pending_id, buyer_wallet_address_url, state, reason, message, outgoing_payment_id,
	debit_value, debit_asset_code, debit_asset_scale, expires_at, overpaid_value, overpaid_asset_code, overpaid_asset_scale,
	redirect_url, receive_value, receive_asset_code, receive_asset_scale, paid_at, received_value, received_asset_code, received_asset_scale, polls, created_at, updated_at`

// openStates are those of marketplace.AttemptState.Open.
const openStates = "('starting', 'awaiting', 'confirming')"

func (r attemptRow) attempt() (marketplace.Attempt, error) {
	a := marketplace.Attempt{
		ID: r.ID, JobID: marketplace.JobID(r.JobID), SessionID: r.SessionID, PendingID: r.PendingID,
		BuyerWalletAddressURL: r.BuyerWalletAddressURL, State: marketplace.AttemptState(r.State), Reason: r.Reason, Message: r.Message,
		OutgoingPaymentID: r.OutgoingPaymentID, RedirectURL: r.RedirectURL, Polls: r.Polls, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
	if r.UserID != nil {
		a.UserID = marketplace.UserID(*r.UserID)
	}
	if r.ExpiresAt != nil {
		a.ExpiresAt = r.ExpiresAt.UTC()
	}
	var err error
	if a.Debit, err = amountOrNone(r.DebitValue, r.DebitAssetCode, r.DebitAssetScale); err != nil {
		return a, fmt.Errorf("the debit of attempt %s: %w", r.ID, err)
	}
	if r.PaidAt != nil {
		a.PaidAt = r.PaidAt.UTC()
	}
	if a.Received, err = amountOrNone(r.ReceivedValue, r.ReceivedAssetCode, r.ReceivedAssetScale); err != nil {
		return a, fmt.Errorf("what attempt %s has brought: %w", r.ID, err)
	}
	if a.Receive, err = amountOrNone(r.ReceiveValue, r.ReceiveAssetCode, r.ReceiveAssetScale); err != nil {
		return a, fmt.Errorf("what attempt %s brings: %w", r.ID, err)
	}
	if a.Overpaid, err = amountOrNone(r.OverpaidValue, r.OverpaidAssetCode, r.OverpaidAssetScale); err != nil {
		return a, fmt.Errorf("what was overpaid by attempt %s: %w", r.ID, err)
	}
	return a, nil
}

func amountOrNone(value int64, assetCode string, assetScale uint8) (money.Amount, error) {
	if assetCode == "" {
		return money.Amount{}, nil
	}
	return money.New(value, assetCode, assetScale)
}

func timeOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// JobToPay returns a job for the rules, with a payer and with its worker; CodeNotFound without the job, or the payer.
func (s *Store) JobToPay(ctx context.Context, id marketplace.JobID, payer marketplace.UserID) (job marketplace.Job, pays, worker marketplace.User, err error) {
	var row struct {
		Job    jobRow  `gorm:"embedded"`
		Payer  userRow `gorm:"embedded;embeddedPrefix:payer_"`
		Worker userRow `gorm:"embedded;embeddedPrefix:chosen_"` // worker_id is the job's
	}
	found, err := one(s.db.Read(ctx), &row, "SELECT "+jobColumns+", "+renamed(userColumns, "p", "payer_")+", "+renamed(userColumns, "w", "chosen_")+
		" FROM jobs j JOIN users p ON p.id = ? LEFT JOIN users w ON w.id = j.worker_id WHERE j.id = ?", int64(payer), int64(id))
	if err != nil {
		return marketplace.Job{}, marketplace.User{}, marketplace.User{}, err
	}
	if !found {
		return marketplace.Job{}, marketplace.User{}, marketplace.User{}, marketplace.NotFound("There is no such job.")
	}
	if row.Job.WorkerID != nil {
		worker = row.Worker.user()
	}
	job, err = row.Job.job()
	return job, row.Payer.user(), worker, err
}

// CreateAttempt keeps the intent to pay a job; CodeWrongState when the job does not wait to be paid any more.
func (s *Store) CreateAttempt(ctx context.Context, a marketplace.Attempt, askAt time.Time) error {
	// The version keeps whoever ends the job just now apart: either they find the attempt, or it finds the job ended.
	const raise = "UPDATE jobs SET version = version + 1 WHERE id = ? AND state = ?"
	raised := []any{int64(a.JobID), string(marketplace.Reviewing)}
	values := insertedAttempt(a, askAt)
	if s.db.Dialect() == database.Postgres { // in one statement; SQLite has no WITH that writes
		return s.db.Write(ctx, func(tx *gorm.DB) error {
			return orNotToPay(tx.Exec("WITH raised AS ("+raise+" RETURNING id) INSERT INTO "+attemptsInserted+" SELECT ?"+strings.Repeat(", ?", len(values)-1)+" FROM raised",
				slices.Concat(raised, values)...))
		})
	}
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		if err := orNotToPay(tx.Exec(raise, raised...)); err != nil {
			return err
		}
		return insertAttempt(tx, a, askAt)
	})
}

// orNotToPay is the error of a statement that changes nothing unless the job waits to be paid.
func orNotToPay(done *gorm.DB) error {
	if done.Error == nil && done.RowsAffected == 0 {
		return &marketplace.Error{Code: marketplace.CodeWrongState, Message: "This job does not wait to be paid any more."}
	}
	return done.Error
}

func insertAttempt(tx *gorm.DB, a marketplace.Attempt, askAt time.Time) error {
	return insertRows(tx, attemptsInserted, [][]any{insertedAttempt(a, askAt)})
}

const attemptsInserted = `payment_attempts (id, job_id, user_id, session_id, pending_id, buyer_wallet_address_url, state, reason,
	message, outgoing_payment_id, debit_value, debit_asset_code, debit_asset_scale, expires_at,
	overpaid_value, overpaid_asset_code, overpaid_asset_scale, redirect_url, receive_value, receive_asset_code, receive_asset_scale,
	paid_at, received_value, received_asset_code, received_asset_scale, next_poll_at, created_at, updated_at)`

// insertedAttempt is what is in the columns of attemptsInserted.
func insertedAttempt(a marketplace.Attempt, askAt time.Time) []any {
	return []any{
		a.ID, int64(a.JobID), orNull(a.UserID), a.SessionID, a.PendingID, a.BuyerWalletAddressURL, string(a.State), a.Reason,
		a.Message, a.OutgoingPaymentID, a.Debit.Value(), a.Debit.AssetCode(), a.Debit.AssetScale(), timeOrNull(a.ExpiresAt),
		a.Overpaid.Value(), a.Overpaid.AssetCode(), a.Overpaid.AssetScale(),
		a.RedirectURL, a.Receive.Value(), a.Receive.AssetCode(), a.Receive.AssetScale(),
		timeOrNull(a.PaidAt), a.Received.Value(), a.Received.AssetCode(), a.Received.AssetScale(), timeOrNull(askAt), a.CreatedAt, a.UpdatedAt,
	}
}

// SaveStarted keeps what the payments service answered to a start, and a line of history. When the job
// has an attempt with the pendingID already, the payment is tied to a's session and a is marked as replaced.
// It returns CodeForeignPayment when the pendingID belongs to another job.
func (s *Store) SaveStarted(ctx context.Context, a marketplace.Attempt, e marketplace.Entry, askAt time.Time) error {
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		// The job's row first, as in Record: the same order everywhere, and whoever has read the job decides afresh.
		var state string
		if err := tx.Raw("UPDATE jobs SET version = version + 1 WHERE id = ? RETURNING state", int64(a.JobID)).Scan(&state).Error; err != nil {
			return err
		}
		var before attemptRow
		again, err := one(tx, &before, "SELECT "+attemptColumns+" FROM payment_attempts WHERE pending_id = ?", a.PendingID)
		if err != nil {
			return err
		}
		if again {
			return retie(tx, a, before)
		}
		err = tx.Exec(`UPDATE payment_attempts SET pending_id = ?, state = ?, debit_value = ?, debit_asset_code = ?, debit_asset_scale = ?,
			redirect_url = ?, receive_value = ?, receive_asset_code = ?, receive_asset_scale = ?,
			expires_at = ?, next_poll_at = ?, polls = 0, updated_at = ? WHERE id = ?`,
			a.PendingID, string(a.State), a.Debit.Value(), a.Debit.AssetCode(), a.Debit.AssetScale(),
			a.RedirectURL, a.Receive.Value(), a.Receive.AssetCode(), a.Receive.AssetScale(),
			timeOrNull(a.ExpiresAt), askAt, a.UpdatedAt, a.ID).Error
		if err != nil {
			return err
		}
		e.From, e.To = marketplace.State(state), marketplace.State(state)
		return insertHistory(tx, a.JobID, []marketplace.Entry{e})
	})
}

func retie(tx *gorm.DB, a marketplace.Attempt, before attemptRow) error {
	if before.JobID != int64(a.JobID) {
		return &marketplace.Error{Code: marketplace.CodeForeignPayment, Message: "The payments service answered with the payment of another job."}
	}
	err := tx.Exec("UPDATE payment_attempts SET session_id = ?, user_id = ?, redirect_url = ?, updated_at = ? WHERE id = ?",
		a.SessionID, orNull(a.UserID), a.RedirectURL, a.UpdatedAt, before.ID).Error
	if err != nil {
		return err
	}
	return tx.Exec("UPDATE payment_attempts SET state = ?, next_poll_at = NULL, updated_at = ? WHERE id = ?",
		string(marketplace.AttemptReplaced), a.UpdatedAt, a.ID).Error
}

// SaveLate keeps that an open attempt takes long, once for each payment: who polls asks again and again.
func (s *Store) SaveLate(ctx context.Context, a marketplace.Attempt, e marketplace.Entry) error {
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		if late, err := isLate(tx, a, e); late || err != nil {
			return err
		}
		// The job's row first, as in Record; and whoever else does this now is done before it is looked again.
		if err := tx.Exec("UPDATE jobs SET version = version + 1 WHERE id = ?", int64(a.JobID)).Error; err != nil {
			return err
		}
		if late, err := isLate(tx, a, e); late || err != nil {
			return err
		}
		open, err := attemptWhere(tx, "id = ? AND state IN "+openStates, a.ID)
		if err != nil || open == nil {
			return err
		}
		job, err := readJob(tx, a.JobID)
		if err != nil {
			return err
		}
		e.From, e.To = job.State, job.State
		return insertHistory(tx, a.JobID, []marketplace.Entry{e})
	})
}

func isLate(tx *gorm.DB, a marketplace.Attempt, e marketplace.Entry) (bool, error) {
	var n int
	return one(tx, &n, "SELECT 1 FROM job_history WHERE job_id = ? AND event = ? AND detail = ?", int64(a.JobID), e.Event, e.Detail)
}

// CloseAttempt ends an attempt for which no payment was started, or one that nobody will be sent to. One that
// has got further is left alone.
func (s *Store) CloseAttempt(ctx context.Context, a marketplace.Attempt) error {
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		known, err := attemptWhere(tx, "pending_id = ? AND pending_id <> ''", a.PendingID)
		if err != nil {
			return err
		}
		if known != nil {
			a.PendingID = "" // the earlier attempt hears of its end
		}
		return tx.Exec(`UPDATE payment_attempts SET state = ?, pending_id = ?, reason = ?, message = ?, next_poll_at = NULL, updated_at = ?
			WHERE id = ? AND state = ?`,
			string(a.State), a.PendingID, a.Reason, a.Message, a.UpdatedAt, a.ID, string(marketplace.AttemptStarting)).Error
	})
}

// Confirming marks an open attempt as approved by its buyer; one that has ended is left alone.
func (s *Store) Confirming(ctx context.Context, a marketplace.Attempt, now, askAt time.Time) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Exec("UPDATE payment_attempts SET state = ?, polls = 0, next_poll_at = ?, updated_at = ? WHERE id = ? AND state IN "+openStates,
			string(marketplace.AttemptConfirming), askAt, now, a.ID).Error
	})
}

// AttemptByPendingID returns an attempt; CodeNotFound when none has this pendingID.
func (s *Store) AttemptByPendingID(ctx context.Context, pendingID string) (marketplace.Attempt, error) {
	a, err := attemptWhere(s.db.Read(ctx), "pending_id = ?", pendingID)
	if err != nil {
		return marketplace.Attempt{}, err
	}
	if a == nil || pendingID == "" {
		return marketplace.Attempt{}, marketplace.NotFound("There is no such payment.")
	}
	return *a, nil
}

// AttemptToConsent is the job's attempt that waits for this session's consent at the wallet; CodeNotFound when there is none.
func (s *Store) AttemptToConsent(ctx context.Context, id marketplace.JobID, sessionID string) (marketplace.Attempt, error) {
	a, err := attemptWhere(s.db.Read(ctx), "job_id = ? AND state = 'awaiting' AND session_id = ? AND redirect_url <> '' ORDER BY created_at DESC, id DESC LIMIT 1",
		int64(id), sessionID)
	if err != nil {
		return marketplace.Attempt{}, err
	}
	if a == nil || sessionID == "" {
		return marketplace.Attempt{}, marketplace.NotFound("There is no such payment.")
	}
	return *a, nil
}

// JobAndAttempt returns a job, CodeNotFound without it, and the attempt with this pendingID, whosever job it is for, or nil.
func (s *Store) JobAndAttempt(ctx context.Context, id marketplace.JobID, pendingID string) (marketplace.Job, *marketplace.Attempt, error) {
	if pendingID == "" {
		job, err := s.Job(ctx, id)
		return job, nil, err
	}
	var row struct {
		Job     jobRow     `gorm:"embedded"`
		Attempt attemptRow `gorm:"embedded;embeddedPrefix:attempt_"`
	}
	// In one statement, which sees one moment: whatever changes the attempt afterwards raises the job's version, and Record notices.
	found, err := one(s.db.Read(ctx), &row, "SELECT "+jobColumns+", "+renamed(attemptColumns, "a", "attempt_")+
		" FROM jobs j LEFT JOIN payment_attempts a ON a.pending_id = ? AND a.pending_id <> '' WHERE j.id = ?", pendingID, int64(id))
	if err != nil {
		return marketplace.Job{}, nil, err
	}
	if !found {
		return marketplace.Job{}, nil, marketplace.NotFound("There is no such job.")
	}
	job, err := row.Job.job()
	if err != nil || row.Attempt.ID == "" {
		return job, nil, err
	}
	a, err := row.Attempt.attempt()
	return job, &a, err
}

func attemptWhere(tx *gorm.DB, where string, args ...any) (*marketplace.Attempt, error) {
	var row attemptRow
	found, err := one(tx, &row, "SELECT "+attemptColumns+" FROM payment_attempts WHERE "+where, args...)
	if err != nil || !found {
		return nil, err
	}
	a, err := row.attempt()
	return &a, err
}

// KnownPendingIDs are the payments that were started for a job, as far as the marketplace knows.
func (s *Store) KnownPendingIDs(ctx context.Context, id marketplace.JobID) (map[string]bool, error) {
	var ids []string
	err := s.db.Read(ctx).Raw("SELECT pending_id FROM payment_attempts WHERE job_id = ? AND pending_id <> ''", int64(id)).Scan(&ids).Error
	known := map[string]bool{}
	for _, id := range ids {
		known[id] = true
	}
	return known, err
}

// ClaimAttempts leases up to n open attempts that are due to be asked about, until leaseUntil.
func (s *Store) ClaimAttempts(ctx context.Context, n int, now, leaseUntil time.Time) ([]marketplace.Attempt, error) {
	var rows []attemptRow
	// The time of the next poll is the lease: should this process die, the row is due again then.
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		rows = nil
		// Materialized: Postgres may run a plain subquery once for each row, and claim more than n.
		return tx.Raw("WITH due AS MATERIALIZED (SELECT id FROM payment_attempts WHERE state IN "+openStates+" AND next_poll_at <= ? ORDER BY next_poll_at LIMIT ?"+s.lockDue()+`)
			UPDATE payment_attempts SET next_poll_at = ?, polls = polls + 1 WHERE id IN (SELECT id FROM due) RETURNING `+attemptColumns, now, n, leaseUntil).Scan(&rows).Error
	})
	if err != nil {
		return nil, err
	}
	claimed := make([]marketplace.Attempt, 0, len(rows))
	var unreadable []error // one of them must not hold up the others
	for _, row := range rows {
		a, err := row.attempt()
		if err != nil {
			unreadable = append(unreadable, err)
			continue
		}
		claimed = append(claimed, a)
	}
	return claimed, errors.Join(unreadable...)
}

// AskAgainAt ends a lease: the attempt is due again at the given time, if it is still open and
// the lease has not been replaced by an earlier time, as a finish does.
func (s *Store) AskAgainAt(ctx context.Context, id string, leaseUntil, at time.Time) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Exec("UPDATE payment_attempts SET next_poll_at = ? WHERE id = ? AND next_poll_at = ? AND state IN "+openStates, at, id, leaseUntil).Error
	})
}
