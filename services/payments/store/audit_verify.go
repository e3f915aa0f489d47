package store

import (
	"context"
	"strings"

	"tianguis.example/payments"
)

// verifyBatch is how many payments, or checkpoints, are looked at together.
const verifyBatch = 200

// VerifyAudit reads the whole audit trail and says what is wrong with it. anchor is a checkpoint's that was kept elsewhere, or "". The service may go on
// meanwhile. It is read a batch at a time; what is kept of it is bounded.
func (s *Store) VerifyAudit(ctx context.Context, anchor string) (payments.AuditReport, error) {
	report := payments.AuditReport{Findings: []payments.AuditFinding{}}
	pins, err := s.verifyCheckpoints(ctx, strings.TrimSpace(anchor), &report)
	if err != nil {
		return report, err
	}
	for after := ""; ; {
		last, n, err := s.verifyPayments(ctx, pins, after, &report)
		if err != nil {
			return report, err
		}
		if n < verifyBatch {
			if err := s.findOrphans(ctx, &report); err != nil {
				return report, err
			}
			return report, s.verifyActions(ctx, &report)
		}
		after = last
	}
}

// auditedEvent is an event beside its payment, both as they were at one moment. A payment without events has one that is empty.
type auditedEvent struct {
	Payment auditedRow `gorm:"embedded;embeddedPrefix:payment_"`
	Event   eventRow   `gorm:"embedded;embeddedPrefix:event_"`
}

// verifyPayments checks a batch of payments, and returns the last one's id and how many there were. It is one statement, so that
// what is appended meanwhile is seen in the payment's row and in its events, or in neither.
func (s *Store) verifyPayments(ctx context.Context, pins pinned, after string, report *payments.AuditReport) (last string, n int, err error) {
	return s.verifyRows(ctx, pins, "WHERE id > ? ORDER BY id LIMIT ?", report, after, verifyBatch)
}

// verifyRows is verifyPayments for the payments that a condition picks.
func (s *Store) verifyRows(ctx context.Context, pins pinned, which string, report *payments.AuditReport, values ...any) (last string, n int, err error) {
	rows, err := s.db.Read(ctx).Raw(`SELECT p.id AS payment_id, p.state AS payment_state, p.audit_events AS payment_audit_events, p.audit_head AS payment_audit_head,
			e.id AS event_id, e.payment_id AS event_payment_id, e.at AS event_at, e.actor AS event_actor, e.from_state AS event_from_state, e.to_state AS event_to_state,
			e.reason AS event_reason, e.detail AS event_detail, e.number AS event_number, e.key_id AS event_key_id, e.hash AS event_hash
		FROM (SELECT id, state, audit_events, audit_head FROM payments `+which+`) p
		LEFT JOIN payment_events e ON e.payment_id = p.id ORDER BY p.id, e.id`, values...).Rows()
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = rows.Close() }()
	var check *chainCheck
	end := func() {
		if check != nil {
			check.end()
			report.Add(check.findings...)
		}
	}
	for rows.Next() {
		var next auditedEvent
		if err := s.db.Read(ctx).ScanRows(rows, &next); err != nil {
			return "", 0, err
		}
		if check == nil || check.row.ID != next.Payment.ID {
			end()
			check = &chainCheck{keys: s.keys, pinned: pins, row: next.Payment}
			report.Payments++
			last, n = next.Payment.ID, n+1
		}
		if next.Event.ID == 0 {
			continue
		}
		report.Events++
		if next.Event.Number == 0 {
			report.Unchained++
		}
		check.event(next.Event)
	}
	end()
	return last, n, rows.Err()
}

// findOrphans finds the events of payments that are not there.
func (s *Store) findOrphans(ctx context.Context, report *payments.AuditReport) error {
	for after := ""; ; {
		var page []struct {
			PaymentID string
			Orphan    bool
			Events    int
		}
		err := s.db.Read(ctx).Raw(`SELECT e.payment_id, p.id IS NULL AS orphan, COUNT(*) AS events
			FROM (SELECT payment_id FROM payment_events WHERE payment_id > ? ORDER BY payment_id LIMIT ?) e LEFT JOIN payments p ON p.id = e.payment_id
			GROUP BY e.payment_id, p.id ORDER BY e.payment_id`, after, eventBatch).Scan(&page).Error
		if err != nil {
			return err
		}
		events := 0
		for _, p := range page {
			if p.Orphan {
				report.Add(payments.AuditFinding{Problem: payments.PaymentWithoutRow, PendingID: plain(p.PaymentID), Detail: "there are events of this payment, but the payment is missing"})
			}
			after, events = p.PaymentID, events+p.Events
		}
		if events < eventBatch {
			return nil
		}
	}
}

// VerifyPayment says what is wrong with one payment's chain. Of the checkpoints it believes what they say, and does not look whether they still agree with
// the events that they were made over, which are those of all payments: VerifyAudit does.
func (s *Store) VerifyPayment(ctx context.Context, id payments.PaymentID) ([]payments.AuditFinding, error) {
	var pins pinned
	for _, order := range []string{"number", "number DESC"} {
		var row checkpointRow
		if err := s.db.Read(ctx).Order(order).Limit(1).Find(&row).Error; err != nil {
			return nil, err
		}
		k, known := s.keys.byID(row.KeyID)
		switch {
		case row.Number == 0:
		case order == "number":
			pins.begun, pins.began = true, row.UpTo
		case known && same(row.Hash, k.ofCheckpoint(row)):
			pins.covered = row.UpTo
		}
	}
	report := payments.AuditReport{}
	_, n, err := s.verifyRows(ctx, pins, "WHERE id = ?", &report, string(id))
	if err == nil && n == 0 {
		err = payments.ErrUnknown
	}
	return report.Findings, err
}
