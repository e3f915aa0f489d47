package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tianguis.example/chassis/database"
	"tianguis.example/payments"
)

// Record commits a change: the payment's new state, its audit event and, at an end, the webhook in the outbox. All or nothing. It
// returns payments.ErrStale when the row's version is not Before's any more, and payments.ErrOfferTaken for a new
// payment of an offer that has one.
func (s *Store) Record(ctx context.Context, c payments.Change) error {
	row := s.paymentToRow(c.After)
	if s.isOneStatement(c) {
		return s.db.Write(ctx, func(tx *gorm.DB) error { return s.putWithAudit(tx, c, row) })
	}
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		if err := s.putWithAudit(tx, c, row); err != nil {
			return err
		}
		if c.Supersedes {
			if err := s.callOffOthers(tx, c.After); err != nil {
				return err
			}
		}
		if c.Event == nil {
			return nil
		}
		return insertDeliveries(tx, *c.Event, c.After.Trace, c.After.UpdatedAt)
	})
}

// isOneStatement reports whether nothing is written but by one statement, which needs no transaction around it. Where the payment's chain ends is read
// before it: nobody moves that without moving the payment's version, which the statement compares.
func (s *Store) isOneStatement(c payments.Change) bool {
	return c.Before.Version > 0 && c.Event == nil && !c.Supersedes && (c.Audit == nil || s.movesWithEvent())
}

// putWithAudit writes the payment's row and, when the change has one, the audit event that the head in the row is about.
func (s *Store) putWithAudit(tx *gorm.DB, c payments.Change, row paymentRow) error {
	if c.Audit == nil {
		return putPayment(tx, c.Before.Version, row, "audit_events", "audit_head")
	}
	var end chainEnd // of a new payment, before its row is there: nowhere
	if c.Before.Version > 0 {
		var err error
		if end, err = endOf(tx, row.ID); err != nil {
			return err
		}
	}
	event, head := s.keys.follow(end, row.ID, *c.Audit)
	row.AuditEvents, row.AuditHead = event.Number, head
	if c.Before.Version > 0 && s.movesWithEvent() {
		return moveWithEvent(tx, c.Before.Version, row, event)
	}
	if err := putPayment(tx, c.Before.Version, row); err != nil {
		return err
	}
	return tx.Create(&event).Error
}

// movesWithEvent reports whether the database can write a payment and its event in one statement: SQLite has no WITH that writes.
func (s *Store) movesWithEvent() bool { return s.db.Dialect() == database.Postgres }

// moveWithEvent writes a payment's row, if its version is still before, together with the event.
func moveWithEvent(tx *gorm.DB, before int64, row paymentRow, event eventRow) error {
	columns, values := fieldsOf(tx, &row, "id", "created_at")
	of, said := fieldsOf(tx, &event, "id", "payment_id")
	moved := tx.Exec("WITH moved AS (UPDATE payments SET "+strings.Join(columns, " = ?, ")+" = ? WHERE id = ? AND version = ? RETURNING id) "+
		"INSERT INTO payment_events (payment_id, "+strings.Join(of, ", ")+") SELECT id"+strings.Repeat(", ?", len(of))+" FROM moved",
		slices.Concat(values, []any{row.ID, before}, said)...)
	if moved.Error == nil && moved.RowsAffected == 0 {
		return payments.ErrStale
	}
	return moved.Error
}

// putPayment writes a payment's row if its version is still before, but for the columns that are left as they are.
func putPayment(tx *gorm.DB, before int64, row paymentRow, leave ...string) error {
	if before == 0 {
		if paid, err := offerPaid(tx, row.OfferID); err != nil || paid {
			return errors.Join(err, payments.ErrOfferTaken)
		}
		err := tx.Create(&row).Error
		if errors.Is(err, gorm.ErrDuplicatedKey) {
			return payments.ErrOfferTaken
		}
		return err
	}
	updated := tx.Model(&paymentRow{}).Where("id = ? AND version = ?", row.ID, before).
		Select("*").Omit(append(leave, "id", "created_at")...).Updates(&row)
	if updated.Error != nil {
		return updated.Error
	}
	if updated.RowsAffected == 0 {
		return payments.ErrStale
	}
	return nil
}

// offerPaid reports whether a payment of the offer has been paid. The offer's payments are locked until the new one is there: one whose money comes
// late waits, and finds the new one to call off; or it was first, and is found here.
func offerPaid(tx *gorm.DB, offerID string) (bool, error) {
	var states []string
	err := tx.Model(&paymentRow{}).Clauses(clause.Locking{Strength: clause.LockingStrengthShare}).Where("offer_id = ?", offerID).Pluck("state", &states).Error
	return slices.ContainsFunc(states, func(s string) bool { return payments.State(s).Received() }), err
}

// callOffOthers has the offer's other payment called off.
func (s *Store) callOffOthers(tx *gorm.DB, paid payments.Payment) error {
	var rows []paymentRow
	err := tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).
		Where("offer_id = ? AND id <> ? AND state IN ? AND ending = ''", paid.OfferID, string(paid.ID), payments.Superseded).Find(&rows).Error
	if err != nil {
		return err
	}
	for _, row := range rows {
		p, err := s.payment(row)
		if err != nil {
			return err
		}
		c := p.CallOff(paid.ID, paid.UpdatedAt)
		if err := s.putWithAudit(tx, c, s.paymentToRow(c.After)); err != nil {
			return err
		}
	}
	return nil
}

// maxDetail is how many characters of an event's detail are kept. A wallet's words may be in it.
const maxDetail = 1000

// plain is text that both databases and a terminal can hold.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if runes := []rune(text); len(runes) > maxDetail {
		text = string(runes[:maxDetail])
	}
	return text
}
