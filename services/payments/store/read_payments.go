package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"tianguis.example/payments"
)

// Payment is the payment with its secrets, for the rules; payments.ErrUnknown when there is none.
func (s *Store) Payment(ctx context.Context, id payments.PaymentID) (payments.Payment, error) {
	return s.takePayment(s.db.Read(ctx).Where("id = ?", string(id)))
}

// LivePayment is the one payment of an offer that has not failed, before it one whose money came late; payments.ErrUnknown when
// there is none.
func (s *Store) LivePayment(ctx context.Context, offerID string) (payments.Payment, error) {
	return s.takePayment(s.db.Read(ctx).Where("offer_id = ? AND state <> ?", offerID, string(payments.Failed)).
		Order("CASE WHEN state = 'paid_late' THEN 0 ELSE 1 END, id"))
}

func (s *Store) takePayment(where *gorm.DB) (payments.Payment, error) {
	var row paymentRow
	err := where.Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return payments.Payment{}, payments.ErrUnknown
	}
	if err != nil {
		return payments.Payment{}, err
	}
	return s.payment(row)
}

// PaymentView is the payment without its secrets; payments.ErrUnknown when there is none.
func (s *Store) PaymentView(ctx context.Context, id payments.PaymentID) (payments.Payment, error) {
	views, err := s.views(s.db.Read(ctx).Where("id = ?", string(id)))
	if err != nil {
		return payments.Payment{}, err
	}
	if len(views) == 0 {
		return payments.Payment{}, payments.ErrUnknown
	}
	return views[0], nil
}

// pending is, in the words of the index payments_pending, those that have not ended.
const pending = "state NOT IN ('paid', 'failed', 'paid_late')"

// PendingPayments are those that have not ended, oldest first, without their secrets.
func (s *Store) PendingPayments(ctx context.Context, limit int) ([]payments.Payment, error) {
	return s.views(s.db.Read(ctx).Where(pending).Order("id").Limit(limit))
}

// PaymentStandings are how the payments that have not ended stand, in the order of life.
func (s *Store) PaymentStandings(ctx context.Context) ([]payments.Standing, error) {
	var counted []struct {
		State    string
		Payments int
	}
	err := s.db.Read(ctx).Raw("SELECT state, COUNT(*) AS payments FROM payments WHERE " + pending + " GROUP BY state").Scan(&counted).Error
	if err != nil {
		return nil, err
	}
	var all []payments.Standing
	for _, state := range payments.States {
		if state.Ended() {
			continue
		}
		one := payments.Standing{State: state}
		for _, c := range counted {
			if c.State == string(state) {
				one.Payments = c.Payments
			}
		}
		var oldest []time.Time // no MIN: of an expression SQLite does not say that it is a time
		if err := s.db.Read(ctx).Model(&paymentRow{}).Where(pending+" AND state = ?", string(state)).Order("state_since").Limit(1).Pluck("state_since", &oldest).Error; err != nil {
			return nil, err
		}
		if len(oldest) > 0 {
			one.Oldest = oldest[0].UTC()
		}
		all = append(all, one)
	}
	return all, nil
}

// OfferPayments are those of an offer, oldest first, without their secrets.
func (s *Store) OfferPayments(ctx context.Context, offerID string, limit int) ([]payments.Payment, error) {
	return s.views(s.db.Read(ctx).Where("offer_id = ?", offerID).Order("id").Limit(limit))
}

// RecentPayments are the newest, newest first, without their secrets.
func (s *Store) RecentPayments(ctx context.Context, limit int) ([]payments.Payment, error) {
	return s.views(s.db.Read(ctx).Order("id DESC").Limit(limit))
}

func (s *Store) views(query *gorm.DB) ([]payments.Payment, error) {
	var rows []paymentRow
	if err := query.Find(&rows).Error; err != nil {
		return nil, err
	}
	all := make([]payments.Payment, len(rows))
	for i, row := range rows {
		view, err := row.view()
		if err != nil {
			return nil, err
		}
		all[i] = view
	}
	return all, nil
}

// ClaimDue leases up to n payments that are due: whoever else had one in hand finds it stale.
func (s *Store) ClaimDue(ctx context.Context, n int, now, until time.Time) ([]payments.Payment, error) {
	var rows []paymentRow
	// One statement is a transaction of its own, and one round trip.
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		rows = nil
		// Materialized: Postgres may run a plain subquery once for each row, and claim more than n.
		return tx.Raw(`WITH due AS MATERIALIZED (SELECT id FROM payments WHERE next_step_at <= ? ORDER BY next_step_at LIMIT ?`+s.lockDue()+`)
			UPDATE payments SET next_step_at = ?, version = version + 1 WHERE id IN (SELECT id FROM due)
			RETURNING `+columnsOf(tx, &paymentRow{}), now, n, until).Scan(&rows).Error
	})
	if err != nil {
		return nil, err
	}
	claimed := make([]payments.Payment, 0, len(rows))
	var unreadable []error // one of them must not hold up the others
	for _, row := range rows {
		p, err := s.payment(row)
		if err != nil {
			unreadable = append(unreadable, err)
			continue
		}
		claimed = append(claimed, p)
	}
	return claimed, errors.Join(unreadable...)
}
