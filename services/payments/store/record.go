package store

import (
	"context"
	"errors"
	"strings"
	"unicode"

	"gorm.io/gorm"

	"tianguis.example/payments"
)

// Record commits a change: the payment's new state, its audit event and, at an end, the webhook in the outbox. All or nothing. It
// returns payments.ErrStale when the row's version is not Before's any more, and payments.ErrOfferTaken for a new
// payment of an offer that has one.
func (s *Store) Record(ctx context.Context, c payments.Change) error {
	row := s.paymentToRow(c.After)
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		if err := s.putWithAudit(tx, c, row); err != nil {
			return err
		}
		if c.Supersedes {
			if err := callOffOthers(tx, row); err != nil {
				return err
			}
		}
		if c.Event == nil {
			return nil
		}
		return insertDeliveries(tx, *c.Event, c.After.UpdatedAt)
	})
}

// putWithAudit writes the payment's row and, when the change has one, the audit event that the head in the row is about.
func (s *Store) putWithAudit(tx *gorm.DB, c payments.Change, row paymentRow) error {
	if c.Audit == nil {
		return putPayment(tx, c.Before.Version, row, "audit_events", "audit_head")
	}
	end, err := endOf(tx, row.ID)
	if err != nil {
		return err
	}
	event, head := s.keys.follow(end, row.ID, *c.Audit)
	row.AuditEvents, row.AuditHead = event.Number, head
	if err := putPayment(tx, c.Before.Version, row); err != nil {
		return err
	}
	return tx.Create(&event).Error
}

// putPayment writes a payment's row if its version is still before, but for the columns that are left as they are.
func putPayment(tx *gorm.DB, before int64, row paymentRow, leave ...string) error {
	if before == 0 {
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

// callOffOthers has the offer's other payment called off if nobody has approved it yet. Whoever has it in hand finds it stale.
func callOffOthers(tx *gorm.DB, paid paymentRow) error {
	return tx.Model(&paymentRow{}).
		Where("offer_id = ? AND id <> ? AND state IN ? AND ending = ''", paid.OfferID, paid.ID, []string{string(payments.Created), string(payments.AwaitingApproval)}).
		Updates(map[string]any{"ending": string(payments.Canceled), "version": gorm.Expr("version + 1"), "next_step_at": paid.UpdatedAt}).Error
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
