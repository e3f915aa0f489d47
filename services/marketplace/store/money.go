package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tianguis.example/chassis/database"
	"tianguis.example/marketplace"
	"tianguis.example/payments/money"
)

// moneyOf are the attempts that moved a person's money, or are about to. What was paid by somebody else for a job of theirs is not theirs.
const moneyOf = `FROM payment_attempts a JOIN jobs j ON j.id = a.job_id
	WHERE a.state IN ('paid', 'confirming') AND (j.worker_id = @who OR j.funder_id = @who AND a.user_id = @who)`

// MoneyLines are a person's payments, the newest first: up to limit, those with an id below before, or the newest for "".
func (s *Store) MoneyLines(ctx context.Context, who marketplace.UserID, before string, limit int) ([]marketplace.MoneyLine, error) {
	if before == "" {
		before = "~" // above every ULID
	}
	var rows []struct {
		Attempt  attemptRow `gorm:"embedded"`
		Title    string
		Receives bool
		Other    string
		Budget   int64
		Code     string
		Scale    uint8
	}
	err := s.db.Read(ctx).Raw(`SELECT `+prefixed("a", attemptColumns)+`, j.title, COALESCE(j.worker_id = @who, FALSE) AS receives,
		COALESCE((SELECT name FROM users WHERE id = CASE WHEN j.worker_id = @who THEN j.funder_id ELSE j.worker_id END), '') AS other,
		j.budget_value AS budget, j.budget_asset_code AS code, j.budget_asset_scale AS scale `+moneyOf+` AND a.id < @before ORDER BY a.id DESC LIMIT @limit`,
		map[string]any{"who": int64(who), "before": before, "limit": limit}).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	all := make([]marketplace.MoneyLine, len(rows))
	for i, r := range rows {
		a, err := r.Attempt.attempt()
		if err != nil {
			return nil, err
		}
		line := marketplace.MoneyLine{
			ID: a.ID, Job: a.JobID, JobTitle: r.Title, Direction: marketplace.PaidOut, Other: r.Other, Amount: a.Debit,
			At: a.PaidAt, Pending: a.State != marketplace.AttemptPaid, Proof: a.OutgoingPaymentID,
		}
		if line.At.IsZero() {
			line.At = a.UpdatedAt
		}
		if r.Receives {
			line.Direction, line.Amount = marketplace.Received, a.Received
			if !line.Amount.IsSet() {
				if line.Amount, err = money.New(r.Budget, r.Code, r.Scale); err != nil {
					return nil, err
				}
			}
		}
		all[i] = line
	}
	return all, nil
}

// prefixed are columns of a table under a name.
func prefixed(table, columns string) string {
	all := strings.Split(columns, ",")
	for i, c := range all {
		all[i] = table + "." + strings.TrimSpace(c)
	}
	return strings.Join(all, ", ")
}

// sum is what one currency comes to.
type sum struct {
	Receives bool
	Pending  bool
	Code     string
	Scale    uint8
	Month    string // "2026-11", or "" for all time
	Value    int64
}

// sums are in the currency that left or arrived. What is pending has not arrived, and what arrived before it was written down how much is not known: both
// are counted as the budget.
const sums = `SELECT COALESCE(j.worker_id = @who, FALSE) AS receives, a.state <> 'paid' AS pending,
	CASE WHEN j.worker_id = @who THEN CASE WHEN a.received_asset_code <> '' THEN a.received_asset_code ELSE j.budget_asset_code END ELSE a.debit_asset_code END AS code,
	CASE WHEN j.worker_id = @who THEN CASE WHEN a.received_asset_code <> '' THEN a.received_asset_scale ELSE j.budget_asset_scale END ELSE a.debit_asset_scale END AS scale,
	%s AS month,
	CAST(SUM(CASE WHEN j.worker_id = @who THEN CASE WHEN a.received_asset_code <> '' THEN a.received_value ELSE j.budget_value END ELSE a.debit_value END) AS BIGINT) AS value ` +
	moneyOf + ` %s GROUP BY 1, 2, 3, 4, 5`

// MoneyOf is what a person's money did, in all and in the twelve months that end with now's.
func (s *Store) MoneyOf(ctx context.Context, who marketplace.UserID, now time.Time) (marketplace.MyMoney, error) {
	var all, monthly []sum
	first := time.Date(now.UTC().Year(), now.UTC().Month()-marketplace.MoneyMonths+1, 1, 0, 0, 0, 0, time.UTC)
	month := "strftime('%Y-%m', COALESCE(a.paid_at, a.updated_at))"
	if s.db.Dialect() == database.Postgres {
		month = "to_char(COALESCE(a.paid_at, a.updated_at) AT TIME ZONE 'UTC', 'YYYY-MM')"
	}
	args := map[string]any{"who": int64(who), "first": first}
	if err := s.db.Read(ctx).Raw(fmt.Sprintf(sums, "''", ""), args).Scan(&all).Error; err != nil {
		return marketplace.MyMoney{}, err
	}
	if err := s.db.Read(ctx).Raw(fmt.Sprintf(sums, month, "AND a.state = 'paid' AND COALESCE(a.paid_at, a.updated_at) >= @first"), args).Scan(&monthly).Error; err != nil {
		return marketplace.MyMoney{}, err
	}
	return myMoney(all, monthly, first)
}

func myMoney(all, monthly []sum, first time.Time) (marketplace.MyMoney, error) {
	m := marketplace.MyMoney{Months: map[string][]marketplace.MoneyMonth{}}
	type currency struct {
		code  string
		scale uint8
	}
	at := map[currency]int{}
	for _, s := range all {
		if s.Code == "" { // a debit that nobody told
			continue
		}
		c := currency{s.Code, s.Scale}
		i, known := at[c]
		if !known {
			zero, err := money.New(0, s.Code, s.Scale)
			if err != nil {
				return m, err
			}
			i, at[c] = len(m.Totals), len(m.Totals)
			m.Totals = append(m.Totals, marketplace.MoneyTotal{Paid: zero, Received: zero, Leaving: zero, Approaching: zero})
		}
		amount, err := money.New(s.Value, s.Code, s.Scale)
		if err != nil {
			return m, err
		}
		total := &m.Totals[i]
		switch {
		case s.Receives && s.Pending:
			total.Approaching = amount
		case s.Receives:
			total.Received = amount
		case s.Pending:
			total.Leaving = amount
		default:
			total.Paid = amount
		}
	}
	slices.SortFunc(m.Totals, func(a, b marketplace.MoneyTotal) int { return strings.Compare(a.Paid.AssetCode(), b.Paid.AssetCode()) })
	for _, s := range monthly {
		if s.Code == "" {
			continue
		}
		if m.Months[s.Code] == nil {
			months := make([]marketplace.MoneyMonth, marketplace.MoneyMonths)
			for i := range months {
				zero, err := money.New(0, s.Code, s.Scale)
				if err != nil {
					return m, err
				}
				months[i] = marketplace.MoneyMonth{Month: first.AddDate(0, i, 0), Paid: zero, Received: zero}
			}
			m.Months[s.Code] = months
		}
		for i, month := range m.Months[s.Code] {
			if month.Month.Format("2006-01") != s.Month {
				continue
			}
			amount, err := money.New(s.Value, s.Code, s.Scale)
			if err != nil {
				return m, err
			}
			into := &m.Months[s.Code][i].Paid
			if s.Receives {
				into = &m.Months[s.Code][i].Received
			}
			if both, err := into.Add(amount); err == nil { // wallets that count the same currency at another scale are told of in the totals
				*into = both
			}
		}
	}
	return m, nil
}
