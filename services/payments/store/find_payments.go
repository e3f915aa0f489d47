package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"tianguis.example/payments"
)

// FindPayments are up to limit that the filter picks, newest first, without their secrets.
func (s *Store) FindPayments(ctx context.Context, f payments.Filter, limit int) ([]payments.Payment, error) {
	return s.views(s.picked(ctx, f, limit).Order("id DESC").Limit(limit))
}

// CountPayments is how many the filter picks; most when there are that many or more, so that it never counts for long.
func (s *Store) CountPayments(ctx context.Context, f payments.Filter, most int) (int, error) {
	var n int64
	some := s.picked(ctx, f, most).Model(&paymentRow{}).Select("id").Order("id DESC").Limit(most)
	err := s.db.Read(ctx).Raw("SELECT COUNT(*) FROM (?) AS found", some).Scan(&n).Error
	return int(n), err
}

// notPaid is, in the words of the index payments_not_paid, the few that have another state: a parameter would not tell the database.
const notPaid = "state <> 'paid'"

// picked is a query for what the filter picks, of which the first limit by their ids, from the newest on, are wanted.
func (s *Store) picked(ctx context.Context, f payments.Filter, limit int) *gorm.DB {
	if f.Wallet == "" {
		return filteredPayments(s.db.Read(ctx), f)
	}
	// Each side by its own index: for an OR, the database reads every payment there is.
	side := func(column string) *gorm.DB {
		return filteredPayments(s.db.Read(ctx).Model(&paymentRow{}).Select("id"), f).Where(column+" = ?", f.Wallet).Order("id DESC").Limit(limit)
	}
	return s.db.Read(ctx).Where("id IN (SELECT id FROM (?) buyer UNION SELECT id FROM (?) seller)", side("buyer_wallet_address"), side("seller_wallet_address"))
}

func filteredPayments(query *gorm.DB, f payments.Filter) *gorm.DB {
	for _, is := range []struct{ column, value string }{{"state", string(f.State)}, {"reason", string(f.Reason)}, {"offer_id", f.OfferID}} {
		if is.value != "" {
			query = query.Where(is.column+" = ?", is.value)
		}
	}
	if f.State != "" && f.State != payments.Paid {
		query = query.Where(notPaid)
	}
	if f.Reason != "" { // in the words of the index payments_reason
		query = query.Where("reason <> ''")
	}
	if f.IDPrefix != "" {
		query = query.Where("id >= ? AND id <= ?", f.IDPrefix, lastID(f.IDPrefix))
	}
	// An id begins with the time at which the payment was made, so that its order is that of the time.
	if !f.Since.IsZero() {
		query = query.Where("id >= ?", firstID(f.Since)).Where("created_at >= ?", f.Since)
	}
	if !f.Until.IsZero() {
		query = query.Where("id < ?", firstID(f.Until.Add(time.Millisecond))).Where("created_at < ?", f.Until)
	}
	if !f.PaidSince.IsZero() {
		query = query.Where("paid_at >= ?", f.PaidSince)
	}
	if f.Before != "" {
		query = query.Where("id < ?", string(f.Before))
	}
	return query
}

// lastID is the highest id that begins with a text.
func lastID(prefix string) string {
	const highest = "ZZZZZZZZZZZZZZZZZZZZZZZZZZ"
	return prefix + highest[min(len(prefix), len(highest)):]
}

// LastPaid is when a payment was last paid; zero when none ever was.
func (s *Store) LastPaid(ctx context.Context) (time.Time, error) {
	var last []time.Time // no MAX: of an expression SQLite does not say that it is a time
	err := s.db.Read(ctx).Model(&paymentRow{}).Where("paid_at IS NOT NULL").Order("paid_at DESC").Limit(1).Pluck("paid_at", &last).Error
	if err != nil || len(last) == 0 {
		return time.Time{}, err
	}
	return last[0].UTC(), nil
}
